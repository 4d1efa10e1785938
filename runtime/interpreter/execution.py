"""One run, to be read: its events one by one, by the batch or by the checkpoint, or its outcome alone."""

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Any

from runtime.errors import ConflictError
from runtime.graph.node import Reply
from runtime.interpreter.engine import BREATH, Engine
from runtime.interpreter.events import Ending, Event, RunCancelled


class Execution(Engine):
    """One run of a plan, or what is left of it: read its events or await its `outcome`, once. Made as `Engine` is."""

    __slots__ = ()

    async def outcome(self) -> Ending | None:
        """Run to the end with nobody watching; a failure is an ending too. None: the run waits, see `waits`."""
        self._set_out()
        try:
            if self._past:
                await self._take_up()
            while self._ending is None and not self._blocked:
                if not self._turn(BREATH):
                    await self._wait()
        finally:
            await self._leave()
        return self._ending

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The new events, in order; the run goes on only when the next one is asked for.

        Without an ending among them the run waits for people or times, and holds nothing any more: see `waits`.
        """
        self._watched, out = True, self._out
        self._set_out()
        try:
            if self._past:
                await self._take_up()
            if self._ending is None:
                self._watch_time()  # a reader may take its time between two events
            while True:
                while out:
                    yield out.pop(0)
                if self._ending is not None or self._blocked:
                    return
                if not self._turn(1):
                    await self._wait()
        finally:
            await self._leave()

    async def batches(self) -> AsyncIterator[list[Event]]:
        """The new events, in order, as many at a time as come without waiting: cheaper when nobody looks between."""
        self._watched = True
        self._set_out()
        try:
            if self._past:
                await self._take_up()
            while self._ending is None and not self._blocked:
                if not self._turn(BREATH):
                    await self._wait()
                if self._out:
                    yield list(self._out)
                    self._out.clear()
        finally:
            await self._leave()

    async def checkpoints(self) -> AsyncGenerator[list[Event]]:
        """The new events, in order; no body is entered before all that came before it has been taken.

        Who writes them down before asking for more never runs a step again that had finished.
        """
        self._watched = True
        self._set_out()
        try:
            if self._past:
                await self._take_up()
            while self._ending is None and not self._blocked:
                if not self._inbox.items:
                    self._announce()
                    if self._out and self._entering:
                        yield self._taken()
                        continue  # somebody may have asked for something meanwhile
                if self._turn(1):
                    continue
                if self._out:
                    yield self._taken()
                else:
                    await self._wait()
            if self._out:
                yield self._taken()
        finally:
            await self._leave()

    def _taken(self) -> list[Event]:
        """The new events; those that come while the reader has these are the next."""
        taken, self._out = self._out, []
        return taken

    @property
    def busy(self) -> bool:
        """Whether a body is under way that would run again if the run stopped here."""
        return bool(self._tasks)

    def cancel(self, reason: str = "") -> None:
        """Stop the run: what runs is ended, bodies that clean up are run, and the run ends as cancelled."""
        self._inbox.post(partial(self._end_early, RunCancelled, reason=reason))

    def reply(self, step: str, value: Any, by: str = "") -> None:
        """Answer what a paused step asked. Raises: ConflictError when it waits for no answer (any more).

        A run that was put away takes no answer; it goes on from its events, with a StepResumed after them.
        """
        paused = None if self._left else self._paused.pop(step, None)
        if paused is None:
            raise ConflictError("Nobody waits for this answer any more", step, "Look at the run: it has gone on.")
        self._inbox.post(partial(self._resume, *paused, Reply(value, by)))
