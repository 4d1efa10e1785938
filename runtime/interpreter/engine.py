"""The engine: runs a plan, as an async iterator of new events; without a reader it makes none.

One loop owns the run. Steps whose body never waits run inside it, without a task; every other body is a task that
posts to the loop's inbox; a step with flows inside is a coroutine that the loop itself resumes. Nothing else changes
the run's progress.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from runtime.errors import CallerError, ConflictError
from runtime.graph.messages import ModelCall
from runtime.graph.node import Context, Node, Reply
from runtime.graph.plan import Plan, PlannedStep
from runtime.graph.values import NotJson, plain, take_object
from runtime.interpreter.attendance import BrokenPromise, Late, Pauses, Pausing, attend, may_go_better
from runtime.interpreter.conductor import Conductor, Dropped
from runtime.interpreter.events import (
    ENDINGS,
    BodyStarted,
    Durable,
    Ending,
    Event,
    Failure,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    StepDelta,
    StepError,
    StepFailed,
    StepFinished,
    StepLogged,
    StepPaused,
    StepResumed,
    StepRetried,
    StepSkipped,
    StepStarted,
    shortened,
    writable,
)
from runtime.interpreter.ground import GRACE, Ground
from runtime.interpreter.inbox import Then
from runtime.interpreter.limits import LimitReached, Meter
from runtime.interpreter.progress import PAUSED, RUNNING, WAITING, Scope, apply, begun_inside, by_scope
from runtime.interpreter.services import RecordedLlm, Services

PATIENCE = 5.0  # seconds: a run that only waits for a time as near as this stays in memory
BREATH = 256  # steps run in one go before other tasks of the process get a turn
LONGEST_WAIT = 3600.0  # seconds between two tries, however often a step was tried
Values = dict[str, Any]


class Execution(Ground):
    """One run of a plan, or what is left of it after `past` events: read its events or await its `outcome`, once.

    run: the id, from which idempotency keys are made. parent, pins: what RunStarted says of them. chance: where the
    jitter of retries comes from. Raises from the constructor: AuthorError for a start that the flow does not have,
    CallerError for an input that is not JSON.
    """

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
        chance: random.Random | None = None,
    ) -> None:
        past = past or ()
        self._ready: deque[tuple[Scope, int]] = deque()
        ended = past[-1] if past and isinstance(past[-1], ENDINGS) else None
        super().__init__(Scope(plan, self._ready), past[-1].seq if past else 0, ended, clock)
        self._plan, self._services, self._run = plan, services, run
        self._chance = chance or random.Random()  # noqa: S311 - jitter is no secret
        self._meter = Meter(plan.flow.limits)
        self._meter.recall(past)
        self._past = by_scope(past)
        began = next((event for event in past if isinstance(event, RunStarted)), None)
        self._new = None if began else (plan.trigger(trigger), _input(given), parent, pins or {})
        self._driven = self._blocked = False
        self._entering: deque[tuple[Scope, PlannedStep, Node, Values]] = deque()
        self._since_breath = 0
        if began is not None:
            self._root.begin(began.trigger, began.input)
            apply(self._root, self._past.pop("", ()))

    async def outcome(self) -> Ending | None:
        """Run to the end with nobody watching; a failure is an ending too. None: the run waits, see `waits`."""
        self._set_out()
        try:
            while self._ending is None and not self._blocked:
                await self._turn(BREATH)
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
            while True:
                while out:
                    yield out.popleft()
                if self._ending is not None or self._blocked:
                    return
                await self._turn(1)
        finally:
            await self._leave()

    async def batches(self) -> AsyncIterator[list[Event]]:
        """The new events, in order, as many at a time as come without waiting: cheaper when nobody looks between."""
        self._watched = True
        self._set_out()
        try:
            while self._ending is None and not self._blocked:
                await self._turn(BREATH)
                if self._out:
                    yield list(self._out)
                    self._out.clear()
        finally:
            await self._leave()

    def cancel(self, reason: str = "") -> None:
        """Stop the run: what runs is ended, bodies that clean up are run, and the run ends as cancelled."""
        self._inbox.post(partial(self._end_early, RunCancelled, reason))

    def reply(self, step: str, value: Any, by: str = "") -> None:
        """Answer what a paused step asked. Raises: ConflictError when it waits for no answer (any more).

        A run that was put away takes no answer; it goes on from its events, with a StepResumed after them.
        """
        paused = None if self._left else self._paused.pop(step, None)
        if paused is None:
            raise ConflictError("Nobody waits for this answer any more", step, "Look at the run: it has gone on.")
        self._inbox.post(partial(self._resume, *paused, Reply(value, by)))

    # --- the loop ----------------------------------------------------------------------------------------------

    def _set_out(self) -> None:
        if self._driven:
            raise RuntimeError("a run is driven once; to go on with it, make an Execution from its events")
        self._driven = True
        if self._ending is not None:
            return  # the run had ended: there is nothing more to tell
        if self._new is not None:
            self._root.begin(*self._new[:2])
            self._tell(RunStarted, *self._new)
        self._go_on(self._root)
        self._take_up(begun_inside(self._past))
        self._timer(self._meter, self._plan.flow.limits.seconds, self._out_of_time)

    async def _turn(self, stride: int) -> None:
        """Do the next thing: advance by up to `stride` steps, end, or wait when there is nothing to do but wait."""
        if self._inbox.items:
            self._inbox.items.popleft()()
        elif self._entering or self._ready:
            await self._advance(stride)
        elif self._tasks or not self._root.live:
            await self._inbox.rings()
        elif self._paused:
            until = self.waits()
            self._blocked = until is None or until - self._clock() > PATIENCE
            if not self._blocked:
                await self._inbox.rings()
        else:
            self._finish(RunFinished, *self._plan.answer(self._root.outputs))

    async def _advance(self, stride: int) -> None:
        """Enter or skip ready steps, up to `stride`; a long stretch lets other tasks of the process have a turn."""
        ready, entering, asked, left = self._ready, self._entering, self._inbox.items, stride
        while left and not asked:
            if entering:
                scope, planned, node, values = entering.popleft()
                if scope.live and scope.states[planned.index] == RUNNING:
                    self._enter(scope, planned, node, values)
            elif ready:
                scope, step = ready.popleft()
                if scope.live and scope.states[step] == WAITING:
                    self._come(scope, scope.plan.steps[step])
            else:
                break
            left -= 1
        self._since_breath += stride - left
        if self._since_breath >= BREATH:
            self._since_breath = 0
            await asyncio.sleep(0)

    # --- steps -------------------------------------------------------------------------------------------------

    def _come(self, scope: Scope, step: PlannedStep) -> None:
        """A step's sources have all settled: skip it, or find what its ports and settings get and start it."""
        outputs = scope.outputs
        try:
            if step.quorum is not None:
                outputs = self._gather(scope, step)
            elsewhere = scope.elsewhere
            bound = None if elsewhere and step.index in elsewhere else step.bind(outputs)
            if bound is None:
                scope.skip(step.index)
                if self._watched:
                    self._tell(StepSkipped, scope.path + step.id)
            elif step.node is not None:
                self._start(scope, step, step.node, bound[0], bound[0])
            elif step.codes:
                self._spawn(scope, step, self._compute(scope, step, *bound))
            else:
                node, made = step.build(bound[1], outputs, ())
                self._start(scope, step, node, bound[0], {**bound[0], **made})
        except Exception as error:
            self._refuse(scope, step, {}, error)

    def _gather(self, scope: Scope, step: PlannedStep) -> list[Values | None]:
        """Enough wires of a step have brought something: it sees what was there then, and others may end."""
        for index in step.serving:
            if scope.states[index] in (WAITING, RUNNING, PAUSED):
                self._drop(scope, index)
        return scope.frozen.get(step.index, scope.outputs)

    def _refuse(self, scope: Scope, step: PlannedStep, values: Values, error: BaseException) -> None:
        """The step failed before its body could be entered."""
        scope.start(step.index)
        if self._watched and not step.closing:
            self._tell(StepStarted, scope.path + step.id, values)
        self._fail(scope, step, error)

    def _start(self, scope: Scope, step: PlannedStep, node: Node, values: Values, shown: Values) -> None:
        """Announce the step, and enter its body once the announcement has been read."""
        scope.states[step.index] = RUNNING
        if step.closing:
            self._close(scope, shown)
        elif not self._watched:
            self._enter(scope, step, node, values)
        else:
            if step.index not in scope.replies:  # entered anew after a pause, it was announced before
                self._tell(StepStarted, scope.path + step.id, shown or (scope.input if step.trigger else shown))
            self._entering.append((scope, step, node, values))

    def _enter(self, scope: Scope, step: PlannedStep, node: Node, values: Values) -> None:
        """Run a body: here and now when it never waits, else beside the loop."""
        try:
            self._meter.step()
        except LimitReached as error:
            if self._reached(scope, step, error):
                return
        if not step.inline:
            self._enter_waiting(scope, step, node, values)
            return
        if step.lend is not None:
            values = {**values, step.lend: self._context(scope, step, [])}
        try:
            body = step.call(node, values)
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
            output = step.give(result)
            self._meter.value(output)
            if calls:
                self._meter.calls(calls)
        except NotJson as error:
            self._fail(scope, step, BrokenPromise(f"The node `{step.kind}` broke its promise: {error}", step.id), ms)
            return
        except LimitReached as error:
            if self._reached(scope, step, error):
                return
        scope.finish(step.index, output)
        if self._watched:
            self._tell(StepFinished, scope.path + step.id, output, ms, tuple(calls))

    def _fail(self, scope: Scope, step: PlannedStep, error: BaseException, ms: float = 0.0) -> None:
        """A try failed: try again, go on with something instead, or fail what it stands in; as the step says."""
        failure = Failure.of(error)
        path = scope.path[:-1] if step.closing else scope.path + step.id
        attempt = scope.attempts.get(step.index, 0) + 1
        if step.retry is not None and attempt <= step.retry.times and may_go_better(error, step.retry):
            wait = min(step.retry.wait * step.retry.backoff ** (attempt - 1), LONGEST_WAIT)
            wait *= 1 + step.retry.jitter * (2 * self._chance.random() - 1)
            scope.attempts[step.index] = attempt
            if self._watched:
                self._tell(StepRetried, path, attempt, failure, wait)
            self._spawn(scope, step, self._again(scope, step, wait))
            return
        instead = None
        if step.instead is not None:
            instead = step.instead(failure.told(path))
        scope.fail(step.index, path, failure, instead)
        if self._watched and not step.closing:
            self._tell(StepFailed, path, failure, instead, ms)
        if instead is None:
            self._fell(scope, path, failure)

    def _fell(self, scope: Scope, path: str, failure: Failure) -> None:
        """Nothing catches a step's failure in its scope: the run fails with it, or the step around it learns of it."""
        if scope.conductor is None:
            self._end_early(RunFailed, path, failure)
        elif scope.live:
            inner = failure if failure.step else _placed(failure, path)
            self._kill(scope, partial(scope.conductor.body_ended, scope, {}, StepError(inner)))

    # --- flows inside a step -----------------------------------------------------------------------------------

    def _conduct(self, scope: Scope, step: PlannedStep, node: Node, values: Values) -> None:
        conductor = Conductor(scope, step.index, self._open, self._kill, partial(self._conducted, step))
        scope.going[step.index] = conductor
        self._conducting.add(conductor)
        if step.timeout is not None:
            self._timer(conductor, step.timeout, partial(conductor.cancel, Late(step)))
        assert step.conduct is not None
        values = {**values, step.conduct: conductor}
        if step.lend is not None:
            values[step.lend] = self._context(scope, step, [])
        conductor.start(step.call(node, values))

    def _open(self, conductor: Conductor, body: str, key: str, given: Values) -> Scope:
        """Begin a body of a step, or go on with it where its events end."""
        outer = conductor.scope
        step = outer.plan.steps[conductor.index]
        if body not in step.bodies:
            raise ValueError(f"there is no body `{body}`")
        plan = step.bodies[body]
        try:
            self._meter.depth(outer.depth + 1)
        except LimitReached as error:
            if not self._root.live:
                raise  # the run is ending already, and this is an error like any other
            # Posted: the step's own code is under way, and cannot be ended from here.
            self._inbox.post(partial(self._end_early, RunFailed, outer.path + step.id, Failure.of(error)))
            raise Dropped from None
        name = step.id if body == step.first_body else f"{step.id}.{body}"
        path = f"{outer.path}{name}[{key}]/" if key else f"{outer.path}{name}/"
        scope = Scope(plan, self._ready, path, outer.depth + 1)
        scope.conductor, scope.input = conductor, outer.input
        for source, target in plan.captures:
            scope.outputs[target] = outer.outputs[source]
        given = plain(given)
        if plan.entry >= 0:
            scope.outputs[plan.entry] = given
        if plan.starts:
            scope.begin(next(iter(plan.starts)), given)
        else:
            scope.enter()
        if path in self._past and self._other(path, given):
            self._past = {other: events for other, events in self._past.items() if not other.startswith(path)}
        if path in self._past:
            apply(scope, self._past.pop(path))
            self._go_on(scope)
        elif self._watched:
            self._tell(BodyStarted, path[:-1], given)
        return scope

    def _other(self, path: str, given: Values) -> bool:
        """Whether a recorded body, of a run that is repeated, was given something else then."""
        began = self._past[path][0]
        return isinstance(began, BodyStarted) and began.given != given

    def _close(self, scope: Scope, taken: Values) -> None:
        """The last step of a body has settled."""
        scope.live = False
        assert scope.conductor is not None
        scope.conductor.body_ended(scope, taken)

    def _conducted(self, step: PlannedStep, conductor: Conductor, result: Any, error: BaseException | None) -> None:
        """A step with flows inside has ended, and nothing of it runs any more."""
        scope = conductor.scope
        self._stop_timer(conductor)
        self._conducting.discard(conductor)
        if scope.going.get(step.index) is not conductor:
            return  # the run went on without it
        del scope.going[step.index]
        if not scope.live or isinstance(error, Dropped):
            self._gone(scope)
        elif error is not None:
            self._fail(scope, step, error)
        else:
            self._give(scope, step, result)

    # --- bodies that wait --------------------------------------------------------------------------------------

    def _enter_waiting(self, scope: Scope, step: PlannedStep, node: Node, values: Values) -> None:
        if step.bodies:
            self._conduct(scope, step, node, values)
        else:
            self._spawn(scope, step, self._attend(scope, step, node, values))

    def _spawn(self, scope: Scope, step: PlannedStep, work: Any) -> None:
        """Run `work` beside the loop; what it returns is done in the loop, unless the run went on without it."""
        scope.states[step.index] = RUNNING
        task = scope.going[step.index] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, scope, step))

    def _ended(self, scope: Scope, step: PlannedStep, task: "asyncio.Task[Then]") -> None:
        self._tasks.discard(task)
        self._dropped.discard(task)
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
        if scope.live:
            then()
        else:
            self._gone(scope)

    async def _compute(self, scope: Scope, step: PlannedStep, values: Values, wired: Values) -> Then:
        """Evaluate the expressions of a step outside, then start it."""
        outputs = scope.frozen.get(step.index, scope.outputs)
        try:
            answers = await self._services.sandbox.evaluate(step.codes, step.see(outputs))
            node, made = step.build(wired, outputs, answers)
        except Exception as error:
            return partial(self._refuse, scope, step, values, error)
        return partial(self._start, scope, step, node, values, {**values, **made})

    async def _again(self, scope: Scope, step: PlannedStep, wait: float) -> Then:
        await asyncio.sleep(wait)
        return partial(self._come_again, scope, step)

    def _come_again(self, scope: Scope, step: PlannedStep) -> None:
        scope.states[step.index] = WAITING
        self._ready.append((scope, step.index))

    async def _attend(self, scope: Scope, step: PlannedStep, node: Node, values: Values) -> Then:
        """Run one body to its end, its time-out, its pause or its error."""
        task = scope.going[step.index]
        calls: list[ModelCall] = []
        if step.lend is not None:
            values = {**values, step.lend: self._context(scope, step, calls, task)}

        def say(text: str) -> None:
            if self._watched and scope.going.get(step.index) is task:
                self._out.append(StepDelta(scope.path + step.id, writable(text)))
                self._inbox.ring()

        if step.timeout is not None:
            # A body that was cancelled at its time-out and will not end is left behind.
            self._timer(task, step.timeout + GRACE, partial(self._overdue, scope, step, task))
        try:
            result, error, ms = await attend(step, node, values, say)
        except Pausing as pause:
            return partial(self._pause, scope, step, pause)
        finally:
            self._stop_timer(task)
        if error is not None:
            return partial(self._fail_after, scope, step, error, ms, calls)
        return partial(self._give, scope, step, result, ms, calls)

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
        self._tasks.discard(task)
        self._came(scope, step, task, partial(self._fail, scope, step, Late(step), (step.timeout or 0.0) * 1000))

    # --- pauses ------------------------------------------------------------------------------------------------

    def _pause(self, scope: Scope, step: PlannedStep, pause: Pausing) -> None:
        if not self._root.live:
            self._fail(scope, step, RuntimeError("the run is ending, so nothing can be waited for"))
            return
        path = scope.path + step.id
        self._seq += 1
        event = StepPaused(self._seq, self._clock(), path, pause.request, pause.until)
        if self._watched:
            self._out.append(event)
        scope.pause(step.index, event)
        self._await(scope, step.index)

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
        self._tell(StepResumed, path, reply.value, reply.by, reply.late)
        scope.resume(step, reply)

    def _go_on(self, scope: Scope) -> None:
        """Take up what recorded events left open in a scope: its pauses, and its failure."""
        for step in scope.pauses:
            self._await(scope, step)
        if scope.failed is not None:
            self._inbox.post(partial(self._fell, scope, *scope.failed))

    def _take_up(self, paths: set[str]) -> None:
        """Enter the steps in which something had begun, so that even a run that is cancelled now cleans up there."""
        at = 0
        while paths and at < len(self._ready):  # which grows as bodies are opened
            scope, index = self._ready[at]
            step = scope.plan.steps[index]
            if scope.states[index] == WAITING and (step.closing or scope.path + step.id in paths):
                self._come(scope, step)
                while self._entering:
                    self._enter(*self._entering.popleft())
            at += 1

    def _context(
        self, scope: Scope, step: PlannedStep, calls: list[ModelCall], task: "asyncio.Task[Then] | None" = None
    ) -> Context:
        path = scope.path + step.id

        def log(text: str) -> None:
            if self._watched and (task is None or scope.going.get(step.index) is task):
                self._tell(StepLogged, path, shortened(str(text)))
                self._inbox.ring()

        return Context(
            llm=RecordedLlm(self._services.llm, calls),
            http=self._services.http,
            secret=self._services.secret,
            log=log,
            key=f"{self._run}:{path}",
            pause=Pauses(scope.replies.get(step.index, ())),
            now=self._clock,
            input=scope.input,
        )

    def _reached(self, scope: Scope, step: PlannedStep, error: LimitReached) -> bool:
        """The run ends with a limit that it met, unless it is ending: what bodies that clean up use counts no more."""
        ends = self._root.live
        self._end_early(RunFailed, scope.path + step.id, Failure.of(error))
        return ends

    def _out_of_time(self) -> None:
        seconds = self._plan.flow.limits.seconds
        reached = LimitReached(f"The run took longer than {seconds:g} s", "seconds")
        self._end_early(RunFailed, "", Failure.of(reached))


def _input(given: Values | None) -> Values:
    try:
        made: Values = take_object(plain({} if given is None else given))
    except NotJson as error:
        raise CallerError(f"The input of a run is a JSON object; {error}", mend="Send plain JSON.") from None
    return made


def _placed(failure: Failure, path: str) -> Failure:
    """A failure that says in which step it happened, for those around it."""
    return msgspec.structs.replace(failure, step=path)
