"""One run while this process knows it: what has happened so far, and who waits for more."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import msgspec

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
from runtime.interpreter.execution import Execution
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.waits import Wait, waits_of, wake_of


class Run:
    """A run that is driven here, or one that waits and is watched.

    execution: what drives it; None when it has ended, was put away, or is driven elsewhere. written: ends when its
    record is on disk; of a new run that is kept step by step, when it was accepted. stopped: why somebody asked it to
    end. signals: names of those that it has been told of. driving: a segment of it is under way. key: of its caller.
    last: the seq of the last event. epoch: that of the one with which it was begun or claimed.
    past: what had happened before.
    """

    __slots__ = (
        "__weakref__",
        "_changed",
        "_finished",
        "_left",
        "_pauses",
        "_resting",
        "driving",
        "ending",
        "epoch",
        "execution",
        "key",
        "last",
        "log",
        "record",
        "signals",
        "stopped",
        "written",
    )

    def __init__(self, record: RunRecord, execution: Execution | None = None, past: Iterable[Durable] = ()) -> None:
        self.record, self.execution = record, execution
        self.log: list[Event] = []
        self.ending: Ending | None = None
        self.written: asyncio.Future[None] | None = None
        self.stopped: str | None = None
        self.signals: set[str] = set()
        self.driving = False
        self.key = ""
        self.last, self.epoch = 0, 1
        self._finished: set[str] = set()
        self._changed: asyncio.Future[None] | None = None
        self._resting: asyncio.Future[None] | None = None
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
        if kind is not StepDelta:
            self.last = event.seq  # type: ignore[union-attr]
        if kind is StepFinished:
            self._finished.add(event.step)  # type: ignore[union-attr]
        elif kind is StepPaused:
            self._pauses = True
        elif isinstance(event, ENDINGS):
            self._end(event)  # before the watchers wake: they look whether the run goes on
        self._wake()

    @property
    def rests(self) -> bool:
        """Whether it has ended, or waits."""
        return self.ending is not None or self.record.state == "waiting"

    def waiting(self, now: float) -> RunRecord:
        """The record of the run when it only waits; from then on it is kept step by step."""
        waits = self.waits
        return msgspec.structs.replace(
            self.record,
            state="waiting",
            steps=len(self._finished),
            waits=waits,
            wake=wake_of(waits),
            durability="step",
            since=now,
            worker="",
        )

    def stand(self, record: RunRecord, execution: Execution | None = None) -> None:
        """How the run stands has changed; without an execution nothing of what drove it here is held any more."""
        self.record, self.execution = record, execution
        self._wake()

    def leave(self) -> None:
        """Let those who watch go, although the run has not ended."""
        self._left = True
        self._wake()

    async def rested(self) -> None:
        """Wait until the run has ended, or waits."""
        while not self.rests:
            if self._resting is None:
                self._resting = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._resting)

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
        if self._resting is not None and self.rests:
            self._resting.set_result(None)
            self._resting = None

    def ended(self, ending: Ending, events: Iterable[Event] = ()) -> RunRecord:
        """The record of the run when it ends so. events: those that come with the ending, which it has not had yet."""
        finished = {event.step for event in events if isinstance(event, StepFinished)}
        return msgspec.structs.replace(
            self.record,
            state=STATE_OF[type(ending)],
            ended=ending.at,
            steps=len(self._finished | finished),
            error=f"{ending.step}: {ending.failure.what}" if isinstance(ending, RunFailed) else "",
            waits=(),
            wake=None,
            since=ending.at,
        )

    def _end(self, ending: Ending) -> None:
        self.ending = ending
        self.execution = None  # what it held goes at once, not when the record is on disk
        self.record = self.ended(ending)

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
