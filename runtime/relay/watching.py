"""To watch a run that any process drives: what the journal has and what the relay carries, in one order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from runtime.interpreter.events import (
    ENDINGS,
    Durable,
    Event,
    RunResumed,
    StepDelta,
    StepFailed,
    StepFinished,
    StepRetried,
    StepSkipped,
    StepStarted,
)
from runtime.relay.reel import Gap, Listener, Piece
from runtime.relay.relay import Relay

POLL = 1.0  # seconds after which the journal is read without a notice
_LAG = 0.02  # seconds before the journal is asked again for what was told to be there
_LAGS = 25

Read = Callable[[int], Awaitable[list[Durable]]]
"""The events of a run with a seq above the given one, in order, from the journal."""


async def watch(
    relay: Relay, read: Read, workspace: str, run: str, after: int = 0, poll: float = POLL
) -> AsyncIterator[Event]:
    """The events of a run with a seq above `after`, and its deltas as they come, until it has ended.

    A step's deltas between two of its tries, put together, are a beginning of its text, never one with a hole: where
    something was lost nothing more comes of it until it has finished, which gives its text in full.
    """
    thread, clock = _Thread(), asyncio.get_running_loop().time
    waiting: Piece | Gap | None = None
    distrusted = 0.0  # until then the journal is not asked for what pieces say is there: it was not
    with relay.listen(workspace, run) as pieces:
        while not pieces.ended:
            for event in await _caught_up(read, thread, waiting):
                thread.take(event)
                if event.seq > after:
                    yield event
                if isinstance(event, ENDINGS):
                    return
            if waiting is not None and thread.lacks(waiting):
                distrusted = clock() + poll
            while True:
                if waiting is not None and (delta := thread.next(waiting)) is not None:
                    yield delta
                waiting = await _next(pieces, poll)
                if waiting is None or (thread.lacks(waiting) and clock() >= distrusted):
                    break


async def _next(pieces: Listener, poll: float) -> Piece | Gap | None:
    """What is told next, None when nothing was for a while; by itself, as who takes the events may dawdle."""
    with suppress(TimeoutError):
        async with asyncio.timeout(poll):
            return await anext(pieces, None)
    return None


async def _caught_up(read: Read, thread: "_Thread", waiting: Piece | Gap | None) -> list[Durable]:
    """What is new in the journal, at least up to what a piece says is there; a replica may lag a little."""
    events = await read(thread.seq)
    if waiting is not None:
        for _ in range(_LAGS):
            if (events[-1].seq if events else thread.seq) >= waiting.after:
                break
            await asyncio.sleep(_LAG)
            events = await read(thread.seq)
    return events


class _Thread:
    """Where a watcher stands. seq: the last event it knows.

    epoch: by which the run is driven, as far as is known. began: the seq at which the current try of a step began.
    holed: steps that began up to there lack text.
    """

    def __init__(self) -> None:
        self.seq = 0
        self._epoch, self._holed = 0, -1
        self._began: dict[str, int] = {}

    def take(self, event: Durable) -> None:
        """A durable event is known now."""
        self.seq = event.seq
        if isinstance(event, StepStarted | StepRetried):
            self._began[event.step] = event.seq
        elif isinstance(event, StepFinished | StepFailed | StepSkipped):
            self._began.pop(event.step, None)
        elif isinstance(event, RunResumed):
            self._epoch = event.seq  # what was under way runs again
            self._began = dict.fromkeys(self._began, event.seq)

    def lacks(self, piece: Piece | Gap) -> bool:
        """Does it follow an event that is not known?"""
        return piece.after > self.seq

    def next(self, piece: Piece | Gap) -> StepDelta | None:
        """The delta of a piece, if it is the next of a step that goes on, after all that was given of that."""
        if isinstance(piece, Gap):
            self._holed = max(self._holed, piece.after)
            return None
        delta = piece.delta
        if delta is None or piece.epoch < self._epoch:
            return None
        if self.lacks(piece):  # it may be of another try
            self._holed = max(self._holed, piece.after)
            return None
        began = self._began.get(delta.step, -1)
        # What was told before the current try began is of an earlier one.
        return delta if self._holed < began <= piece.after else None
