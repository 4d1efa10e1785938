"""The same flows drawn for every engine that `engine_peers.py` compares; an engine that cannot be imported is missing.

An engine draws a chain of pass-through steps, of which the middle one may pause; a fan from one step to many to one;
and a loop around a step that counts. What it draws is called for every run and gives the run's answer, so that what
was measured is known to be right. Each draws as its own documentation does: coroutines, no checkpoints, no tracing,
no tracker.
"""

import asyncio
import operator
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Protocol, TypedDict

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ |= {"HAYSTACK_TELEMETRY_ENABLED": "false", "BURR_TELEMETRY": "0", "LANGSMITH_TRACING": "false"}

from runtime.graph.catalog import Catalog
from runtime.graph.fields import Inside
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.node import Body, Calls, Context, Node, Port
from runtime.graph.plan import compile_flow
from runtime.interpreter.engine import Execution
from runtime.interpreter.services import Services

GIVEN = {"text": "hello", "amount": 3}
Way = Callable[[], Awaitable[Any]]  # one run, to its answer
Pause = Callable[[], Awaitable[object]]


class Engine(Protocol):
    """One engine. Raises from the constructor: ImportError when it is not installed."""

    name: str
    module: str  # what a program imports of it

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        """GIVEN through so many steps, one after another."""
        ...

    def fan(self, width: int) -> Way:
        """GIVEN to so many steps beside each other, then what all of them gave as one list."""
        ...

    def loop(self, rounds: int) -> Way:
        """A step that adds one, so many times, from zero."""
        ...


class Bare:
    """The same coroutines awaited by hand; what any engine costs comes on top."""

    name, module = "bare asyncio", "asyncio"

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        async def run() -> Any:
            value: Any = GIVEN
            for number in range(length):
                if pause is not None and number == length // 2:
                    await pause()
                value = await _same(value)
            return value

        return run

    def fan(self, width: int) -> Way:
        async def run() -> Any:
            return list(await asyncio.gather(*(_same(GIVEN) for _ in range(width))))

        return run

    def loop(self, rounds: int) -> Way:
        async def run() -> Any:
            value = 0
            for _ in range(rounds):
                value = await _more(value)
            return value

        return run


async def _same(value: Any) -> Any:
    return value


async def _more(value: int) -> int:
    return value + 1


class Begin(Node, trigger="api", group="trigger"):
    """Gives the run's input."""

    async def run(self, context: Context) -> Any:
        return context.input


class Pass(Node):
    """Gives what it got."""

    async def run(self, value: Any) -> Any:
        return value


class Gather(Node):
    """A list of what came."""

    async def run(self, *values: Any) -> list[Any]:
        return list(values)


class Count(Node):
    """Adds one."""

    async def run(self, value: float) -> float:
        return value + 1


class Rounds(Node, group="logic"):
    """Runs its body so many times, each time with what the last round gave."""

    rounds: int = 1
    state: Inside = None

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body", gives=(Port("now"),), takes=(Port("state", required=False),)),)

    async def run(self, calls: Calls) -> Any:
        now: Any = 0
        for number in range(self.rounds):
            now = (await calls.call("body", str(number), now=now))["state"]
        return now


class Canevas:
    """This project's engine; `watched` makes and consumes every event of a run, else only the ending is asked for."""

    module = "runtime.assembly"

    def __init__(self, watched: bool = False) -> None:
        self.name = f"Canevas, {'every event consumed' if watched else 'unwatched'}"
        self._watched = watched

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        names = ["begin", *(f"s{number}" for number in range(length))]
        steps = {name: Step(kind="pass") for name in names} | {"begin": Step(kind="begin")}
        if pause is not None:
            steps[f"s{length // 2}"] = Step(kind="halt")
        return self._way(steps, [Edge(one, "output", other, "value") for one, other in pairwise(names)], pause)

    def fan(self, width: int) -> Way:
        names = [f"s{number}" for number in range(width)]
        steps = {"begin": Step(kind="begin"), **{name: Step(kind="pass") for name in names}}
        edges = [Edge("begin", "output", name, "value") for name in names]
        edges += [Edge(name, "output", "join", "values") for name in names]
        return self._way({**steps, "join": Step(kind="gather")}, edges)

    def loop(self, rounds: int) -> Way:
        steps = {
            "begin": Step(kind="begin"),
            "loop": Step(kind="rounds", config={"rounds": rounds}),
            "count": Step(kind="count", within="loop"),
        }
        return self._way(steps, [Edge.parse("begin -> loop"), Edge.parse("loop.now -> count.value")])

    def _way(self, steps: dict[str, Step], edges: list[Edge], pause: Pause | None = None) -> Way:
        class Halt(Node, effect="reads"):
            """Gives what it got, after a pause."""

            async def run(self, value: Any) -> Any:
                assert pause is not None
                await pause()
                return value

        catalog = Catalog([Begin, Pass, Gather, Count, Rounds, Halt])
        plan = compile_flow(Flow(steps=steps, edges=tuple(edges)), catalog)
        services = Services(llm=None, http=None, secret=None, sandbox=None)  # type: ignore[arg-type]

        async def unwatched() -> Any:
            ending = await Execution(plan, services, GIVEN).outcome()
            return ending.output  # type: ignore[union-attr]

        async def watched() -> Any:
            event: Any = None
            async for event in Execution(plan, services, GIVEN):
                pass
            return event.output

        return watched if self._watched else unwatched


