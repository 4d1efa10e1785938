"""The stage of the engine's tests: small nodes whose bodies a test writes, a clock that jumps, and services to lend."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypedDict, TypeVar

from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.expressions import Code
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.messages import Delta
from runtime.graph.node import Context, Ending, Node
from runtime.interpreter.events import Durable, Event, StepDelta
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services

T = TypeVar("T")
Body = Callable[..., Any]
BODIES: ContextVar[dict[str, Body]] = ContextVar("BODIES")


def body_of(context: Context) -> Body:
    """The body that the test wrote for this step, by its path or its id; the key of an execution ends with the path."""
    bodies, path = BODIES.get(), context.key.rpartition(":")[2]
    return bodies[path] if path in bodies else bodies[path.rpartition("/")[2]]


class Begin(Node, trigger="api", group="trigger"):
    """Starts a run and gives its input."""

    async def run(self, context: Context) -> Any:
        return context.input


class Pass(Node):
    """Gives what it got."""

    async def run(self, value: Any) -> Any:
        return value


class Upper(Node):
    """Writes a text in capitals."""

    async def run(self, value: str) -> str:
        return value.upper()


class Swallow(Node):
    """Takes a value and gives nothing."""

    async def run(self, value: Any) -> None:
        return None


class Gather(Node):
    """Gives a list of what came by all its wires."""

    async def run(self, *values: Any) -> list[Any]:
        return list(values)


class Pair(Node):
    """Two ports of one value each; the second may stay without a wire."""

    async def run(self, a: Any, b: Any = "no wire") -> list[Any]:
        return [a, b]


class Say(Node):
    """Gives its setting, which may be computed or wired."""

    text: str = "said"

    async def run(self) -> str:
        return self.text


class Sides(TypedDict, total=False):
    """The two ways out of a Fork."""

    left: Any
    right: Any


class Fork(Node):
    """Takes the ways that its setting names."""

    ways: str = ""

    async def run(self, value: Any = None) -> Sides:
        return dict.fromkeys(self.ways.split(), value)  # type: ignore[return-value]


class Work(Node, effect="reads"):
    """Runs a body of the test, as a task."""

    async def run(self, context: Context, value: Any = None) -> Any:
        return await body_of(context)(context, value)


class Write(Work, effect="writes"):
    """The same, and it changes something outside."""


class Quick(Node):
    """Runs a body of the test, inside the engine's loop."""

    async def run(self, context: Context, value: Any = None) -> Any:
        return await body_of(context)(context, value)


class Letter(TypedDict):
    """What a Promise gives."""

    text: str
    count: int


class Promise(Node):
    """Promises a text and a number; what the test's body gives is another matter."""

    async def run(self, context: Context) -> Letter:
        given: Letter = await body_of(context)(context)
        return given


class Number(Node):
    """Promises a number."""

    async def run(self, context: Context) -> float:
        given: float = await body_of(context)(context)
        return given


class Stream(Node, effect="reads"):
    """Streams what the test's body yields."""

    async def run(self, context: Context) -> AsyncIterator[Delta | str]:
        async for item in body_of(context)(context):
            yield item


class Finish(Node, ends=True):
    """Ends the run with an answer."""

    value: Any = None
    status: Any = 200

    async def run(self) -> Ending:
        return Ending(value=self.value, status=self.status)


NODES = (Begin, Pass, Upper, Swallow, Gather, Pair, Say, Fork, Work, Write, Quick, Promise, Number, Stream, Finish)
CATALOG = Catalog(NODES)


class PathSandbox:
    """Evaluates the one expression that these tests compute with: `str(step.port)`."""

    async def evaluate(self, codes: Sequence[Code], names: Mapping[str, Any]) -> list[Any]:
        await asyncio.sleep(0.01)
        reads = [code.reads[0] for code in codes]
        return [str(None if names[read.step] is None else names[read.step].get(read.keys[0])) for read in reads]


async def no_secret(name: str) -> str:
    """A workspace without secrets."""
    raise AssertionError(f"nobody asks for {name}")


SERVICES = Services(llm=None, http=None, secret=no_secret, sandbox=PathSandbox())  # type: ignore[arg-type]


def flow(steps: Mapping[str, str | Step], *wires: str) -> Flow:
    """A flow from ids and kinds (or whole steps) and wires such as `a.output -> b.value`."""
    made = {name: Step(kind=step) if isinstance(step, str) else step for name, step in steps.items()}
    return Flow(steps=made, edges=tuple(Edge.parse(wire) for wire in wires))


def execution(drawn: Flow, given: dict[str, Any] | None = None, /, **options: Any) -> Execution:
    """A run of the flow with this stage's nodes and services, or a `catalog`; the options are the engine's own."""
    bodies = options.pop("bodies", None)
    if bodies is not None:
        BODIES.set(bodies)
    plan = compile_flow(drawn, options.pop("catalog", CATALOG))
    return Execution(plan, SERVICES, {} if given is None else given, **options)


async def events_of(run: Execution) -> list[Event]:
    """Every event of a run."""
    return [event async for event in run]


def durable(events: Sequence[Event]) -> list[Durable]:
    """Those that a journal keeps."""
    return [event for event in events if not isinstance(event, StepDelta)]


def told(events: Sequence[Event]) -> list[str]:
    """Events in short: `started a`, `finished a`, `run finished`."""
    short = []
    for event in events:
        what = str(type(event).__struct_config__.tag)
        step = f" {event.step}" if what.startswith(("step_", "body_")) else ""  # type: ignore[union-attr]
        short.append(what.removeprefix("step_").replace("_", " ") + step)
    return short


class Stuck(AssertionError):
    """Everybody waits, and nothing will ever happen."""


class JumpingClock(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer, so that hours pass in no time and in a fixed order."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__()
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None = None) -> Any:
            if timeout is None:
                raise Stuck
            self._now += max(timeout, 0.0)
            return select(0)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now


def jumping(work: Coroutine[Any, Any, T], *, leaves: int = 0) -> T:
    """Run to the end by the jumping clock; fails when more than `leaves` tasks are left running."""

    async def watched() -> tuple[T, set[asyncio.Task[Any]]]:
        result = await work
        return result, asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    loop = JumpingClock()
    try:
        result, left = loop.run_until_complete(watched())
        assert len(left) == leaves, f"left running: {left}"
        for task in left:
            task.cancel()
        return result
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def jumps(leaves: int = 0) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]:
    """A test that runs by the jumping clock and leaves that many tasks behind."""

    def around(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
        @wraps(test)
        def run(*values: Any, **named: Any) -> None:
            jumping(test(*values, **named), leaves=leaves)

        return run

    return around


async def timed(work: Awaitable[T]) -> tuple[T, float]:
    """What the work gives, and how many seconds it took by the loop's clock."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    return await work, loop.time() - began
