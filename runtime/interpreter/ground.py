"""What a running execution stands on: what it tells, its timers, its tasks, and how it lets go of them."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from runtime.graph.plan import Plan, PlannedStep
from runtime.interpreter.conductor import Conductor
from runtime.interpreter.events import Durable, Ending, Event, Failure, RunFailed, StepSkipped
from runtime.interpreter.inbox import Inbox, Then
from runtime.interpreter.limits import LimitReached, Meter
from runtime.interpreter.progress import SKIPPED, Ready, Scope

GRACE = 1.5  # seconds a cancelled body has to end before the run goes on without it
UNWINDING = 30.0  # seconds that a run which ends early has for the bodies that clean up


class Ground:
    """The part of an execution that knows no nodes: the engine's loop stands on it."""

    __slots__ = (
        "_clock",
        "_conducting",
        "_dropped",
        "_ending",
        "_inbox",
        "_left",
        "_meter",
        "_out",
        "_paused",
        "_ready",
        "_root",
        "_seq",
        "_tasks",
        "_timers",
        "_until",
        "_watched",
    )

    def __init__(self, plan: Plan, seq: int, ending: Ending | None, clock: Callable[[], float]) -> None:
        self._seq, self._ending, self._clock = seq, ending, clock
        self._watched = self._left = False
        self._meter = Meter(plan.flow.limits)
        self._until = 0.0  # when the time of the run is over, by the loop's clock
        # Lists, also where the first is taken: an empty deque has 600 bytes, and thousands of runs may wait.
        self._ready: Ready = []
        self._root = Scope(plan, self._ready)
        self._out: list[Event] = []
        self._inbox = Inbox()
        self._tasks: dict[asyncio.Task[Then], None] = {}
        self._dropped: list[asyncio.Task[Then]] = []  # ended early, and the run does not wait for them
        self._conducting: dict[Conductor, None] = {}
        self._timers: dict[object, asyncio.TimerHandle] = {}
        self._paused: dict[str, tuple[Scope, int]] = {}

    def waits(self) -> float | None:
        """The next time (seconds since the epoch) at which the run goes on by itself; None: it waits for people."""
        times = [until for scope, step in self._paused.values() if (until := scope.pauses[step].until) is not None]
        return min(times, default=None)

    # --- telling and timing ------------------------------------------------------------------------------------

    def _tell(self, event: Callable[..., Durable], *fields: Any) -> None:
        """Count an event, and make it if somebody reads."""
        if self._watched:
            self._seq += 1
            self._out.append(event(self._seq, self._clock(), *fields))

    def _finish(self, event: Callable[..., Ending], *fields: Any) -> None:
        if self._ending is None:
            self._seq += 1
            self._ending = ending = event(self._seq, self._clock(), *fields)
            if self._watched:
                self._out.append(ending)

    def _timer(self, whose: object, seconds: float, then: Then) -> None:
        self._timers[whose] = asyncio.get_running_loop().call_later(seconds, self._inbox.post, then)

    def _stop_timer(self, whose: object) -> None:
        timer = self._timers.pop(whose, None)
        if timer is not None:
            timer.cancel()

    def _watch_time(self) -> None:
        """Set the timer of the run's time, once it waits: most runs end without, and `_breathe` looks as well."""
        if self._meter not in self._timers:
            left = self._until - asyncio.get_running_loop().time()
            self._timer(self._meter, left, self._out_of_time)

    async def _breathe(self) -> None:
        """Let other tasks of the process have a turn."""
        if asyncio.get_running_loop().time() > self._until:
            self._out_of_time()
        await asyncio.sleep(0)

    def _out_of_time(self) -> None:
        self._end_early(RunFailed, "", Failure.of(self._meter.out_of_time()))

    # --- letting go --------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        """Leave nothing behind: no timer, no step that waits for bodies, and no task as long as the grace allows."""
        self._left = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for conductor in self._conducting:
            conductor.leave()
        self._conducting.clear()
        if self._tasks or self._dropped:
            tasks = [*self._tasks, *self._dropped]
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=GRACE)

    def _end_early(self, event: Callable[..., Ending], *fields: Any) -> None:
        """The run fails or is cancelled: end what runs, let bodies clean up, then say so."""
        if self._root.live and self._ending is None:
            self._timer(self, UNWINDING, partial(self._finish, event, *fields))
            self._kill(self._root, partial(self._finish, event, *fields))

    def _reached(self, scope: Scope, step: PlannedStep, error: LimitReached) -> bool:
        """The run ends with a limit that it met, unless it is ending: what bodies that clean up use counts no more."""
        ends = self._root.live
        self._end_early(RunFailed, scope.path + step.id, Failure.of(error))
        return ends

    def _kill(self, scope: Scope, then: Then) -> None:
        """End a scope early, and go on when nothing of it runs any more."""
        scope.then = then
        if not scope.live:
            self._gone(scope)  # it is ending already, or has, and somebody else wants to know of it now
            return
        scope.live = False
        for index in scope.pauses:
            self._forget_pause(scope, index)
        for work in list(scope.going.values()):
            work.cancel()
        if any(isinstance(work, asyncio.Task) for work in scope.going.values()):
            self._timer(scope, GRACE, partial(self._leave_behind, scope))
        self._gone(scope)

    def _gone(self, scope: Scope) -> None:
        """Whether a scope that was ended early is gone by now; then whoever wanted that goes on."""
        if not scope.going and scope.then is not None:
            then, scope.then = scope.then, None
            self._stop_timer(scope)
            self._inbox.post(then)  # not called: from the depth of many bodies that would be deeper than Python goes

    def _leave_behind(self, scope: Scope) -> None:
        """Bodies that take no notice of being cancelled have no say any more."""
        for index, work in list(scope.going.items()):
            if isinstance(work, asyncio.Task):
                del scope.going[index]
                self._tasks.pop(work, None)
        self._gone(scope)

    def _drop(self, scope: Scope, index: int) -> None:
        """Nobody needs a step any more: end it, and let it count as skipped."""
        work = scope.going.pop(index, None)
        if work is not None:
            work.cancel()
        if isinstance(work, asyncio.Task):
            self._tasks.pop(work, None)
            self._dropped.append(work)
        if index in scope.pauses:
            self._forget_pause(scope, index)
        scope.settle(index, SKIPPED, None)
        if self._watched:
            self._tell(StepSkipped, scope.path + scope.plan.steps[index].id)

    def _forget_pause(self, scope: Scope, step: int) -> None:
        path = scope.pauses[step].step
        self._paused.pop(path, None)
        self._stop_timer((path,))
