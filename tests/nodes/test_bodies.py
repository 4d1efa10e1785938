"""Nodes with steps inside: what the golden flows do not say."""

import asyncio
from typing import Any

import pytest

from nodes.bodies import ForEach, Parallel, Repeat
from runtime.graph.check import check
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.node import Node
from runtime.interpreter.events import RunCancelled, RunFailed, StepFailed, StepFinished, StepPaused, StepStarted
from runtime.interpreter.execution import Execution
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


def guarded(finally_: dict[str, Any], *edges: Edge) -> Flow:
    """A run that sleeps for long in a Try, and `last` after a step that waits in its finally body."""
    steps = {
        "start": Step(kind="webhook_start"),
        "g": Step(kind="try"),
        "long": Step(kind="wait", within="g", config={"duration": 4, "unit": "seconds"}),
        "first": Step(within="g.finally", **finally_),
        "last": Step(kind="template", within="g.finally", config={"template": "tidy"}),
    }
    return Flow(steps=steps, edges=(Edge("start", "body", "g"), *edges))


WAIT = {"kind": "wait", "config": {"duration": 0.01, "unit": "seconds"}}
LONG = {"kind": "wait", "config": {"duration": 1, "unit": "hours"}}
ASKS = {"kind": "ask_person", "config": {"title": "May I?"}}


@pytest.mark.parametrize(
    ("first", "port", "ends"),
    [
        (WAIT, "output", ["g.finally/first", "g.finally/last"]),
        (LONG, "output", []),
        (ASKS, "approve", []),
    ],
    ids=["soon", "long", "asks"],
)
async def test_what_cleans_up_when_a_run_ends_waits_a_little_and_asks_nobody(
    real: Services, first: dict[str, Any], port: str, ends: list[str]
) -> None:
    flow = guarded(first, Edge("first", port, "last"))
    run = Execution(compile_flow(flow, CATALOG), real, {})
    finished, failed = [], {}
    async for event in run:
        if isinstance(event, StepPaused) and event.step == "g/long":
            run.cancel("enough")
        if isinstance(event, StepFinished) and "finally" in event.step:
            finished.append(event.step)
        if isinstance(event, StepFailed):
            failed[event.step] = event.failure
    assert finished == ends
    assert isinstance(event, RunCancelled)
    if not ends:
        assert failed["g.finally/first"].what.startswith("The run is ending, and what cleans up cannot ask anybody")


async def test_a_question_of_a_finally_body_is_given_up_when_the_run_is_stopped(real: Services) -> None:
    flow = guarded(ASKS, Edge("first", "approve", "last"))
    steps = {**flow.steps, "long": Step(kind="template", within="g", config={"template": "short"})}
    busy = Step(kind="wait", config={"duration": 4, "unit": "seconds"})  # so that the run is not put away
    flow = flow.model_copy(
        update={"steps": {**steps, "busy": busy}, "edges": (*flow.edges, Edge("start", "body", "busy"))}
    )
    run = Execution(compile_flow(flow, CATALOG), real, {})
    async with asyncio.timeout(3):
        async for event in run:
            if isinstance(event, StepPaused) and event.step == "g.finally/first":
                run.cancel("enough")
    assert isinstance(event, RunCancelled)


async def test_what_failed_first_is_the_cause_of_what_failed_last(real: Services) -> None:
    def stop(message: str, within: str) -> Step:
        return Step(kind="stop_with_error", within=within, config={"message": message})

    steps = {"start": Step(kind="webhook_start"), "g": Step(kind="try"), "one": stop("one", "g")}
    steps |= {"two": stop("two", "g.catch"), "three": stop("three", "g.finally")}
    run = Execution(compile_flow(Flow(steps=steps, edges=(Edge("start", "body", "g"),)), CATALOG), real, {})
    ending = await run.outcome()
    assert isinstance(ending, RunFailed)
    assert ending.failure.what == "three"
    assert [word in ending.failure.cause for word in ("one", "two")] == [True, True]


async def test_without_catch_the_failure_goes_on_after_finally(real: Services) -> None:
    steps = {
        "start": Step(kind="webhook_start"),
        "g": Step(kind="try"),
        "one": Step(kind="stop_with_error", within="g", config={"message": "one"}),
        "tidy": Step(kind="template", within="g.finally", config={"template": "tidy"}),
    }
    events = [
        event
        async for event in Execution(
            compile_flow(Flow(steps=steps, edges=(Edge("start", "body", "g"),)), CATALOG), real, {}
        )
    ]
    assert [event.step for event in events if isinstance(event, StepFinished)][-1] == "g.finally/tidy"
    assert isinstance(events[-1], RunFailed)
    assert events[-1].failure.what == "one"
