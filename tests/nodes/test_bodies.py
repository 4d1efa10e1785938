"""Nodes with steps inside: what the golden flows do not say."""

from typing import Any

import pytest

from nodes.bodies import ForEach, Parallel, Repeat
from runtime.graph.check import check
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.node import Node
from runtime.interpreter.engine import Execution
from runtime.interpreter.events import RunFailed, StepFinished, StepStarted
from runtime.interpreter.services import Services
from tests.nodes.running import CATALOG, STEP, flow_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def looped(at_once: int, items: int) -> Flow:
    """A flow that waits a little for each of so many items."""
    steps = {
        "start": Step(kind="webhook_start"),
        "each": Step(kind="for_each", config={"items": list(range(items)), "at_once": at_once}),
        "rest": Step(kind="wait", within="each", config={"duration": 0.01, "unit": "seconds"}),
    }
    return Flow(steps=steps, edges=(Edge("start", "body", "each"), Edge("each", "item", "rest", "value")))


@pytest.mark.parametrize("at_once", [1, 3, 100])
async def test_for_each_works_on_so_many_items_and_no_more(real: Services, at_once: int) -> None:
    going = most = 0
    async for event in Execution(compile_flow(looped(at_once, 7), CATALOG), real, {}):
        if isinstance(event, StepStarted | StepFinished) and event.step.endswith("/rest"):
            going += 1 if isinstance(event, StepStarted) else -1
            most = max(most, going)
        if isinstance(event, StepFinished) and event.step == "each":
            assert event.output == {"output": list(range(7)), "failed": 0}
    assert (going, most) == (0, min(at_once, 7))


@pytest.mark.parametrize(
    ("node", "config", "field"),
    [
        (ForEach, {}, "items"),
        (ForEach, {"items": "a text"}, "items"),
        (ForEach, {"items": [], "at_once": 0}, "at_once"),
        (ForEach, {"items": [], "at_once": 101}, "at_once"),
        (ForEach, {"items": [], "on_failure": "retry"}, "on_failure"),
        (Repeat, {"rounds": 0}, "rounds"),
        (Repeat, {"rounds": 1001}, "rounds"),
        (Parallel, {"branches": []}, "branches"),
        (Parallel, {"branches": ["a", "b", "a"]}, "branches"),
        (Parallel, {"branches": ["No Name"]}, "branches"),
    ],
)
async def test_settings_that_cannot_be_are_told(node: type[Node], config: dict[str, Any], field: str) -> None:
    (problem,) = check(flow_of(node, config, {}), CATALOG)
    assert (problem.step, problem.field) == (STEP, field)


async def test_for_each_of_what_turns_out_to_be_no_list_says_so(real: Services) -> None:
    flow = flow_of(ForEach, {"items": "{{ start.body.orders }}"}, {})
    ending = await Execution(compile_flow(flow, CATALOG), real, {"body": {"orders": "a text"}}).outcome()
    assert isinstance(ending, RunFailed)
    assert ending.failure.what == "`items`: it must be a list ({{ start.body.orders }})"
