"""Steps whose bodies wait: each is a task beside the loop, and one that waits for a person holds nothing at all."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

from runtime.errors import AuthorError, CanevasError
from runtime.graph.messages import ModelCall
from runtime.graph.node import Context, Node, Reply
from runtime.graph.plan import PlannedStep
from runtime.interpreter.attendance import Late, Pauses, Pausing, attend
from runtime.interpreter.cut import CutOff, question
from runtime.interpreter.events import (
    StepDelta,
    StepFinished,
    StepLogged,
    StepPaused,
    StepResumed,
    shortened,
    writable,
)
from runtime.interpreter.ground import GRACE, UNWINDING, Ground
from runtime.interpreter.inbox import Then
from runtime.interpreter.limits import LimitReached
from runtime.interpreter.progress import DONE, RUNNING, WAITING, Scope
from runtime.interpreter.services import RecordedLlm, Services


class Tasks(Ground):
    """The part of an execution that lets bodies wait; what they come to is done in the engine's loop."""

    __slots__ = ("_run", "_services")

    _run: str
    _services: Services

    @abstractmethod
    def _give(
        self, scope: Scope, step: PlannedStep, result: Any, ms: float = 0.0, calls: Sequence[ModelCall] = ()
    ) -> None:
        """A body returned this."""

    @abstractmethod
    def _fail(self, scope: Scope, step: PlannedStep, error: BaseException, ms: float = 0.0) -> None:
        """A body failed."""

    def _spawn(self, scope: Scope, step: PlannedStep, work: Any) -> None:
        """Run `work` beside the loop; what it returns is done in the loop, unless the run went on without it."""
        scope.states[step.index] = RUNNING
        task = scope.going[step.index] = asyncio.create_task(work)
        self._tasks[task] = ended = partial(self._ended, scope, step)
        task.add_done_callback(ended)

    def _ended(self, scope: Scope, step: PlannedStep, task: "asyncio.Task[Then]") -> None:
        self._tasks.pop(task, None)
        if task in self._dropped:
            self._dropped = tuple(other for other in self._dropped if other is not task)
        error = None if task.cancelled() else task.exception()  # looked at, else asyncio complains of it
        if task.cancelled():
            error = RuntimeError("the step was cancelled, and not by the run")
        then: Then = partial(self._fail, scope, step, error) if error is not None else task.result()
        self._inbox.post(partial(self._came, scope, step, task, then))

    def _came(self, scope: Scope, step: PlannedStep, task: "asyncio.Task[Then]", then: Then) -> None:
        """What a task comes to; by now the run may have gone on without it, or its scope may be ending."""
        if scope.going.get(step.index) is not task:
            return
        del scope.going[step.index]
        if scope.live or self._has_given(task):  # what a body has done is recorded, so that nobody does it again
            then()
        if not scope.live:
            self._gone(scope)

    def _has_given(self, task: "asyncio.Task[Then]") -> bool:
        then = None if not task.done() or task.cancelled() or task.exception() else task.result()
        return isinstance(then, partial) and then.func == self._give

    async def _again(self, scope: Scope, step: PlannedStep, wait: float) -> Then:
        await asyncio.sleep(wait)
        return partial(self._come_again, scope, step)

    def _come_again(self, scope: Scope, step: PlannedStep) -> None:
        scope.states[step.index] = WAITING
        self._ready.append((scope, step))

    async def _attend(self, scope: Scope, step: PlannedStep, node: Node, values: dict[str, Any]) -> Then:
        """Run one body to its end, its time-out, its pause or its error."""
        task = scope.going[step.index]
        calls: list[ModelCall] = []
        if step.lend is not None:
            values = {**values, step.lend: self._context(scope, step, calls, task)}

        if step.timeout is not None:
            # A body that was cancelled at its time-out and will not end is left behind.
            self._timer(task, step.timeout + GRACE, partial(self._overdue, scope, step, task))
        try:
            say = partial(self._say, scope, step, task) if step.streams else None
            result, error, ms = await attend(step, node, values, say)
        except Pausing as pause:
            return partial(self._pause, scope, step, pause)
        finally:
            self._stop_timer(task)
        if error is not None:
            return partial(self._fail_after, scope, step, error, ms, calls)
        return partial(self._give, scope, step, result, ms, calls)

    def _say(self, scope: Scope, step: PlannedStep, task: "asyncio.Task[Then]", text: str) -> None:
        """A body streams a piece of text."""
        if self._watched and scope.going.get(step.index) is task:
            self._out.append(StepDelta(scope.path + step.id, writable(text)))
            self._inbox.ring()

    def _fail_after(
        self, scope: Scope, step: PlannedStep, error: BaseException, ms: float, calls: Sequence[ModelCall]
    ) -> None:
        """A body failed; what models answered before counts all the same."""
        try:
            self._meter.calls(calls)
        except LimitReached as reached:
            if self._reached(scope, step, reached):
                return
        self._fail(scope, step, error, ms)

    def _overdue(self, scope: Scope, step: PlannedStep, task: "asyncio.Task[Then]") -> None:
        self._tasks.pop(task, None)
        self._came(scope, step, task, partial(self._fail, scope, step, Late(step), (step.timeout or 0.0) * 1000))

    # --- pauses ------------------------------------------------------------------------------------------------

    def _pause(self, scope: Scope, step: PlannedStep, pause: Pausing) -> None:
        path = scope.path + step.id
        if not self._root.live and not self._is_near(pause):
            self._fail(scope, step, _no_time(path))
            return
        self._seq += 1
        event = StepPaused(self._seq, self._clock(), path, pause.request, pause.until)
        if self._watched:
            self._out.append(event)
        scope.pause(step.index, event)
        self._await(scope, step.index)

    def _cut_off(self, scope: Scope, step: PlannedStep) -> bool:
        """A step that is not repeatable was cut off: ask, or go on as was said. False: it is to run again."""
        path, said = scope.path + step.id, scope.cut[step.index]
        if said is None:
            self._pause(scope, step, Pausing(question(path), None))
            return True
        scope.cut = {other: reply for other, reply in scope.cut.items() if other != step.index}
        if said.value["choice"] == "again":
            return False
        scope.start(step.index)
        if said.value["choice"] == "fail":
            self._fail(scope, step, CutOff(path))
            return True
        try:
            output = step.accept(said.value.get("output", {}))
        except CanevasError as error:
            self._fail(scope, step, error)
        else:
            scope.settle(step.index, DONE, output)
            self._tell(StepFinished, path, output, 0.0, (), True)
        return True

    def _is_near(self, pause: Pausing | StepPaused) -> bool:
        """Whether a run that ends has the time for it: it asks nobody, and is over before cleaning up has to be."""
        return pause.request is None and pause.until is not None and pause.until - self._clock() < UNWINDING

    def _give_up_waiting(self) -> None:
        """The run ends: bodies that clean up and wait for somebody, or for long, fail at that."""
        for path, (scope, step) in list(self._paused.items()):
            if scope.live and not self._is_near(scope.pauses[step]):
                self._forget_pause(scope, step)
                scope.forget_pause(step)
                self._fail(scope, scope.plan.steps[step], _no_time(path))

    def _await(self, scope: Scope, step: int) -> None:
        """Let a paused step be answered, and go on by itself when its time is over."""
        pause = scope.pauses[step]
        self._paused[pause.step] = scope, step
        if pause.until is not None:
            self._timer((pause.step,), max(pause.until - self._clock(), 0.0), partial(self._too_late, pause.step))

    def _too_late(self, path: str) -> None:
        paused = self._paused.pop(path, None)
        if paused is not None:
            self._resume(*paused, Reply(late=True))

    def _resume(self, scope: Scope, step: int, reply: Reply) -> None:
        path = scope.path + scope.plan.steps[step].id
        self._stop_timer((path,))
        if not scope.live:
            return
        self._go_on_counting()
        self._tell(StepResumed, path, reply.value, reply.by, reply.late)
        scope.resume(step, reply)

    def _context(
        self, scope: Scope, step: PlannedStep, calls: list[ModelCall], task: "asyncio.Task[Then] | None" = None
    ) -> Context:
        path = scope.path + step.id

        def log(text: str) -> None:
            if self._watched and (task is None or scope.going.get(step.index) is task):
                self._tell(StepLogged, path, shortened(str(text)))
                self._inbox.ring()

        lent, pause = self._services, Pauses(scope.replies.get(step.index, ()))
        # By place: naming them costs as much again, and most flows are short.
        return Context(
            RecordedLlm(lent.llm, calls),
            lent.http,
            lent.secret,
            log,
            f"{self._run}:{path}",
            pause,
            self._clock,
            scope.input,
        )


def _no_time(path: str) -> AuthorError:
    what = "The run is ending, and what cleans up cannot ask anybody then, nor wait for long"
    return AuthorError(what, path, "Ask and wait before `finally`.")
