"""The flows of `drawings.py`, drawn for Burr, pydantic-graph, Haystack and LangGraph.

Each as its own documentation draws them: coroutines, no checkpoints, no tracing, no tracker. An engine that is not
installed is missing and nothing else.
"""

import operator
import os
from collections.abc import AsyncGenerator, Callable
from itertools import pairwise
from typing import Annotated, Any, TypedDict

from drawings import GIVEN, Bare, Canevas, Change, Engine, Pause, Way, after, more, same

os.environ |= {"HAYSTACK_TELEMETRY_ENABLED": "false", "BURR_TELEMETRY": "0", "LANGSMITH_TRACING": "false"}


class Burr:
    """Burr: a state machine, whose application is made anew for every run; its graph is kept."""

    name, module = "Burr", "burr.core"

    def __init__(self) -> None:
        from burr.core import Action, ApplicationBuilder, State
        from burr.core.graph import GraphBuilder
        from burr.core.parallelism import MapStates

        class Value(Action):
            reads = writes = ["value"]  # type: ignore[assignment]

            def __init__(self, change: Change) -> None:
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
                return Value(same).with_name("same")

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
        actions = {name: self._action(same) for name in names}
        if pause is not None:
            actions[names[length // 2]] = self._action(after(pause))
        return self._way(actions, list(pairwise(names)), GIVEN)

    def fan(self, width: int) -> Way:
        fan = self._fan()
        fan.width = width
        return self._way({"begin": self._action(same), "fan": fan}, [("begin", "fan")], GIVEN)

    def loop(self, rounds: int) -> Way:
        from burr.core import expr

        ways = [("count", "end", expr(f"value >= {rounds}")), ("count", "count")]
        return self._way({"count": self._action(more), "end": self._action(same)}, ways, 0)

    def _way(self, actions: dict[str, Any], ways: list[tuple[Any, ...]], given: Any) -> Way:
        graph = self._graph().with_actions(**actions).with_transitions(*ways).build()
        first, *_, last = actions

        async def run() -> Any:
            builder = self._application().with_graph(graph).with_state(value=given).with_entrypoint(first)
            _, _, state = await builder.build().arun(halt_after=[last])
            return state["value"]

        return run


class PydanticGraph:
    """pydantic-graph by its builder, without instrumentation."""

    name, module = "pydantic-graph", "pydantic_graph"

    def __init__(self) -> None:
        import pydantic_graph

        self._library = pydantic_graph

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        graph = self._library.GraphBuilder(auto_instrument=False, input_type=dict, output_type=dict)
        changes = [same if pause is None or number != length // 2 else after(pause) for number in range(length)]
        steps = [graph.step(_of_inputs(change), node_id=f"s{number}") for number, change in enumerate(changes)]
        for one, other in pairwise([graph.start_node, *steps, graph.end_node]):
            graph.add(graph.edge_from(one).to(other))
        return self._way(graph, GIVEN)

    def fan(self, width: int) -> Way:
        graph = self._library.GraphBuilder(auto_instrument=False, input_type=dict, output_type=list)
        begin = graph.step(_of_inputs(same), node_id="begin")
        steps = [graph.step(_of_inputs(same), node_id=f"s{number}") for number in range(width)]
        join = graph.join(self._library.reduce_list_append, initial_factory=list)
        graph.add(graph.edge_from(graph.start_node).to(begin), graph.edge_from(begin).to(*steps))
        graph.add(graph.edge_from(*steps).to(join), graph.edge_from(join).to(graph.end_node))
        return self._way(graph, GIVEN)

    def loop(self, rounds: int) -> Way:
        graph = self._library.GraphBuilder(auto_instrument=False, input_type=int, output_type=int)
        count = graph.step(_of_inputs(more), node_id="count")
        enough = graph.match(int, matches=lambda value: value >= rounds).to(graph.end_node)
        decision = graph.decision().branch(enough).branch(graph.match(int).to(count))
        graph.add(graph.edge_from(graph.start_node).to(count), graph.edge_from(count).to(decision))
        return self._way(graph, 0)

    def _way(self, graph: Any, given: Any) -> Way:
        built = graph.build()
        return lambda: built.run(inputs=given)


def _of_inputs(change: Change) -> Change:
    async def step(context: Any) -> Any:
        return await change(context.inputs)

    return step


class Haystack:
    """Haystack's pipeline, run by `run_async`."""

    name, module = "Haystack", "haystack"

    def __init__(self) -> None:
        from haystack import Pipeline, component
        from haystack.core.component.types import GreedyVariadic, Variadic

        @component
        class Value:
            def __init__(self, change: Change) -> None:
                self.change = change

            @component.output_types(value=Any)
            def run(self, value: Any) -> dict[str, Any]:
                raise RuntimeError("only `run_async` is measured")

            @component.output_types(value=Any)
            async def run_async(self, value: Any) -> dict[str, Any]:
                return {"value": await self.change(value)}

        @component
        class Gathered:
            @component.output_types(value=list)
            def run(self, values: Variadic[Any]) -> dict[str, Any]:
                raise RuntimeError("only `run_async` is measured")

            @component.output_types(value=list)
            async def run_async(self, values: Variadic[Any]) -> dict[str, Any]:
                return {"value": list(values)}

        @component
        class Now:
            @component.output_types(value=Any)
            def run(self, values: GreedyVariadic[Any]) -> dict[str, Any]:
                raise RuntimeError("only `run_async` is measured")

            @component.output_types(value=Any)
            async def run_async(self, values: GreedyVariadic[Any]) -> dict[str, Any]:
                return {"value": next(iter(values))}

        @component
        class Count:
            def __init__(self, rounds: int) -> None:
                self.rounds = rounds

            @component.output_types(again=Any, done=Any)
            def run(self, value: Any) -> dict[str, Any]:
                raise RuntimeError("only `run_async` is measured")

            @component.output_types(again=Any, done=Any)
            async def run_async(self, value: Any) -> dict[str, Any]:
                made = await more(value)
                return {"done" if made >= self.rounds else "again": made}

        self._pipeline, self._value, self._gathered = Pipeline, Value, Gathered
        self._now, self._count = Now, Count

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        pipeline = self._pipeline()
        for number in range(length):
            pipeline.add_component(f"s{number}", self._value(after(pause) if pause and number == length // 2 else same))
        for number in range(length - 1):
            pipeline.connect(f"s{number}.value", f"s{number + 1}.value")
        return self._way(pipeline, {"s0": {"value": GIVEN}}, f"s{length - 1}", "value")

    def fan(self, width: int) -> Way:
        pipeline = self._pipeline()
        pipeline.add_component("begin", self._value(same))
        pipeline.add_component("join", self._gathered())
        for number in range(width):
            pipeline.add_component(f"s{number}", self._value(same))
            pipeline.connect("begin.value", f"s{number}.value")
            pipeline.connect(f"s{number}.value", "join.values")
        return self._way(pipeline, {"begin": {"value": GIVEN}}, "join", "value", concurrency_limit=width)

    def loop(self, rounds: int) -> Way:
        pipeline = self._pipeline(max_runs_per_component=rounds + 1)  # a component cannot be wired to itself
        pipeline.add_component("now", self._now())
        pipeline.add_component("count", self._count(rounds))
        pipeline.connect("now.value", "count.value")
        pipeline.connect("count.again", "now.values")
        return self._way(pipeline, {"now": {"values": 0}}, "count", "done")

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
            graph.add_node(name, _of_state(after(pause) if pause and number == length // 2 else same))
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
        graph.add_node("begin", _of_state(same))
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
        graph.add_node("count", _of_state(more))
        graph.add_edge(self._start, "count")
        ways = ["count", self._end]
        graph.add_conditional_edges("count", lambda state: ways[state["value"] >= rounds], ways)
        return self._way(graph, {"value": 0}, rounds)

    def _way(self, graph: Any, given: dict[str, Any], steps: int) -> Way:
        built = graph.compile()

        async def run() -> Any:
            return (await built.ainvoke(given, {"recursion_limit": steps + 10}))["value"]

        return run


def _of_state(change: Change) -> Change:
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
