"""What a running execution stands on: what it tells, its timers, its tasks, and how it lets go of them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

from runtime.graph.plan import Plan, PlannedStep
from runtime.interpreter.conductor import Conductor
from runtime.interpreter.events import Durable, Ending, Event, Failure, RunFailed, RunStopping, StepSkipped
from runtime.interpreter.inbox import Inbox, Then
from runtime.interpreter.limits import LimitReached, Meter
from runtime.interpreter.progress import SKIPPED, Ready, Scope

GRACE = 1.5  # seconds a cancelled body has to end before the run goes on without it
UNWINDING = 30.0  # seconds that a run which ends early has for the bodies that clean up


class Ground(ABC):
    """The part of an execution that knows no nodes: the engine's loop stands on it."""

    __slots__ = (
        "_clock",
        "_conducting",
        "_deadlines",
        "_dropped",
        "_ending",
        "_idle",
        "_inbox",
        "_left",
        "_meter",
        "_out",
        "_paused",
        "_ready",
        "_root",
        "_seq",
        "_stopping",
        "_tasks",
        "_timers",
        "_watched",
        "_zero",
    )

    def __init__(self, plan: Plan, seq: int, ending: Ending | None, clock: Callable[[], float]) -> None:
        self._seq, self._ending, self._clock = seq, ending, clock
        self._watched = self._left = False
        self._meter = Meter(plan.flow.limits)
        # By the loop's clock: when the run would have begun if it had been driven without a break, and since when it
        # only waits.
        self._zero = 0.0
        self._idle: float | None = None
        self._stopping: RunStopping | None = None  # what was recorded of how the run will end
        # Lists, also where the first is taken: an empty deque has 600 bytes, and thousands of runs may wait.
        self._ready: Ready = []
        self._root = Scope(plan, self._ready)
        self._out: list[Event] = []
        self._inbox = Inbox()
        self._tasks: dict[
            asyncio.Task[Then], Callable[[asyncio.Task[Then]], None]
        ] = {}  # and what is told of their end
        self._dropped: tuple[asyncio.Task[Then], ...] = ()  # ended early, and the run does not wait for them
        self._conducting: dict[Conductor, None] = {}
        self._timers: dict[object, asyncio.TimerHandle] = {}
        self._deadlines: dict[object, tuple[float, Then]] = {}
        self._paused: dict[str, tuple[Scope, int]] = {}

    def waits(self) -> float | None:
        """The next time (seconds since the epoch) at which the run goes on by itself; None: it waits for people."""
        times = [until for scope, step in self._paused.values() if (until := scope.pauses[step].until) is not None]
        return min(times, default=None)

    @abstractmethod
    def _has_given(self, task: "asyncio.Task[Then]") -> bool:
        """Whether a task has ended because its body returned."""

    @abstractmethod
    def _give_up_waiting(self) -> None:
        """The run ends, so what only waits is not waited for."""

    # --- telling and timing ------------------------------------------------------------------------------------

    def _tell(self, event: Callable[..., Durable], *fields: Any) -> None:
        """Count an event, and make it if somebody reads."""
        if self._watched:
            self._seq += 1
            self._out.append(event(self._seq, self._clock(), *fields))

    def _finish(self, event: Callable[..., Ending], *fields: Any, **named: Any) -> None:
        if self._ending is None:
            self._seq += 1
            self._ending = ending = event(self._seq, self._clock(), *fields, **named)
            if self._watched:
                self._out.append(ending)

    def _timer(self, whose: object, seconds: float, then: Then) -> None:
        self._timers[whose] = asyncio.get_running_loop().call_later(seconds, self._inbox.post, then)

    def _stop_timer(self, whose: object) -> None:
        self._deadlines.pop(whose, None)
        timer = self._timers.pop(whose, None)
        if timer is not None:
            timer.cancel()

    def _spent(self) -> float:
        """For how many seconds the run has been driven, from its start on; while it only waits, none are added."""
        return (asyncio.get_running_loop().time() if self._idle is None else self._idle) - self._zero

    def _deadline(self, whose: object, driven: float, then: Then) -> None:
        """Do something as soon as the run has been driven for so long."""
        self._deadlines[whose] = driven, then
        left = driven - self._spent()
        if left > 0:
            self._timers[whose] = asyncio.get_running_loop().call_later(left, self._soon_due, whose)
        else:
            self._soon_due(whose)  # before anything that is ready is entered

    def _soon_due(self, whose: object) -> None:
        self._inbox.post(partial(self._due, whose))

    def _due(self, whose: object) -> None:
        if self._idle is None and whose in self._deadlines:  # else it is set anew when the run goes on
            self._deadlines.pop(whose)[1]()

    def _rest(self) -> None:
        """From now on the run only waits, for people or times."""
        if self._idle is None:
            self._idle = asyncio.get_running_loop().time()

    def _go_on_counting(self) -> None:
        """The run no longer only waits."""
        if self._idle is not None:
            self._zero += asyncio.get_running_loop().time() - self._idle
            self._idle = None
            for whose, (driven, then) in list(self._deadlines.items()):
                self._stop_timer(whose)
                self._deadline(whose, driven, then)

    def _watch_time(self) -> None:
        """Set the timer of the run's time, once it waits: most runs end without, and `_breathe` looks as well."""
        if self._meter not in self._deadlines:
            self._deadline(self._meter, self._meter.seconds, self._out_of_time)

    async def _breathe(self) -> None:
        """Let other tasks of the process have a turn."""
        if self._spent() > self._meter.seconds:
            self._out_of_time()
        await asyncio.sleep(0)

    def _out_of_time(self) -> None:
        self._end_early(RunFailed, step="", failure=Failure.of(self._meter.out_of_time()))

    # --- letting go --------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        """Leave nothing behind: no timer, no step that waits for bodies, and no task as long as the grace allows."""
        self._left = True
        if self._timers:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
            self._deadlines.clear()
        if self._conducting:
            for conductor in self._conducting:
                conductor.leave()
            self._conducting.clear()
        if self._tasks or self._dropped:
            tasks = [*self._tasks, *self._dropped]
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=GRACE)

    def _end_early(self, event: Callable[..., Ending], **fields: Any) -> None:
        """The run fails or is cancelled: end what runs, let bodies clean up, then say so."""
        if not self._root.live or self._ending is not None:
            return
        self._go_on_counting()
        if self._watched and not self._stopping and not self._root.failed and self._owes():
            self._seq += 1
            self._out.append(RunStopping(self._seq, self._clock(), **fields))
        finish = partial(self._finish, event, **fields)
        self._timer(self, UNWINDING, partial(self._unwound, finish))
        self._kill(self._root, finish)
        self._give_up_waiting()

    def _owes(self) -> bool:
        """Whether bodies that clean up have to run before the run may end."""
        return any(each.scope.plan.steps[each.index].cleaning for each in self._conducting)

    def _unwound(self, finish: Then) -> None:
        """The run has had its time to clean up; what has ended by now counts."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks[task](task)
        self._inbox.post(finish)

    def _reached(self, scope: Scope, step: PlannedStep, error: LimitReached) -> bool:
        """The run ends with a limit that it met, unless it is ending: what bodies that clean up use counts no more."""
        ends = self._root.live
        self._end_early(RunFailed, step=scope.path + step.id, failure=Failure.of(error))
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
            if isinstance(work, asyncio.Task) and not work.done():  # what has ended is about to be heard of
                del scope.going[index]
                self._tasks.pop(work, None)
        self._gone(scope)

    def _drop(self, scope: Scope, index: int) -> None:
        """Nobody needs a step any more: end it, and let it count as skipped; unless its body has ended already."""
        if isinstance(work := scope.going.get(index), asyncio.Task) and self._has_given(work):
            return
        scope.going.pop(index, None)
        if work is not None:
            work.cancel()
        if isinstance(work, asyncio.Task):
            self._tasks.pop(work, None)
            self._dropped = (*self._dropped, work)
        if index in scope.pauses:
            self._forget_pause(scope, index)
            scope.forget_pause(index)
        scope.settle(index, SKIPPED, None)
        if self._watched:
            self._tell(StepSkipped, scope.path + scope.plan.steps[index].id)

    def _forget_pause(self, scope: Scope, step: int) -> None:
        path = scope.pauses[step].step
        self._paused.pop(path, None)
        self._stop_timer((path,))
