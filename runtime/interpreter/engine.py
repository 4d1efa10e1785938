"""The engine: runs a plan, as an async iterator of new events; without a reader it makes none.

One loop owns the run. Steps whose body never waits run inside it, without a task; every other body is a task that
posts to the loop's inbox. Nothing else changes the run's progress.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from runtime.errors import AuthorError, CallerError, ProviderError
from runtime.graph.binding import Outputs
from runtime.graph.messages import Delta, ModelCall
from runtime.graph.node import Context, Node
from runtime.graph.plan import Plan, PlannedStep
from runtime.graph.values import NotJson, plain, take_object
from runtime.interpreter.events import (
    Durable,
    Ending,
    Event,
    Failure,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFailed,
    StepFinished,
    StepLogged,
    StepRetried,
    StepSkipped,
    StepStarted,
    shortened,
    writable,
)
from runtime.interpreter.progress import Progress, answer, resume
from runtime.interpreter.services import RecordedLlm
from runtime.interpreter.services import Services as Services

GRACE = 2.0  # seconds a cancelled body has to end before the run goes on without it
BREATH = 256  # steps run in one go before other tasks of the process get a turn
LONGEST_WAIT = 3600.0  # seconds between two tries, however often a step was tried

Then: TypeAlias = Callable[[], None]  # what a task asks the loop to do
Task: TypeAlias = "asyncio.Task[Then]"


class Execution:
    """One run of a plan, or what is left of it after `past` events: read its events or await its `outcome`, once.

    run: the id, from which idempotency keys are made. Raises from the constructor: AuthorError for a start that
    the flow does not have, CallerError for an input that is not JSON.
    """

    def __init__(
        self,
        plan: Plan,
        services: Services,
        given: dict[str, Any] | None = None,
        *,
        trigger: str = "",
        run: str = "run",
        past: list[Durable] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._plan, self._services, self._run, self._clock = plan, services, run, clock
        self._progress: Progress = resume(plan, past or [])
        self._begin = None if past else (plan.trigger(trigger), _input(given))
        self._driven = False
        self._watched = False
        self._out: deque[Event] = deque()
        self._entering: deque[tuple[PlannedStep, Node, dict[str, Any]]] = deque()
        self._inbox: deque[Then] = deque()
        self._bell: asyncio.Future[None] | None = None
        self._bodies: dict[int, Task] = {}
        self._cancelled: str | None = None
        self._since_breath = 0

    async def outcome(self) -> Ending:
        """Run to the end with nobody watching. Returns how it ended; a failure is an ending, not an exception."""
        self._set_out()
        try:
            while self._progress.ending is None:
                await self._turn(BREATH)
        finally:
            await self._end_bodies()
        return self._progress.ending

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The new events, in order; the run goes on only when the next one is asked for."""
        self._watched, out = True, self._out
        self._set_out()
        try:
            while True:
                while out:
                    yield out.popleft()
                if self._progress.ending is not None:
                    return
                await self._turn(1)
        finally:
            await self._end_bodies()

    async def batches(self) -> AsyncIterator[list[Event]]:
        """The new events, in order, as many at a time as come without waiting: cheaper when nobody looks between."""
        self._watched = True
        self._set_out()
        try:
            while self._progress.ending is None:
                await self._turn(BREATH)
                if self._out:
                    yield list(self._out)
                    self._out.clear()
        finally:
            await self._end_bodies()

    def cancel(self, reason: str = "") -> None:
        """Stop the run: every running body is cancelled, and the run ends as cancelled."""
        if self._cancelled is None:
            self._cancelled = reason
            self._ring()

    def _set_out(self) -> None:
        if self._driven:
            raise RuntimeError("a run is driven once; to go on with it, make an Execution from its events")
        self._driven = True
        if self._begin is not None:
            self._progress.begin(*self._begin)
            self._tell(RunStarted, *self._begin)

    async def _turn(self, stride: int) -> None:
        """Do the next thing: advance by up to `stride` steps, end, or wait when there is nothing to do but wait."""
        progress = self._progress
        if self._cancelled is not None:
            await self._end_bodies()
            self._finish(RunCancelled, self._cancelled)
        elif progress.failed is not None:
            await self._end_bodies()
            self._finish(RunFailed, *progress.failed)
        elif self._inbox:
            self._inbox.popleft()()
        elif self._entering or progress.ready:
            await self._advance(stride)
        elif self._bodies:
            await self._bell_rings()
        else:
            self._finish(RunFinished, *answer(progress))

    # --- steps -------------------------------------------------------------------------------------------------

    async def _advance(self, stride: int) -> None:
        """Enter or skip ready steps, up to `stride`; a long stretch lets other tasks of the process have a turn."""
        progress, steps, left = self._progress, self._plan.steps, stride
        while left and progress.failed is None:
            if self._entering:
                self._enter(*self._entering.popleft())
            elif progress.ready:
                self._come(steps[progress.ready.popleft()], progress.outputs)
            else:
                break
            left -= 1
        self._since_breath += stride - left
        if self._since_breath >= BREATH:
            self._since_breath = 0
            await asyncio.sleep(0)

    def _come(self, step: PlannedStep, outputs: Outputs) -> None:
        """A step's sources have all settled: skip it, or find what its ports and settings get and start it."""
        try:
            elsewhere = self._progress.elsewhere
            bound = None if elsewhere and step.index in elsewhere else step.bind(outputs)
            if bound is None:
                self._progress.skip(step.index)
                self._tell(StepSkipped, step.id)
            elif step.node is not None:
                self._start(step, step.node, bound[0], bound[0])
            elif step.codes:
                self._spawn(step, self._compute(step, *bound))
            else:
                node, made = step.build(bound[1], outputs, ())
                self._start(step, node, bound[0], {**bound[0], **made})
        except Exception as error:
            self._refuse(step, {}, error)

    def _refuse(self, step: PlannedStep, values: dict[str, Any], error: BaseException) -> None:
        """The step failed before its body could be entered."""
        self._progress.start(step.index)
        self._tell(StepStarted, step.id, values)
        self._fail(step, error)

    def _start(self, step: PlannedStep, node: Node, values: dict[str, Any], shown: dict[str, Any]) -> None:
        """Announce the step, and enter its body once the announcement has been read."""
        self._progress.start(step.index)
        if self._watched:
            self._tell(StepStarted, step.id, shown or (self._progress.input if step.trigger else shown))
            self._entering.append((step, node, values))
        else:
            self._enter(step, node, values)

    def _enter(self, step: PlannedStep, node: Node, values: dict[str, Any]) -> None:
        """Run a body: here and now when it never waits, else as a task."""
        if not step.inline:
            self._spawn(step, self._attend(step, node, values))
            return
        if step.lend is not None:
            values = {**values, step.lend: self._context(step, [])}
        try:
            body = step.call(node, values)
            body.send(None)
        except StopIteration as stop:
            self._give(step, stop.value)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            self._fail(step, error)
        else:
            self._fail(step, TypeError(f"the node `{step.kind}` says that it is pure, and it waits"))
            with suppress(Exception):
                body.close()

    def _give(self, step: PlannedStep, result: Any, ms: float = 0.0, calls: Sequence[ModelCall] = ()) -> None:
        """Take what a body returned, if it is what its node promised."""
        try:
            output = step.give(result)
        except NotJson as error:
            self._fail(step, AuthorError(f"The node `{step.kind}` broke its promise: {error}", step.id), ms)
            return
        self._progress.finish(step.index, output)
        if self._watched:
            self._tell(StepFinished, step.id, output, ms, tuple(calls))

    def _fail(self, step: PlannedStep, error: BaseException, ms: float = 0.0) -> None:
        """A try failed: try again, go on with something instead, or fail the run; as the step says."""
        failure = Failure.of(error)
        attempt = self._progress.attempts.get(step.index, 0) + 1
        if step.retry is not None and attempt <= step.retry.times and not isinstance(error, (AuthorError, CallerError)):
            wait = min(step.retry.wait * step.retry.backoff ** (attempt - 1), LONGEST_WAIT)
            self._progress.attempts[step.index] = attempt
            self._tell(StepRetried, step.id, attempt, failure, wait)
            self._spawn(step, self._again(step, wait))
            return
        instead = None
        if step.instead is not None:
            instead = step.instead({"what": failure.what, "mend": failure.mend, "who": failure.who})
        self._progress.fail(step.index, failure, instead)
        self._tell(StepFailed, step.id, failure, instead, ms)

    # --- bodies that wait --------------------------------------------------------------------------------------

    def _spawn(self, step: PlannedStep, work: Coroutine[Any, Any, Then]) -> None:
        """Run `work` beside the loop; what it returns is done in the loop, unless the run went on without it."""
        self._progress.start(step.index)
        task = self._bodies[step.index] = asyncio.create_task(work)
        task.add_done_callback(partial(self._ended, step))

    def _ended(self, step: PlannedStep, task: Task) -> None:
        error = None if task.cancelled() else task.exception()  # looked at, else asyncio complains of it
        if not self._minds(step, task):
            return
        if task.cancelled():
            error = RuntimeError("the step was cancelled, and not by the run")
        self._post(step, task.result() if error is None else partial(self._fail, step, error))

    def _minds(self, step: PlannedStep, task: Task) -> bool:
        """Whether a task is still the one that the run waits for; a body left behind has no say any more."""
        return self._bodies.get(step.index) is task

    def _post(self, step: PlannedStep, then: Then) -> None:
        del self._bodies[step.index]
        self._inbox.append(then)
        self._ring()

    async def _compute(self, step: PlannedStep, values: dict[str, Any], wired: dict[str, Any]) -> Then:
        """Evaluate the expressions of a step outside, then start it."""
        outputs = self._progress.outputs
        try:
            answers = await self._services.sandbox.evaluate(step.codes, step.see(outputs))
            node, made = step.build(wired, outputs, answers)
        except Exception as error:
            return partial(self._refuse, step, values, error)
        return partial(self._start, step, node, values, {**values, **made})

    async def _again(self, step: PlannedStep, wait: float) -> Then:
        await asyncio.sleep(wait)
        return partial(self._progress.ready.append, step.index)

    async def _attend(self, step: PlannedStep, node: Node, values: dict[str, Any]) -> Then:
        """Run one body to its end, its time-out or its error."""
        task, began = self._bodies[step.index], time.perf_counter()
        calls: list[ModelCall] = []
        if step.lend is not None:
            values = {**values, step.lend: self._context(step, calls, task)}
        last_call = self._last_call(step, task)
        limit = asyncio.timeout(step.timeout)
        error: BaseException | None = None
        result: Any = None
        try:
            async with limit:
                body = step.call(node, values)
                result = await (self._stream(step, body, task) if step.streams else body)
        except (Exception, SystemExit) as raised:
            error = raised
        finally:
            if last_call is not None:
                last_call.cancel()
        ms = round((time.perf_counter() - began) * 1000, 3)
        if limit.expired():  # also when the body took no notice and gave something after all
            error = _late(step)
        if error is not None:
            return partial(self._fail, step, error, ms)
        return partial(self._give, step, result, ms, calls)

    def _last_call(self, step: PlannedStep, task: Task) -> asyncio.TimerHandle | None:
        """When a body that was cancelled at its time-out will not end, the run goes on without it."""
        if step.timeout is None:
            return None

        def leave_behind() -> None:
            if self._minds(step, task):
                self._post(step, partial(self._fail, step, _late(step), (step.timeout or 0.0) * 1000))

        return asyncio.get_running_loop().call_later(step.timeout + GRACE, leave_behind)

    async def _stream(self, step: PlannedStep, items: AsyncIterator[Any], task: Task) -> Any:
        result: Any = None
        async for item in items:
            if type(item) is not Delta:
                result = item
            elif self._watched and self._minds(step, task):
                self._out.append(StepDelta(step.id, writable(item.text)))
                self._ring()
        return result

    async def _end_bodies(self) -> None:
        """Cancel everything that still runs, and wait for it as long as the grace allows."""
        bodies, self._bodies = list(self._bodies.values()), {}
        for task in bodies:
            task.cancel()
        if bodies:
            await asyncio.wait(bodies, timeout=GRACE)

    def _context(self, step: PlannedStep, calls: list[ModelCall], task: "Task | None" = None) -> Context:
        def log(text: str) -> None:
            if task is None or self._minds(step, task):
                self._tell(StepLogged, step.id, shortened(str(text)))
                self._ring()

        return Context(
            llm=RecordedLlm(self._services.llm, calls),
            http=self._services.http,
            secret=self._services.secret,
            log=log,
            key=f"{self._run}:{step.id}",
            input=self._progress.input,
        )

    # --- telling and waiting -----------------------------------------------------------------------------------

    def _tell(self, event: Callable[..., Durable], *fields: Any) -> None:
        """Count an event, and make it if somebody reads."""
        if self._watched:
            self._progress.seq += 1
            self._out.append(event(self._progress.seq, self._clock(), *fields))

    def _finish(self, event: Callable[..., Ending], *fields: Any) -> None:
        self._progress.seq += 1
        self._progress.ending = ending = event(self._progress.seq, self._clock(), *fields)
        if self._watched:
            self._out.append(ending)

    def _ring(self) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def _bell_rings(self) -> None:
        self._bell = asyncio.get_running_loop().create_future()
        try:
            await self._bell
        finally:
            self._bell = None


def _input(given: dict[str, Any] | None) -> dict[str, Any]:
    try:
        made: dict[str, Any] = take_object(plain({} if given is None else given))
    except NotJson as error:
        raise CallerError(f"The input of a run is a JSON object; {error}", mend="Send plain JSON.") from None
    return made


def _late(step: PlannedStep) -> ProviderError:
    return ProviderError(
        f"The step did not end within {step.timeout:g} s",
        step.id,
        "Give it a longer time-out, or look at what it waits for.",
        retry=True,
    )