class Burr:
    """Burr: a state machine, whose application is made anew for every run; its graph is kept."""

    name, module = "Burr", "burr.core"

    def __init__(self) -> None:
        from burr.core import Action, ApplicationBuilder, State
        from burr.core.graph import GraphBuilder
        from burr.core.parallelism import MapStates

        class Value(Action):
            reads = writes = ["value"]  # type: ignore[assignment]

            def __init__(self, change: Callable[[Any], Awaitable[Any]]) -> None:
                super().__init__()
                self.change = change

            async def run(self, state: State, **_: Any) -> dict[str, Any]:
                return {"value": await self.change(state["value"])}

            def update(self, result: dict[str, Any], state: State) -> State:
                return state.update(**result)

        class Fan(MapStates):
            reads = writes = ["value"]  # type: ignore[assignment]
            width = 1

            def action(self, state: State, inputs: dict[str, Any]) -> Action:
                return Value(_same).with_name("same")

            async def states(self, state: State, context: Any, inputs: dict[str, Any]) -> AsyncGenerator[State, None]:
                for _ in range(self.width):
                    yield state

            async def reduce(self, state: State, states: AsyncGenerator[State, None]) -> State:
                return state.update(value=[one["value"] async for one in states])

            def is_async(self) -> bool:
                return True

        self._action, self._fan, self._graph, self._application = Value, Fan, GraphBuilder, ApplicationBuilder

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        names = [f"s{number}" for number in range(length)]
        actions = {name: self._action(_same) for name in names}
        if pause is not None:
            actions[names[length // 2]] = self._action(_after(pause))
        return self._way(actions, list(pairwise(names)), GIVEN)

    def fan(self, width: int) -> Way:
        fan = self._fan()
        fan.width = width
        return self._way({"begin": self._action(_same), "fan": fan}, [("begin", "fan")], GIVEN)

    def loop(self, rounds: int) -> Way:
        from burr.core import expr

        ways = [("count", "end", expr(f"value >= {rounds}")), ("count", "count")]
        return self._way({"count": self._action(_more), "end": self._action(_same)}, ways, 0)

    def _way(self, actions: dict[str, Any], ways: list[tuple[Any, ...]], given: Any) -> Way:
        graph = self._graph().with_actions(**actions).with_transitions(*ways).build()
        first, last = list(actions)[0], list(actions)[-1]

        async def run() -> Any:
            builder = self._application().with_graph(graph).with_state(value=given).with_entrypoint(first)
            _, _, state = await builder.build().arun(halt_after=[last])
            return state["value"]

        return run


def _after(pause: Pause) -> Callable[[Any], Awaitable[Any]]:
    async def same(value: Any) -> Any:
        await pause()
        return value

    return same


class PydanticGraph:
    """pydantic-graph by its builder, without instrumentation."""

    name, module = "pydantic-graph", "pydantic_graph"

    def __init__(self) -> None:
        import pydantic_graph

        self._library = pydantic_graph

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        graph = self._library.GraphBuilder(auto_instrument=False, input_type=dict, output_type=dict)
        changes = [_same if pause is None or number != length // 2 else _after(pause) for number in range(length)]
        steps = [graph.step(_of_inputs(change), node_id=f"s{number}") for number, change in enumerate(changes)]
        for one, other in pairwise([graph.start_node, *steps, graph.end_node]):
            graph.add(graph.edge_from(one).to(other))
        return self._way(graph, GIVEN)

    def fan(self, width: int) -> Way:
        graph = self._library.GraphBuilder(auto_instrument=False, input_type=dict, output_type=list)
        begin = graph.step(_of_inputs(_same), node_id="begin")
        steps = [graph.step(_of_inputs(_same), node_id=f"s{number}") for number in range(width)]
        join = graph.join(self._library.reduce_list_append, initial_factory=list)
        graph.add(graph.edge_from(graph.start_node).to(begin), graph.edge_from(begin).to(*steps))
        graph.add(graph.edge_from(*steps).to(join), graph.edge_from(join).to(graph.end_node))
        return self._way(graph, GIVEN)

    def loop(self, rounds: int) -> Way:
        graph = self._library.GraphBuilder(auto_instrument=False, input_type=int, output_type=int)
        count = graph.step(_of_inputs(_more), node_id="count")
        enough = graph.match(int, matches=lambda value: value >= rounds).to(graph.end_node)
        decision = graph.decision().branch(enough).branch(graph.match(int).to(count))
        graph.add(graph.edge_from(graph.start_node).to(count), graph.edge_from(count).to(decision))
        return self._way(graph, 0)

    def _way(self, graph: Any, given: Any) -> Way:
        built = graph.build()
        return lambda: built.run(inputs=given)


def _of_inputs(change: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    async def step(context: Any) -> Any:
        return await change(context.inputs)

    return step


class Haystack:
    """Haystack's pipeline, run by `run_async`."""

    name, module = "Haystack", "haystack"

    def __init__(self) -> None:
        from haystack import Pipeline

        self._pipeline = Pipeline

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        from haystack_components import Same

        pipeline = self._pipeline()
        for number in range(length):
            pipeline.add_component(f"s{number}", Same(pause if number == length // 2 else None))
        for number in range(length - 1):
            pipeline.connect(f"s{number}.value", f"s{number + 1}.value")
        return self._way(pipeline, {"s0": {"value": GIVEN}}, f"s{length - 1}", "value")

    def fan(self, width: int) -> Way:
        from haystack_components import Gathered, Same

        pipeline = self._pipeline()
        pipeline.add_component("begin", Same())
        pipeline.add_component("join", Gathered())
        for number in range(width):
            pipeline.add_component(f"s{number}", Same())
            pipeline.connect("begin.value", f"s{number}.value")
            pipeline.connect(f"s{number}.value", "join.values")
        return self._way(pipeline, {"begin": {"value": GIVEN}}, "join", "value", concurrency_limit=width)

    def loop(self, rounds: int) -> Way:
        from haystack_components import More

        pipeline = self._pipeline(max_runs_per_component=rounds + 1)
        pipeline.add_component("count", More(rounds))
        pipeline.connect("count.again", "count.value")
        return self._way(pipeline, {"count": {"value": 0}}, "count", "done")

    def _way(self, pipeline: Any, given: dict[str, Any], step: str, port: str, **options: Any) -> Way:
        async def run() -> Any:
            return (await pipeline.run_async(given, **options))[step][port]

        return run


class _State(TypedDict):
    value: Any


class _Joined(_State):
    got: Annotated[list[Any], operator.add]


class LangGraph:
    """LangGraph's compiled state graph, without a checkpointer."""

    name, module = "LangGraph", "langgraph.graph"

    def __init__(self) -> None:
        from langgraph.graph import END, START, StateGraph

        self._start, self._end, self._graph = START, END, StateGraph

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        graph = self._graph(_State)
        names = [f"s{number}" for number in range(length)]
        for number, name in enumerate(names):
            graph.add_node(name, _of_state(_after(pause) if pause and number == length // 2 else _same))
        for one, other in pairwise([self._start, *names, self._end]):
            graph.add_edge(one, other)
        return self._way(graph, {"value": GIVEN}, length)

    def fan(self, width: int) -> Way:
        async def got(state: _State) -> dict[str, Any]:
            return {"got": [state["value"]]}

        async def join(state: _Joined) -> dict[str, Any]:
            return {"value": state["got"]}

        graph = self._graph(_Joined)
        names = [f"s{number}" for number in range(width)]
        graph.add_node("begin", _of_state(_same))
        graph.add_node("join", join)
        for name in names:
            graph.add_node(name, got)
            graph.add_edge("begin", name)
        graph.add_edge(self._start, "begin")
        graph.add_edge(names, "join")
        graph.add_edge("join", self._end)
        return self._way(graph, {"value": GIVEN, "got": []}, 3)

    def loop(self, rounds: int) -> Way:
        graph = self._graph(_State)
        graph.add_node("count", _of_state(_more))
        graph.add_edge(self._start, "count")
        ways = ["count", self._end]
        graph.add_conditional_edges("count", lambda state: ways[state["value"] >= rounds], ways)
        return self._way(graph, {"value": 0}, rounds)

    def _way(self, graph: Any, given: dict[str, Any], steps: int) -> Way:
        built = graph.compile()

        async def run() -> Any:
            return (await built.ainvoke(given, {"recursion_limit": steps + 10}))["value"]

        return run


def _of_state(change: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    async def step(state: _State) -> dict[str, Any]:
        return {"value": await change(state["value"])}

    return step


KINDS: list[Callable[[], Engine]] = [Bare, Canevas, lambda: Canevas(True), Burr, PydanticGraph, Haystack, LangGraph]
NAMES = {"Burr": "apache-burr", "PydanticGraph": "pydantic-graph", "Haystack": "haystack-ai", "LangGraph": "langgraph"}


def engines() -> tuple[list[Engine], list[str]]:
    """Those that can be imported, and the packages of those that cannot."""
    found: list[Engine] = []
    missing: list[str] = []
    for kind in KINDS:
        try:
            found.append(kind())
        except ImportError:
            missing.append(NAMES[getattr(kind, "__name__", "")])
    return found, missing
