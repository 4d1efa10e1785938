"""What a journal promises: it keeps the record of every run, and nothing of a run is known that it cannot tell."""

from collections.abc import Awaitable, Collection, Sequence
from typing import Any, Literal, Protocol

import msgspec

from runtime.errors import ConflictError
from runtime.interpreter.events import Durable, RunState
from runtime.interpreter.waits import Wait

Source = Literal["preview", "endpoint", "chat", "webhook", "schedule", "cli", "test"]
Durability = Literal["fast", "result", "step"]
"""What is kept of a run: nothing unless it waits, the whole at its end, or each finished step before the next."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of runs.

    started, ended: seconds since the epoch. steps: how many steps finished. version: of the flow, 0 for a draft.
    document: the flow as it ran, so that the run opens as it was (only for drafts; versions never change).
    parent: the run that it repeats. waits: what a waiting run waits for; wake: when it goes on by itself.

    slug: the deployment by which it came. queue, priority (the higher the sooner), due (not before): of a queued run.
    labels: what a worker must have to take it. providers: of the models that it uses. since: when its state began.
    worker: the process that drives it, or did so last.
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
    durability: Durability = "result"
    slug: str = ""
    queue: str = ""
    priority: int = 0
    labels: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    due: float | None = None
    since: float | None = None
    worker: str = ""


STANDING = (
    "state",
    "ended",
    "steps",
    "error",
    "waits",
    "wake",
    "durability",
    "due",
    "since",
    "worker",
)  # what of a record changes as its run goes on


def is_meant(record: RunRecord, flow: str = "", state: str = "", source: str = "", search: str = "") -> bool:
    """Whether a list of runs that is asked for these shows a run; empty: whatever it is.

    search: words, each of which stands in its id, in the name of its flow, or in its error; letters a to z are those
    of A to Z.
    """
    told = (record.id.lower(), record.flow_name.lower(), record.error.lower())
    return (
        flow in ("", record.flow)
        and state in ("", record.state)
        and source in ("", record.source)
        and all(any(word in text for text in told) for word in search.lower().split())
    )


class Signal(msgspec.Struct, frozen=True):
    """What somebody wants of a run that another process drives: `name` is CANCEL, or that of an answer to a step.

    value: the answer, or why it is cancelled. by: who said so. at: seconds since the epoch.
    """

    name: str
    value: Any = None
    by: str = ""
    at: float = 0.0


CANCEL = "cancel"


def answer_to(wait: Wait) -> str:
    """The name of the signal that answers a wait: a second answer to the same question finds it taken."""
    return f"{wait.step}@{wait.asked!r}"


class Signalled(ConflictError):
    """A run cannot be put away: somebody wants something of it that it has not read."""

    def __init__(self, run: str) -> None:
        super().__init__("Somebody wants something of the run", f"run {run}", "Read its signals first.")


class Journal(Protocol):
    """Append-only record of runs. Every call is scoped by the workspace that the record carries.

    Events come back whole, also from a journal that keeps large values beside them; see `kept.py`. Who owns a run is
    told by its events: whoever takes it over appends the next one, and from then on those of the one before do not
    follow.
    """

    async def open(self, record: RunRecord, events: Sequence[Durable] = (), key: str = "") -> None:
        """Begin the record of a run. key: of its caller, within the flow. Raises ConflictError when one is taken."""
        ...

    async def append(self, workspace: str, run: str, events: Sequence[Durable], read: Collection[str] = ()) -> None:
        """Add consecutive events. read: names of signals that they come of, which go.

        Raises ConflictError when their seq does not follow the last one: then nothing was written.
        """
        ...

    async def close(
        self,
        record: RunRecord,
        events: Sequence[Durable] = (),
        *,
        after: int | None = None,
        read: Collection[str] = (),
        parks: bool = False,
    ) -> None:
        """Write how the run stands now: how it ended, that it waits, or that it goes on; with its next events.

        In one write. after: the last event must be this one. read: as in `append`. parks: only if it has no signal.
        Raises ConflictError when the events do not follow the last one, Signalled: then nothing was written.
        """
        ...

    def keep(self, record: RunRecord, events: Sequence[Durable]) -> Awaitable[None]:
        """A run at once that has ended or waits, in one write; taken over at the call, on disk when awaited."""
        ...

    async def signal(self, workspace: str, run: str, signal: Signal, after: int | None = None) -> None:
        """Leave a signal for who drives the run. after: the last event must be this one.

        Raises ConflictError when it is another, or a signal has the name already; NotFoundError.
        """
        ...

    async def signals(self, workspace: str, run: str) -> list[Signal]:
        """The signals of a run that nobody has read, the oldest first."""
        ...

    async def signalled(self, worker: str) -> list[tuple[str, str]]:
        """Workspace and id of the runs of a worker that have signals."""
        ...

    async def keyed(self, workspace: str, flow: str, key: str) -> str | None:
        """The id of the run that was started with a key of its caller's."""
        ...

    async def events(self, workspace: str, run: str, after: int = 0) -> list[Durable]:
        """The events with a seq above `after`, in order. Raises NotFoundError."""
        ...

    async def record(self, workspace: str, run: str) -> RunRecord:
        """One run. Raises NotFoundError."""
        ...

    async def records(
        self,
        workspace: str,
        *,
        flow: str = "",
        state: str = "",
        source: str = "",
        search: str = "",
        limit: int = 50,
        before: float | None = None,
    ) -> list[RunRecord]:
        """The newest runs first, without their documents. flow, state, source, search: only those, see `is_meant`.

        before: only those that started earlier.
        """
        ...

    async def counts(
        self, workspace: str, *, flow: str = "", source: str = "", search: str = ""
    ) -> dict[RunState, int]:
        """How many runs are in each state, of those that `is_meant` tells; a state without any is left out."""
        ...

    async def unfinished(self) -> list[RunRecord]:
        """Runs of every workspace that are going on, or queued; without their documents, the oldest first."""
        ...

    async def due(self, now: float) -> list[RunRecord]:
        """Some thousand runs of every workspace that wait for nothing any more, without their documents.

        Queued, or waiting until now at most, or for something that a signal says; the first due first.
        """
        ...

    async def next_due(self) -> float | None:
        """When the next run that waits, or is queued for later, goes on by itself, in seconds since the epoch."""
        ...
