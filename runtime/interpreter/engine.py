"""The engine: runs a plan, as an async iterator of new events; without a reader it makes none.

One loop owns the run. Steps whose body never waits run inside it, without a task; every other body is a task that
posts to the loop's inbox. Nothing else changes the run's progress.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from runtime.errors import AuthorError, CallerError, ProviderError
from runtime.graph.binding import Outputs
from runtime.graph.expressions import Code
from runtime.graph.messages import Delta, Http, Llm, ModelCall, ModelRequest, Reply
from runtime.graph.node import Context, Node
from runtime.graph.plan import Plan, PlannedStep
from runtime.graph.values import NotJson
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
)
from runtime.interpreter.progress import Progress, answer, resume

GRACE = 2.0  # seconds a cancelled body has to end before the run goes on without it
BREATH = 256  # steps run in one go before other tasks of the process get a turn


class Evaluator(Protocol):
    """Computes expressions outside this process."""

    async def evaluate(self, codes: Sequence[Code], names: Mapping[str, Any]) -> list[Any]:
        """The value of each program. Raises AuthorError, OperatorError."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the world lends to steps."""

    llm: Llm
    http: Http
    secret: Callable[[str], Awaitable[str]]
    sandbox: Evaluator


class Execution:
    """One run of a plan, or what is left of it after `past` events. Read its events, or await its `outcome`.

    run: the id, from which idempotency keys are made. Raises from the constructor: AuthorError for a start that
    the flow does not have.
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
        self._begin = (plan.trigger(trigger), given or {}) if not past else None
        self._watched = False
        self._out: deque[Event] = deque()
        self._entering: deque[tuple[PlannedStep, Node, dict[str, Any]]] = deque()
        self._inbox: deque[Callable[[], None]] = deque()
        self._bell: asyncio.Future[None] | None = None
        self._bodies: dict[int, asyncio.Future[Callable[[], None]]] = {}
        self._cancelled: str | None = None
        self._since_breath = 0

    async def outcome(self) -> Ending:
        """Run to the end with nobody watching. Returns how it ended; a failure is an ending, not an exception."""
        async for _ in self._drive(BREATH):
            pass
        assert self._progress.ending is not None
        return self._progress.ending

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The new events, in order; the run goes on only when the next one is asked for."""
        self._watched = True
        out = self._out
        async for _ in self._drive(1):
            while out:
                yield out.popleft()

    def cancel(self, reason: str = "") -> None:
        """Stop the run: every running body is cancelled, and the run ends as cancelled."""
        if self._cancelled is None:
            self._cancelled = reason
            self._ring()

    async def _drive(self, stride: int) -> AsyncIterator[None]:
        """Advance by up to `stride` steps, let the caller look, wait when there is nothing to do but wait."""
        progress = self._progress
        try:
            if self._begin is not None:
                progress.begin(*self._begin)
                self._tell(RunStarted, *self._begin)
            while progress.ending is None:
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
                if self._out:
                    yield
        finally:
            await self._end_bodies()

    # --- steps -------------------------------------------------------------------------------------------------

    async def _advance(self, stride: int) -> None:
        """Enter or skip ready steps, up to `stride`; a long stretch lets other tasks of the process have a turn."""
        progress, steps, outputs = self._progress, self._plan.steps, self._progress.outputs
        self._since_breath += stride
        while stride and progress.failed is None:
            stride -= 1
            if self._entering:
                self._enter(*self._entering.popleft())
            elif progress.ready:
                self._come(steps[progress.ready.popleft()], outputs)
            else:
                return
        if self._since_breath >= BREATH:
            self._since_breath = 0
            await asyncio.sleep(0)

    def _come(self, step: PlannedStep, outputs: Outputs) -> None:
        """A step's sources have all settled: skip it, or find what its ports and settings get and start it."""
        try:
            elsewhere = step.trigger and step.id != self._progress.trigger
            bound = None if elsewhere else step.bind(outputs)
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

    def _refuse(self, step: PlannedStep, values: dict[str, Any], error: Exception) -> None:
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
        body = step.call(node, values)
        try:
            body.send(None)
        except StopIteration as stop:
            self._give(step, stop.value)
        except Exception as error:
            self._fail(step, error)
        else:
            body.close()
            self._fail(step, TypeError(f"`{step.kind}` says that it is pure, and it waits"))

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

    def _fail(self, step: PlannedStep, error: Exception, ms: float = 0.0) -> None:
        """A try failed: try again, go on with something instead, or fail the run; as the step says."""
        failure = Failure.of(error)
        attempt = self._progress.attempts.get(step.index, 0) + 1
        if step.retry is not None and attempt <= step.retry.times and not isinstance(error, (AuthorError, CallerError)):
            wait = step.retry.wait * step.retry.backoff ** (attempt - 1)
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

    def _spawn(self, step: PlannedStep, work: Coroutine[Any, Any, Callable[[], None]]) -> None:
        """Run `work` beside the loop; what it returns is done in the loop, unless the run has ended meanwhile."""
        self._progress.start(step.index)
        task = self._bodies[step.index] = asyncio.ensure_future(work)

        def post(_: "asyncio.Future[Callable[[], None]]") -> None:
            if self._bodies.get(step.index) is not task:
                return
            del self._bodies[step.index]
            if not task.cancelled():
                error = task.exception()
                crash = error if isinstance(error, Exception) else RuntimeError(repr(error))
                self._inbox.append(task.result() if error is None else lambda: self._fail(step, crash))
            self._ring()

        task.add_done_callback(post)

    async def _compute(self, step: PlannedStep, values: dict[str, Any], wired: dict[str, Any]) -> Callable[[], None]:
        """Evaluate the expressions of a step outside, then start it."""
        outputs = self._progress.outputs
        try:
            answers = await self._services.sandbox.evaluate(step.codes, step.see(outputs))
            node, made = step.build(wired, outputs, answers)
        except Exception as error:
            refused = error  # the name of an `except` clause is gone when the lambda runs
            return lambda: self._refuse(step, values, refused)
        return lambda: self._start(step, node, values, {**values, **made})

    async def _again(self, step: PlannedStep, wait: float) -> Callable[[], None]:
        await asyncio.sleep(wait)
        return lambda: self._progress.ready.append(step.index)

    async def _attend(self, step: PlannedStep, node: Node, values: dict[str, Any]) -> Callable[[], None]:
        """Run one body to its end, its time-out or its error."""
        calls: list[ModelCall] = []
        if step.lend is not None:
            values = {**values, step.lend: self._context(step, calls)}
        began = time.perf_counter()
        work = asyncio.ensure_future(self._stream(step, node, values) if step.streams else step.call(node, values))
        try:
            done, _ = await asyncio.wait({work}, timeout=step.timeout)
        except asyncio.CancelledError:
            await self._abandon(work)
            raise
        ms = (time.perf_counter() - began) * 1000
        if not done:
            await self._abandon(work)
            failed: Exception = ProviderError(
                f"The step did not end within {step.timeout:g} s",
                step.id,
                "Give it a longer time-out, or look at what it waits for.",
                retry=True,
            )
            return lambda: self._fail(step, failed, ms)
        error = work.exception() if not work.cancelled() else asyncio.CancelledError("the body cancelled itself")
        if error is None:
            result = work.result()
            return lambda: self._give(step, result, ms, calls)
        failed = error if isinstance(error, Exception) else RuntimeError(str(error) or type(error).__name__)
        return lambda: self._fail(step, failed, ms)

    async def _stream(self, step: PlannedStep, node: Node, values: dict[str, Any]) -> Any:
        result: Any = None
        async for item in step.call(node, values):
            if type(item) is not Delta:
                result = item
            elif self._watched:
                # By the inbox, so that a text never overtakes or outlives the other events of its step.
                self._inbox.append(partial(self._out.append, StepDelta(step.id, item.text)))
                self._ring()
        return result

    async def _abandon(self, work: "asyncio.Future[Any]") -> None:
        """Cancel a body and give it a moment; one that will not end is left behind, not waited for."""
        work.cancel()
        await asyncio.wait({work}, timeout=GRACE)

    async def _end_bodies(self) -> None:
        """Cancel everything that still runs, and wait for it as long as the grace allows."""
        bodies, self._bodies = list(self._bodies.values()), {}
        for task in bodies:
            task.cancel()
        if bodies:
            await asyncio.wait(bodies, timeout=GRACE)

    def _context(self, step: PlannedStep, calls: list[ModelCall]) -> Context:
        return Context(
            llm=_Recorded(self._services.llm, calls),
            http=self._services.http,
            secret=self._services.secret,
            log=lambda text: self._log(step, text),
            key=f"{self._run}:{step.id}",
            input=self._progress.input,
        )

    def _log(self, step: PlannedStep, text: str) -> None:
        self._inbox.append(lambda: self._tell(StepLogged, step.id, str(text)))
        self._ring()

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


class _Recorded:
    """The model layer as one step sees it: notes which models answered."""

    __slots__ = ("_calls", "_llm")

    def __init__(self, llm: Llm, calls: list[ModelCall]) -> None:
        self._llm, self._calls = llm, calls

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        async for item in self._llm.stream(request):
            if isinstance(item, Reply):
                self._calls.append(item.call)
            yield item

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await self._llm.embed(texts)
