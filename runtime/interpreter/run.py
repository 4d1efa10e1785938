"""One run while this process knows it: what has happened so far, and who waits for more."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import msgspec

from runtime.interpreter.engine import Execution
from runtime.interpreter.events import (
    ENDINGS,
    STATE_OF,
    Durable,
    Ending,
    Event,
    RunFailed,
    StepDelta,
    StepFinished,
    StepPaused,
)
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.waits import Wait, waits_of, wake_of


class Run:
    """A run that is driven here, or one that waits and is watched.

    execution: what drives it; None when it has ended or was put away. kept: the seq up to which the journal has it.
    written: ends when its record is on disk. stopped: why somebody asked it to end. past: what had happened before.
    """

    __slots__ = (
        "__weakref__",
        "_changed",
        "_finished",
        "_left",
        "_pauses",
        "ending",
        "execution",
        "kept",
        "log",
        "record",
        "stopped",
        "written",
    )

    def __init__(self, record: RunRecord, execution: Execution | None = None, past: Iterable[Durable] = ()) -> None:
        self.record, self.execution = record, execution
        self.log: list[Event] = []
        self.ending: Ending | None = None
        self.kept = 0
        self.written: asyncio.Future[None] | None = None
        self.stopped: str | None = None
        self._finished: set[str] = set()
        self._changed: asyncio.Future[None] | None = None
        self._pauses = self._left = False
        for event in past:
            self.add(event)

    @property
    def durable(self) -> list[Durable]:
        """Everything but the deltas."""
        return [event for event in self.log if not isinstance(event, StepDelta)]

    @property
    def waits(self) -> tuple[Wait, ...]:
        """What the run waits for now."""
        return waits_of(self.log) if self._pauses and self.ending is None else ()

    def cancel(self, reason: str) -> None:
        """Ask the run to end; it does within the engine's grace."""
        if self.execution is not None:
            self.stopped = reason
            self.execution.cancel(reason)

    def add(self, event: Event) -> None:
        """Note what happened and wake whoever watches."""
        self.log.append(event)
        kind = type(event)
        if kind is StepFinished:
            self._finished.add(event.step)  # type: ignore[union-attr]
        elif kind is StepPaused:
            self._pauses = True
        elif isinstance(event, ENDINGS):
            self._end(event)  # before the watchers wake: they look whether the run goes on
        self._wake()

    def put_away(self) -> None:
        """The run only waits: let go of all that drove it."""
        self.execution = None
        waits = self.waits
        self.record = msgspec.structs.replace(
            self.record, state="waiting", steps=len(self._finished), waits=waits, wake=wake_of(waits)
        )
        self._wake()

    def take_up(self, record: RunRecord, execution: Execution, kept: int) -> None:
        """The run goes on after it was put away."""
        self.record, self.execution, self.kept = record, execution, kept

    def leave(self) -> None:
        """Let those who watch go, although the run has not ended."""
        self._left = True
        self._wake()

    async def changed(self) -> None:
        """Wait until something more happens in the run, or it is put away."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        # Shielded: a reader that goes away must not take the others' wake-up along.
        await asyncio.shield(self._changed)

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    def _end(self, ending: Ending) -> None:
        self.ending = ending
        self.execution = None  # what it held goes at once, not when the record is on disk
        self.record = msgspec.structs.replace(
            self.record,
            state=STATE_OF[type(ending)],
            ended=ending.at,
            steps=len(self._finished),
            error=f"{ending.step}: {ending.failure.what}" if isinstance(ending, RunFailed) else "",
            waits=(),
            wake=None,
        )

    async def watch(self, after: int = 0) -> AsyncIterator[Event]:
        """The events with a seq above `after`, the live ones as they come; ends with the run, not when it waits.

        Deltas of steps that have finished are left out: their whole text stands in StepFinished.
        """
        position = 0
        caught_up = False
        while True:
            while position < len(self.log):
                event = self.log[position]
                position += 1
                if isinstance(event, StepDelta):
                    if caught_up or event.step not in self._finished:
                        yield event
                elif event.seq > after:
                    yield event
            caught_up = True
            if self.ending is not None or self._left:
                return
            await self.changed()
