"""The local driver: runs are driven in this process, in the order and number that the limits allow."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from runtime.driving.admission import AT_ONCE, Admission, Order
from runtime.errors import CanevasError
from runtime.interpreter.driver import Lease, Rest, Segment
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.turns import Limits, Paused

log = logging.getLogger(__name__)

_LONGEST = 10.0  # seconds until the clock is looked at again: people and summer time set it
_SHARED = 0.25  # seconds between two looks for what other processes have queued
_SWEEP = 30.0  # seconds between two looks for runs that a process began which had lost its right meanwhile
_RULES = 2.0  # seconds between two looks at the limits, when other processes may have changed them
_AGAIN = 1.0  # seconds until a run is tried again that could not be driven; longer each time
_LONGEST_AGAIN = 60.0
GRACE = 10.0  # seconds that runs have to come to a checkpoint when the process ends


class Unfinished(Protocol):
    """What the driver asks of the journal."""

    async def unfinished(self) -> list[RunRecord]: ...
    async def due(self, now: float) -> list[RunRecord]: ...
    async def next_due(self) -> float | None: ...


Allowed = Callable[[], Awaitable[tuple[Limits, Paused]]]
"""The limits that hold, and the deployments that are paused."""


async def unlimited() -> tuple[Limits, Paused]:
    """No limit, and nothing is paused."""
    return {}, frozenset()


class LocalDriver:
    """Drives runs in this process.

    lease: the right to do so, for as long as no other process may. shared: other processes queue runs as well, and
    while the lease is not held, one of them drives them. at_once: runs at the same time.
    """

    def __init__(
        self,
        journal: Unfinished,
        *,
        lease: Lease | None = None,
        shared: bool = False,
        allowed: Allowed = unlimited,
        at_once: int = AT_ONCE,
        clock: Callable[[], float] = time.time,
        grace: float = GRACE,
    ) -> None:
        self._journal, self._shared, self._allowed = journal, shared, allowed
        self._lease = Lease() if lease is None else lease
        self._clock, self._grace = clock, grace
        self._admission = Admission(at_once)
        self._segment: Segment | None = None
        self._tasks: dict[asyncio.Task[Rest], Order] = {}
        self._admitted: set[str] = set()
        self._wanted: set[str] = set()  # runs of which somebody wants something while they are driven
        self._failed: dict[str, int] = {}  # runs that could not be driven, and how often
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._wake: float | None = None
        self._owned = False
        self._ruled = 0.0
        self._swept = 0.0
        self._closed = False

    async def open(self, segment: Segment) -> None:
        """Begin: what the journal has unfinished goes on."""
        self._segment = segment
        await self.limits_changed()
        await self._take_over()
        self._looking = asyncio.create_task(self._look_out())

    async def limits_changed(self) -> None:
        """Learn what holds from now on. Raises: OperatorError."""
        self._ruled = asyncio.get_running_loop().time()
        self._admission.set(*await self._allowed())
        self._pump()

    def admit(self, record: RunRecord) -> bool:
        """Whether a new run may start here, at once; then it counts as going on, and `drive` is told of it next."""
        now, order = self._clock(), Order.of(record)
        if not self._lease.held or self._closed or self._segment is None or (record.due or now) > now:
            return False
        if not self._admission.free(order, now):
            return False
        self._admission.begin(order, now)
        self._admitted.add(record.id)
        return True

    async def drive(self, record: RunRecord) -> None:
        """There is something to do for a run."""
        if self._closed or self._segment is None:
            return
        if self._admission.goes(record.id):
            if record.id in self._admitted:
                self._admitted.discard(record.id)
                self._go(Order.of(record))
            else:
                self._wanted.add(record.id)  # it may just be put away, without having heard of it
        elif record.state == "running":
            return  # it is driven elsewhere, and hears of it there
        elif record.state == "queued" and (record.due or 0.0) > self._clock():
            self._wake_at(record.due)
        elif record.wake is not None and record.wake > self._clock() and record.state == "waiting":
            self._wake_at(record.wake)
            self._offer(Order.of(record))  # it may have been answered; a run with nothing to do rests at once
        else:
            self._offer(Order.of(record))

    async def close(self) -> None:
        """Take no more runs; those that are driven stop at their next checkpoint."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    # --- whose turn it is --------------------------------------------------------------------------------------

    def _offer(self, order: Order) -> None:
        if not self._closed and self._lease.held:
            self._admission.offer(order)
            self._pump()

    def _pump(self) -> None:
        """Start every run whose turn it is, and come back when a rate lets the next one start."""
        if self._closed or self._segment is None or not self._lease.held:
            return
        now = self._clock()
        for order in self._admission.due(now):
            self._go(order)
        wait = self._admission.wait(now)
        if wait is not None and len(self._admission):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(max(wait, 0.001), self._pump)

    def _go(self, order: Order) -> None:
        task = asyncio.create_task(self._drive(order))
        self._tasks[task] = order
        task.add_done_callback(self._gone)

    async def _drive(self, order: Order) -> Rest:
        assert self._segment is not None
        return await self._segment(order.workspace, order.run, self._lease)

    def _gone(self, task: "asyncio.Task[Rest]") -> None:
        order = self._tasks.pop(task)
        self._admission.done(order.run)
        if not task.cancelled():
            error = task.exception()
            if error is None:
                self._rests(order, task.result())
            else:
                self._could_not(order, error)
        self._pump()

    def _rests(self, order: Order, rest: Rest) -> None:
        self._failed.pop(order.run, None)
        if rest.state != "ended" and rest.until is not None:
            self._wake_at(rest.until)
        if rest.state == "queued" and rest.until is not None:
            wait = max(rest.until - self._clock(), 0.0)
            asyncio.get_running_loop().call_later(min(wait, _LONGEST), self._offer, order)
        if order.run in self._wanted:
            self._wanted.discard(order.run)
            self._offer(order)

    def _could_not(self, order: Order, error: BaseException) -> None:
        """A run that could not be driven is tried again, later each time: it was accepted, so it is never given up."""
        failed = self._failed[order.run] = self._failed.get(order.run, 0) + 1
        if not isinstance(error, CanevasError):
            log.error("run %s could not be driven, and is tried again", order.run, exc_info=error)
        elif failed == 1:
            log.warning("run %s could not be driven, and is tried again: %s", order.run, error)
        again = min(_AGAIN * 2.0 ** min(failed - 1, 10), _LONGEST_AGAIN)
        asyncio.get_running_loop().call_later(again, self._offer, order)

    # --- times, and other processes ----------------------------------------------------------------------------

    def _wake_at(self, at: float | None) -> None:
        if at is not None and (self._wake is None or at < self._wake):
            self._wake = at
            self._look.set()

    async def _take_over(self) -> None:
        """What was going on, or queued, when nobody drove goes on here."""
        held = self._lease.held
        if held:
            for record in await self._journal.unfinished():
                if record.state == "running" or (record.due or 0.0) <= self._clock():
                    self._offer(Order.of(record))
        self._wake_at(await self._journal.next_due())
        self._swept = asyncio.get_running_loop().time()
        self._owned = held  # only now: what could not be read is taken over at the next look

    async def _look_out(self) -> None:
        """Drive runs at their time; and, of a journal that is shared, what other processes have queued."""
        while True:
            wait = _LONGEST if self._wake is None else min(max(self._wake - self._clock(), 0.0), _LONGEST)
            self._look.clear()
            try:
                async with asyncio.timeout(min(wait, _SHARED) if self._shared else wait):
                    await self._look.wait()
                continue
            except TimeoutError:
                pass
            try:
                await self._see()
            except CanevasError as error:
                log.warning("the runs that are due cannot be read: %s", error)
                await self._look_again()
            except Exception:  # a task that ended here would wake no run any more, and nobody would hear of it
                log.exception("the runs that are due cannot be read")
                await self._look_again()

    async def _look_again(self) -> None:
        await asyncio.sleep(_AGAIN)
        self._wake_at(self._clock())

    async def _see(self) -> None:
        if not self._lease.held:
            self._owned, self._wake = False, None  # a time that has come would be looked at without a pause
            return
        if not self._owned or (self._shared and asyncio.get_running_loop().time() > self._swept + _SWEEP):
            await self._take_over()
        if self._shared and asyncio.get_running_loop().time() > self._ruled + _RULES:
            await self.limits_changed()
        now = self._clock()
        if self._shared or (self._wake is not None and self._wake <= now):
            due = await self._journal.due(now)
            for record in due:
                self._offer(Order.of(record))
            self._wake = None  # before the next one is asked for: what is said meanwhile is not overwritten
            self._wake_at(now + _SHARED if due else await self._journal.next_due())
