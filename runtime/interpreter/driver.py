"""Who drives runs: what a driver is given, what it promises, and the lease under which a segment is driven."""

import time
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

import msgspec

from runtime.interpreter.journal import RunRecord

# The clock that goes on while a machine sleeps, where there is one: a lease ends then, too.
_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def elapsed() -> float:
    """Seconds on a clock that nobody sets and that does not stop."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


class Lease:
    """The right to drive, for some seconds from the last `renew` on; for ever when none are said."""

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] = elapsed) -> None:
        self._seconds, self._clock = seconds, clock
        self._until = float("inf") if seconds is None else clock() + seconds

    def renew(self) -> None:
        """Whoever gives the right has just confirmed it."""
        if self._seconds is not None:
            self._until = self._clock() + self._seconds

    def end(self) -> None:
        """The right is lost: somebody else may drive."""
        self._until = float("-inf")

    @property
    def held(self) -> bool:
        """Whether nobody else can have been given the right. To be asked in the turn of the loop that relies on it."""
        return self._clock() < self._until


class Rest(msgspec.Struct, frozen=True):
    """How a segment of a run ended.

    ended: there is nothing more to do. waiting: for people, and until `until` when that is not None. queued: it is to
    be driven again, not before `until`; `why` says what was missing here, such as a kind of node.
    """

    state: Literal["ended", "waiting", "queued"]
    until: float | None = None
    why: str = ""


Segment = Callable[[str, str, Lease], Awaitable[Rest]]
"""Drive a run (workspace, id) from where its events end until it ends, waits, or cannot go on here.

To be called again when it was cut off, by whoever: it claims the run, and whoever had it before is refused from then
on. Raises what keeps it from being driven now, such as a database that does not answer: to be tried again.
"""


class Driver(Protocol):
    """Sees to it that runs are driven. The journal is the truth: a driver that forgets everything loses no run."""

    async def open(self, segment: Segment) -> None:
        """Begin: what the journal has unfinished goes on."""
        ...

    def admit(self, record: RunRecord) -> bool:
        """Whether a new run may start here, at once; then it counts as going on, and `drive` is told of it next."""
        ...

    async def drive(self, record: RunRecord) -> None:
        """There is something to do for a run: it was queued, answered, cancelled, or its time is set.

        To be called as often as one likes. The record says where it waits (queue, labels, priority, due, wake).
        """
        ...

    async def close(self) -> None:
        """Take no more runs; those that are driven stop at their next checkpoint."""
        ...
