"""Something done to many runs: to which of those that were chosen it applies, and what became of each."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal, TypedDict, get_args

from builder.runs.lines import GOING_ON, RunLine
from runtime.errors import CanevasError

Deed = Literal["stop", "again", "go_on"]
"""Stop what goes on; run again what has ended, from its beginning or from where it failed."""

DEEDS: tuple[Deed, ...] = get_args(Deed)
AT_ONCE = 8


class Refused(TypedDict):
    """A run to which it could not be done. what, mend: why, and what to do; texts of the catalogue."""

    id: str
    flow_name: str
    what: str
    mend: str


def fitting(lines: Iterable[RunLine], chosen: Iterable[str], deed: str) -> list[RunLine]:
    """Those of the chosen runs to which it applies."""
    ids = set(chosen)
    return [line for line in lines if line["id"] in ids and _fits(line["state"], deed)]


def _fits(state: str, deed: str) -> bool:
    if deed == "stop":
        return state in GOING_ON
    return state == "failed" if deed == "go_on" else state not in GOING_ON


async def each(lines: Sequence[RunLine], act: Callable[[str], Awaitable[object]]) -> list[Refused]:
    """Do it to every run, a few at once; those to which it could not be done, in their order."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(line: RunLine) -> Refused | None:
        async with turn:
            try:
                await act(line["id"])
            except CanevasError as error:
                return Refused(id=line["id"], flow_name=line["flow_name"], what=error.what, mend=error.mend)
        return None

    return [refused for refused in await asyncio.gather(*map(one, lines)) if refused is not None]
