"""What lets deployed flows start by themselves: waits for the next tick of a schedule, and drives what it queues."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from runtime.errors import CanevasError
from runtime.interpreter.journal import RunRecord

log = logging.getLogger(__name__)

_LOOK = 10.0  # seconds until the clock is looked at again: people and time servers set it
_SHARED = 1.0  # seconds until the database is, when other processes may have changed what it says
_AGAIN = 1.0  # seconds until what could not be done is tried again


class Clockwork:
    """One task that fires schedules at their times.

    upcoming: when the next one comes, also when that is past. fire: queues the runs that are due and gives them, each
    tick once, however many processes do this. drive: takes a run that was queued; one that it cannot take stays queued
    in the journal. All may raise CanevasError. shared: other processes write to this database, too. clock: seconds
    since the epoch. look: seconds at most between two looks at it.
    """

    def __init__(
        self,
        upcoming: Callable[[], Awaitable[float | None]],
        fire: Callable[[], Awaitable[Sequence[RunRecord]]],
        drive: Callable[[RunRecord], Awaitable[object]],
        *,
        shared: bool,
        clock: Callable[[], float] = time.time,
        look: float = _LOOK,
    ) -> None:
        self._upcoming, self._fire, self._drive, self._clock = upcoming, fire, drive, clock
        self._longest = min(look, _SHARED) if shared else look
        self._shared = shared
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what was missed while nothing ran comes first."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="clockwork")

    def nudge(self) -> None:
        """Look at the schedules now: something was deployed, taken down or resumed here."""
        self._nudged.set()

    async def close(self) -> None:
        """Fire nothing any more. What is queued stays so."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._nudged.clear()
            try:
                wake = await self._tend()
            except CanevasError as error:
                # The database comes back, and what is due then is as late as if this process had been away.
                log.warning("the schedules cannot be looked at, trying again: %s", error)
                await asyncio.sleep(_AGAIN)
            except Exception:  # a task that ended here would start nothing any more, and nobody would hear of it
                log.exception("the schedules failed, trying again")
                await asyncio.sleep(_AGAIN)
            else:
                await self._until(wake)

    async def _tend(self) -> float | None:
        """Fire what is due; when to look at the schedules again, None: when nudged."""
        next = await self._upcoming()
        if next is None or next > self._clock():
            return next
        queued = await self._fire()
        for record in queued:
            try:
                await self._drive(record)
            except CanevasError as error:
                log.warning("the run %s stays queued: %s", record.id, error)
        next, now = await self._upcoming(), self._clock()
        # Due, and yet not fired: another process does it at this moment, or it cannot be done for now.
        return now + _AGAIN if next is not None and next <= now and not queued else next

    async def _until(self, wake: float | None) -> None:
        """Wait for the time of the clock that people set, for a nudge, or until others may have changed something."""
        while (left := self._longest if wake is None else wake - self._clock()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, self._longest)):
                    await self._nudged.wait()
            if self._shared or self._nudged.is_set():
                return
