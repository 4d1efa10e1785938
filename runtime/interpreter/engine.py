"""The engine: runs a plan, as an async iterator of new events; without a reader it makes none.

One loop owns the run. A step comes up when its sources have settled, starts, is entered, and gives what its body
returned, which settles it. Bodies that never wait run inside the loop, without a task; those of `tasks.py` run beside
it and post to its inbox; a step with flows inside is a coroutine that the loop resumes (`frames.py`). Nothing else
changes the run's progress.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from runtime.errors import AuthorError, OperatorError
from runtime.graph.messages import ModelCall
from runtime.graph.node import Node
from runtime.graph.plan import Plan, PlannedStep
from runtime.graph.values import ENDLESS, Large, NotJson
from runtime.interpreter.attendance import BrokenPromise, may_go_better
from runtime.interpreter.driven import driven
from runtime.interpreter.events import (
    ENDINGS,
    NOTHING,
    Durable,
    Failure,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopping,
    StepError,
    StepFailed,
    StepFinished,
    StepRetried,
    StepSkipped,
    StepStarted,
)
from runtime.interpreter.frames import Frames
from runtime.interpreter.inbox import Then
from runtime.interpreter.limits import LimitReached
from runtime.interpreter.progress import DONE, PAUSED, RUNNING, SKIPPED, WAITING, Scope, apply, by_scope, container_of
from runtime.interpreter.services import Services
from runtime.interpreter.start import input_of

PATIENCE = 5.0  # seconds: a run that only waits for a time as near as this stays in memory
BREATH = 256  # steps run in one go before other tasks of the process get a turn
LONGEST_WAIT = 3600.0  # seconds between two tries, however often a step was tried
Values = dict[str, Any]
_chance = random.Random()  # noqa: S311 - jitter is no secret


class Engine(Frames):
    """The loop of one run of a plan, or of what is left of it after `past` events; see `execution.py` for its reader.

    run: the id, from which idempotency keys are made. parent, pins: what RunStarted says of them. chance: where the
    jitter of retries comes from. Raises from the constructor: AuthorError for a start that the flow does not have,
    CallerError for an input that is not JSON.
    """

    __slots__ = ("_blocked", "_chance", "_driven", "_entering", "_new", "_plan", "_since_breath", "_turns")

    def __init__(
        self,
        plan: Plan,
        services: Services,
        given: Values | None = None,
        *,
        trigger: str = "",
        run: str = "run",
        past: Sequence[Durable] | None = None,
        parent: str = "",
        pins: dict[str, int] | None = None,
        clock: Callable[[], float] = time.time,
        chance: random.Random = _chance,
    ) -> None:
        ended = past[-1] if past and isinstance(past[-1], ENDINGS) else None
        super().__init__(plan, past[-1].seq if past else 0, ended, clock)
        self._plan, self._services, self._run, self._chance = plan, services, run, chance
        self._driven = self._blocked = False
        self._entering: list[tuple[Scope, PlannedStep, Node, Values]] = []
        self._since_breath = 0
        self._turns: asyncio.Lock | None = None
        self._past, self._new, self._since, self._inputs = {}, None, {}, NOTHING
        began = next((event for event in past if isinstance(event, RunStarted)), None) if past else None
        if past:
            self._meter.recall(past)
            self._past = by_scope(past)
            self._zero, self._since = driven(past)
            self._inputs = {event.step: event.input for event in past if isinstance(event, StepStarted)}
            self._stopping = next((event for event in past if isinstance(event, RunStopping)), None)
        if began is None:
            self._new = plan.trigger(trigger), input_of(given), parent, pins or {}
        else:
            self._root.begin(began.trigger, began.input)
            apply(self._root, self._past.pop("", ()))

    # --- the loop ----------------------------------------------------------------------------------------------

    def _set_out(self) -> None:
        if self._driven:
            raise RuntimeError("a run is driven once; to go on with it, make an Execution from its events")
        self._driven = True
        self._zero = asyncio.get_running_loop().time() - self._zero
        if self._ending is not None:
            return  # the run had ended: there is nothing more to tell
        if self._new is not None:
            self._root.begin(*self._new[:2])
            if self._watched:
                self._tell(RunStarted, *self._new)
            self._new = None
        self._go_on(self._root)

    def _turn(self, stride: int) -> bool:
        """Do the next thing: what somebody asked for, up to `stride` steps, or the end. False: it is time to wait."""
        if self._inbox.items:
            self._inbox.items.pop(0)()
        elif self._entering or self._ready:
            self._advance(stride)
            return self._since_breath < BREATH
        elif self._tasks or self._paused or not self._root.live:
            return False
        else:
            self._finish(RunFinished, *self._plan.answer(self._root.outputs))
        return True

    async def _wait(self) -> None:
        """Wait for what there is to wait for, unless that is too far away; and let others breathe after a long run."""
        if self._since_breath >= BREATH:
            self._since_breath = 0
            await self._breathe()
            return
        if not self._tasks and self._root.live:
            until = self.waits()
            self._blocked = until is None or until - self._clock() > PATIENCE
            self._rest()
        if not self._blocked:
            self._watch_time()
            await self._inbox.rings()

    def _advance(self, stride: int) -> None:
        """Enter or skip ready steps, up to `stride`, until somebody asks for something else."""
        ready, entering, asked, left = self._ready, self._entering, self._inbox.items, stride
        taken = 0
        while left and not asked:
            if entering:
                scope, step, node, values = entering.pop(0)
                if scope.live and scope.states[step.index] == RUNNING:
                    self._enter(scope, step, node, values)
            elif taken < len(ready):
                scope, step = ready[taken]
                taken += 1
                if scope.live and scope.states[step.index] == WAITING:
                    self._come(scope, step)
            else:
                break
            left -= 1
        del ready[:taken]
        self._since_breath += stride - left

    def _announce(self) -> None:
        """Start or skip every step that is ready, and enter none."""
        ready, taken = self._ready, 0
        while taken < len(ready):
            scope, step = ready[taken]
            taken += 1
            if scope.live and scope.states[step.index] == WAITING:
                self._come(scope, step)
        del ready[:taken]

    # --- steps -------------------------------------------------------------------------------------------------

    def _come(self, scope: Scope, step: PlannedStep) -> None:
        """A step's sources have all settled: skip it, or find what its ports and settings get and start it."""
        outputs, values = scope.outputs, NOTHING
        try:
            if step.quorum is not None:
                outputs = self._gather(scope, step)
            elsewhere = scope.elsewhere
            bound = None if elsewhere and step.index in elsewhere else step.bind(outputs)
            if bound is None:
                scope.settle(step.index, SKIPPED, None)
                if self._watched:
                    self._tell(StepSkipped, scope.path + step.id)
            elif step.node is not None:
                self._start(scope, step, step.node, bound[0], bound[0])
            elif step.computed.codes:
                self._spawn(scope, step, self._compute(scope, step, *bound))
            else:
                values = bound[0]
                node, made = step.build(bound[1], outputs, ())
                self._start(scope, step, node, values, {**values, **made})
        except Exception as error:
            self._refuse(scope, step, values, error)

    def _gather(self, scope: Scope, step: PlannedStep) -> list[Values | None]:
        """Enough wires of a step have brought something: it sees what was there then, and others may end."""
        for index in step.serving:
            if scope.states[index] in (WAITING, RUNNING, PAUSED):
                self._drop(scope, index)
        return scope.frozen.get(step.index, scope.outputs)

    def _refuse(self, scope: Scope, step: PlannedStep, values: Mapping[str, Any], error: BaseException) -> None:
        """The step failed before its body could be entered."""
        scope.start(step.index)
        scope.note(step.index, values)
        if self._watched and not step.closing:
            self._tell(StepStarted, scope.path + step.id, dict(values))
        self._fail(scope, step, error)

    def _start(self, scope: Scope, step: PlannedStep, node: Node, values: Values, shown: Values) -> None:
        """Announce the step, and enter its body once the announcement has been read."""
        scope.states[step.index] = RUNNING
        if step.closing:
            self._close(scope, shown)
            return
        if scope.conductor is not None or step.instead is not None:
            scope.note(step.index, shown or (scope.input if step.trigger else shown))
        if step.once and step.index in scope.cut and self._cut_off(scope, step):
            return
        if not self._watched:
            self._enter(scope, step, node, values)
            return
        if step.index not in scope.replies:  # entered anew after a pause, it was announced before
            self._tell(StepStarted, scope.path + step.id, shown or (scope.input if step.trigger else shown))
        self._entering.append((scope, step, node, values))

    def _enter(self, scope: Scope, step: PlannedStep, node: Node, values: Values) -> None:
        """Run a body: here and now when it never waits, else beside the loop."""
        meter = self._meter
        meter.steps -= 1
        if meter.steps < 0 and self._reached(scope, step, meter.out_of_steps()):
            return
        if not step.inline:
            if step.bodies:
                self._conduct(scope, step, node, values)
            else:
                self._spawn(scope, step, self._attend(scope, step, node, values))
            return
        if step.lend is not None:
            values = {**values, step.lend: self._context(scope, step, [])}
        try:
            body = step.call(node, **values)
            body.send(None)
        except StopIteration as stop:
            self._give(scope, step, stop.value)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            self._fail(scope, step, error)
        else:
            self._fail(scope, step, TypeError(f"the node `{step.kind}` says that it is pure, and it waits"))
            with suppress(Exception):
                body.close()

    def _give(
        self, scope: Scope, step: PlannedStep, result: Any, ms: float = 0.0, calls: Sequence[ModelCall] = ()
    ) -> None:
        """Take what a body returned, if it is what its node promised and no more than the run may use."""
        try:
            output = step.give(result, self._meter.most)
        except Large:  # perhaps: each port is measured by itself
            output = step.give(result, ENDLESS)
            try:
                self._meter.value(output)
            except LimitReached as error:
                if self._reached(scope, step, error):
                    return
        except NotJson as error:
            if scope.live:
                why = f"The node `{step.kind}` broke its promise: {error}"
                self._fail(scope, step, BrokenPromise(why, step.id), ms)
            return
        scope.settle(step.index, DONE, output)
        if self._watched:
            self._tell(StepFinished, scope.path + step.id, output, ms, tuple(calls))
        if calls:
            try:
                self._meter.calls(calls)
            except LimitReached as error:
                self._reached(scope, step, error)

    def _fail(self, scope: Scope, step: PlannedStep, error: BaseException, ms: float = 0.0) -> None:
        """A try failed: try again, go on with something instead, or fail what it stands in; as the step says."""
        failure = Failure.of(error)
        path = scope.path[:-1] if step.closing else scope.path + step.id
        attempt = scope.attempts.get(step.index, 0) + 1
        if step.retry is not None and attempt <= step.retry.times and may_go_better(error, step.retry):
            wait = min(step.retry.wait * step.retry.backoff ** (attempt - 1), LONGEST_WAIT)
            wait *= 1 + step.retry.jitter * (2 * self._chance.random() - 1)
            scope.retry(step.index, attempt)
            if self._watched:
                self._tell(StepRetried, path, attempt, failure, wait)
            self._spawn(scope, step, self._again(scope, step, wait))
            return
        given = error.given if isinstance(error, StepError) else scope.given.get(step.index, NOTHING)
        instead = None if step.instead is None else step.instead(failure.told(path, given))
        scope.fail(step.index, path, failure, instead)
        if self._watched and not step.closing:
            self._tell(StepFailed, path, failure, instead, ms)
        if instead is None:
            self._fell(scope, path, failure, given)

    async def _compute(self, scope: Scope, step: PlannedStep, values: Values, wired: Values) -> Then:
        """Evaluate the expressions of a step outside, then start it."""
        outputs, computed = scope.frozen.get(step.index, scope.outputs), step.computed
        try:
            try:
                self._turns = self._turns or asyncio.Lock()
                async with self._turns:  # one at a time of each run, so that no run holds up the others
                    answers = await self._services.sandbox.evaluate(computed.codes, computed.see(outputs))
            except (AuthorError, OperatorError) as error:
                raise computed.refused(error) from None
            node, made = step.build(wired, outputs, answers)
        except Exception as error:
            return partial(self._refuse, scope, step, values, error)
        return partial(self._start, scope, step, node, values, {**values, **made})

    async def _take_up(self) -> None:
        """Go on with a recorded run: enter the steps in which something had begun, and end it if it was to end.

        They are entered before anything else, so that even a run that is cancelled now cleans up there.
        """
        if self._ending is not None:
            return
        paths = {container_of(path[:-1]) for path in self._past}
        at = 0
        while paths and at < len(self._ready):  # which grows as bodies are opened
            scope, step = self._ready[at]
            if scope.states[step.index] == WAITING and (step.closing or scope.path + step.id in paths):
                if step.computed.codes and (bound := step.bind(scope.outputs)) is not None:
                    (await self._compute(scope, step, *bound))()
                else:
                    self._come(scope, step)
                while self._entering:
                    self._enter(*self._entering.pop(0))
            at += 1
        if (stopping := self._stopping) is not None and stopping.failure is None:
            self._end_early(RunCancelled, reason=stopping.reason)
        elif stopping is not None:
            self._end_early(RunFailed, step=stopping.step, failure=stopping.failure)
