"""The list of runs in Reflex: filtered and searched, loaded page by page, and looked at again and again."""

import time

import reflex as rx

from builder.guard import backend, person
from builder.runs.bulk import DEEDS, fitting
from builder.runs.lines import PAGE, SOURCES, STATES, RunLine, line
from runtime.errors import CanevasError

EVERY = 2_000  # ms between two looks
_REST = 20  # counting takes at most this part of the time: among very many runs a search takes its while


class RunList(rx.State):
    """The runs of a workspace, newest first.

    phase: loading, there or failed. flow, standing, source, words: what the list is filtered by, empty for everything.
    counts: how many runs there are in each state, of those that the other filters let through; total: of all states.
    cleared: how often all filters were taken away. more: older runs wait. flows: what one may filter by, as options of
    a select. chosen: the ids of the runs that are ticked.
    """

    phase: str = "loading"
    runs: list[RunLine] = []
    flows: list[dict[str, str]] = []
    flow: str = ""
    standing: str = ""
    source: str = ""
    words: str = ""
    counts: dict[str, int] = dict.fromkeys(STATES, 0)
    total: int = 0
    cleared: int = 0
    more: bool = False
    chosen: list[str] = []
    failed: str = ""
    mend: str = ""
    _count_after: float = 0.0

    @rx.var
    def every(self) -> int:
        """How soon to look again, in ms; not at all before the list is there."""
        return EVERY if self.phase == "there" else 0

    @rx.var
    def is_filtered(self) -> bool:
        """Is anything left out?"""
        return bool(self.flow or self.standing or self.source or self.words)

    @rx.var
    def found(self) -> int:
        """How many runs the filters let through."""
        return self.counts[self.standing] if self.standing else self.total

    @rx.var
    def is_all_chosen(self) -> bool:
        """Is every run that is shown ticked?"""
        return bool(self.runs) and len(self.chosen) == len(self.runs)

    @rx.var
    def deeds(self) -> list[str]:
        """What can be done to some of those that are ticked."""
        return [deed for deed in DEEDS if fitting(self.runs, self.chosen, deed)]

    @rx.event
    async def load(self) -> None:
        """Show the newest runs."""
        try:
            self.flows = [{"value": entry.id, "label": entry.name} for entry in await backend().flows(await person())]
            await self._filter()
        except CanevasError as error:
            self.phase, self.failed, self.mend = "failed", error.what, error.mend

    @rx.event
    async def look(self) -> None:
        """See what changed in the runs that are shown."""
        await self._take(max(PAGE, len(self.runs)))
        if time.monotonic() > self._count_after:
            await self._count()

    @rx.event
    async def load_more(self) -> None:
        """Show older runs too."""
        await self._take(len(self.runs) + PAGE)

    @rx.event
    async def filter_state(self, state: str) -> None:
        """Only runs in this state; empty for all."""
        self.standing = state if state in STATES else ""
        await self._filter()

    @rx.event
    async def filter_flow(self, flow: str) -> None:
        """Only runs of this flow; empty for all."""
        self.flow = flow
        await self._filter()

    @rx.event
    async def filter_source(self, source: str) -> None:
        """Only runs that came from there; empty for all."""
        self.source = source if source in SOURCES else ""
        await self._filter()

    @rx.event
    async def search(self, words: str) -> None:
        """Only runs that say these words in their id, their flow's name or their error."""
        self.words = words[:200].strip()
        await self._filter()

    @rx.event
    async def clear(self) -> None:
        """Show everything again."""
        self.flow = self.standing = self.source = self.words = ""
        self.cleared += 1
        await self._filter()

    @rx.event
    async def choose(self, run: str, chosen: bool) -> None:
        """Tick a run, or take its tick away."""
        rest = [id for id in self.chosen if id != run]
        self.chosen = [*rest, run] if chosen else rest

    @rx.event
    async def choose_all(self, chosen: bool) -> None:
        """Tick every run that is shown, or none."""
        self.chosen = [one["id"] for one in self.runs] if chosen else []

    async def _filter(self) -> None:
        self.chosen = []
        await self._take(PAGE)
        await self._count()

    async def _take(self, count: int) -> None:
        found = await backend().runs(
            await person(),
            flow=self.flow,
            state=self.standing,
            source=self.source,
            search=self.words,
            limit=count + 1,
        )
        lines, self.more, self.phase = [line(record) for record in found[:count]], len(found) > count, "there"
        if lines != self.runs:
            self.runs = lines
        there = {one["id"] for one in lines}
        if not there.issuperset(self.chosen):
            self.chosen = [id for id in self.chosen if id in there]

    async def _count(self) -> None:
        began = time.monotonic()
        found = await backend().run_counts(await person(), flow=self.flow, source=self.source, search=self.words)
        now = time.monotonic()
        self._count_after = now + _REST * (now - began)
        counts = {state: found.get(state, 0) for state in STATES}  # type: ignore[call-overload]
        if counts != self.counts or self.total != sum(counts.values()):
            self.counts, self.total = counts, sum(counts.values())
