"""What a journal promises: it keeps the record of every run, and nothing of a run is known that it cannot tell."""

from collections.abc import Awaitable, Sequence
from typing import Literal, Protocol

import msgspec

from runtime.interpreter.events import Durable, RunState
from runtime.interpreter.waits import Wait

Source = Literal["preview", "endpoint", "chat", "webhook", "cli", "test"]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of runs.

    started, ended: seconds since the epoch. steps: how many steps finished. version: of the flow, 0 for a draft.
    document: the flow as it ran, so that the run opens as it was (only for drafts; versions never change).
    parent: the run that it repeats. waits: what a waiting run waits for; wake: when it goes on by itself.
    """

    id: str
    workspace: str
    flow: str
    flow_name: str
    source: Source
    started: float
    version: int = 0
    state: RunState = "running"
    ended: float | None = None
    steps: int = 0
    error: str = ""
    document: str = ""
    parent: str = ""
    waits: tuple[Wait, ...] = ()
    wake: float | None = None


STANDING = ("state", "ended", "steps", "error", "waits", "wake")  # what of a record changes as its run goes on


class Journal(Protocol):
    """Append-only record of runs. Every call is scoped by the workspace that the record carries.

    Events come back whole, also from a journal that keeps large values beside them; see `kept.py`.
    """

    async def open(self, record: RunRecord) -> None:
        """Begin the record of a run. Raises ConflictError when the id is taken."""
        ...

    async def append(self, workspace: str, run: str, events: Sequence[Durable]) -> None:
        """Add consecutive events. Raises ConflictError when their seq does not follow the last one."""
        ...

    async def close(self, record: RunRecord, events: Sequence[Durable] = ()) -> None:
        """Write how the run stands now: how it ended, that it waits, or that it goes on; with its next events.

        In one write. Raises ConflictError when their seq does not follow the last one: then nothing was written.
        """
        ...

    def keep(self, record: RunRecord, events: Sequence[Durable]) -> Awaitable[None]:
        """A run at once that has ended or waits, in one write; taken over at the call, on disk when awaited."""
        ...

    async def events(self, workspace: str, run: str, after: int = 0) -> list[Durable]:
        """The events with a seq above `after`, in order. Raises NotFoundError."""
        ...

    async def record(self, workspace: str, run: str) -> RunRecord:
        """One run. Raises NotFoundError."""
        ...

    async def records(
        self, workspace: str, *, flow: str = "", state: str = "", limit: int = 50, before: float | None = None
    ) -> list[RunRecord]:
        """The newest runs first, without their documents; flow, state: only those; before: that started earlier."""
        ...

    async def unfinished(self) -> list[RunRecord]:
        """Runs still marked as running, of every workspace; read once at start-up by the owner process."""
        ...

    async def wakes(self) -> list[tuple[str, str, float]]:
        """Workspace, id and `wake` of the waiting runs that go on by themselves; read once at start-up."""
        ...
