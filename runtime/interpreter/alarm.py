"""One timer for all the runs that go on at a time."""

import asyncio
import heapq
import time
from collections.abc import Callable

_LONGEST = 3600.0  # seconds until the clock is looked at again: people and summer time set it


class Alarm:
    """Rings for each (workspace, run) once its time has come; a run that rings for nothing bears it.

    ring: takes a workspace and the id of a run. clock: seconds since the epoch.
    """

    def __init__(self, ring: Callable[[str, str], None], clock: Callable[[], float] = time.time) -> None:
        self._ring, self._clock = ring, clock
        self._times: list[tuple[float, str, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def set(self, workspace: str, run: str, at: float) -> None:
        """Ring for a run at a time (seconds since the epoch), at once when that is past."""
        heapq.heappush(self._times, (at, workspace, run))
        self._wind()

    def stop(self) -> None:
        """Ring for nobody any more."""
        self._stopped = True
        self._times.clear()
        self._wind()

    def _wind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._times and not self._stopped:
            wait = min(max(self._times[0][0] - self._clock(), 0.0), _LONGEST)
            self._timer = asyncio.get_running_loop().call_later(wait, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._clock()
        due = []
        while self._times and self._times[0][0] <= now:
            due.append(heapq.heappop(self._times))
        self._wind()
        for _, workspace, run in due:
            self._ring(workspace, run)
