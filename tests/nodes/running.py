"""Runs one node inside a flow, as the engine does it."""

from typing import Any

from nodes.catalog import builtin
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.library import Library
from runtime.graph.node import FlowReference, Node
from runtime.interpreter.events import Event, Failure, RunFailed, StepFailed, StepFinished, StepPaused
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services

CATALOG = builtin()
STEP = "step"
GREETS = Flow(
    name="Greets",
    steps={
        "start": Step(kind="api_start", config={"fields": [{"name": "name"}, {"name": "age", "required": False}]}),
        "greet": Step(kind="template", config={"template": "Hello {{ start.name }}"}),
    },
    edges=(Edge("start", "name", "greet"),),
)
LIBRARY = Library({FlowReference("greets"): GREETS, FlowReference("greets", 2): GREETS}, {"greets": 3})


class Failed(Exception):
    """The step failed; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


def flow_of(node: type[Node], config: dict[str, Any], inputs: dict[str, Any]) -> Flow:
    """A flow with this step, wired to a step that gives each input; a list for a port that gathers has wires."""
    many = {port.name for port in node.ports_in if port.many}
    values: dict[str, Any] = {}
    edges = []
    for port, value in inputs.items():
        for number, each in enumerate(value if port in many else [value]):
            values[f"{port}_{number}"] = each
            edges.append(Edge("inputs", f"{port}_{number}", STEP, port))
    step = {STEP: Step(kind=node.kind, version=node.version, config=config)}
    if node.trigger:
        return Flow(steps=step)
    start = Step(kind="webhook_start")
    if not values:
        return Flow(steps={"start": start, **step}, edges=(Edge("start", "body", STEP),))
    given = Step(kind="set_values", config={"values": values})
    return Flow(steps={"start": start, "inputs": given, **step}, edges=(Edge("start", "body", "inputs"), *edges))


async def events_of(
    services: Services,
    node: type[Node],
    config: dict[str, Any],
    inputs: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    catalog: Catalog = CATALOG,
    answer: Any = None,
) -> list[Event]:
    """All events of a run of the flow around this node. answer: what a person says who is asked."""
    plan = compile_flow(flow_of(node, config, inputs or {}), catalog, LIBRARY)
    execution = Execution(plan, services, given or {}, run="test")
    events = []
    async for event in execution:
        events.append(event)
        if isinstance(event, StepPaused) and answer is not None:
            execution.reply(event.step, answer, "Ada")
    return events


async def run_node(
    services: Services,
    node: type[Node],
    config: dict[str, Any],
    inputs: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    catalog: Catalog = CATALOG,
    answer: Any = None,
) -> dict[str, Any]:
    """What the node gives. Raises Failed."""
    events = await events_of(services, node, config, inputs, given, catalog, answer)
    for event in events:
        if isinstance(event, StepFailed) and event.step == STEP:
            raise Failed(event.failure)
        if isinstance(event, StepFinished) and event.step == STEP:
            return event.output
    assert not isinstance(events[-1], RunFailed), events[-1]
    raise AssertionError("the step was skipped")
