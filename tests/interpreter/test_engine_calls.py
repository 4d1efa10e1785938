"""Flows that run other flows: what goes in and out, how deep, and where they fail."""

import pytest

from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Limits, Step
from runtime.graph.library import Library
from runtime.graph.node import FlowReference
from runtime.graph.plan import BrokenFlow
from runtime.interpreter.events import RunFailed, StepFinished, StepStarted, decode_all, encode_all
from runtime.interpreter.execution import Execution
from tests.interpreter.containers import CATALOG
from tests.interpreter.stage import BODIES, SERVICES, durable, events_of, flow, jumps


def call(name: str, **more) -> Step:
    return Step(kind="call", config={"name": name}, **more)


WORKS = flow({"start": "begin", "a": "work", "b": "gather"},
              "start.output -> a.value", "a.output -> b.values")  # fmt: skip
ANSWERS = flow({"start": "begin", "a": "pass", "end": Step(kind="finish", config={"value": "answer"})},
               "start.output -> a.value", "start.output -> end")  # fmt: skip
ITSELF = flow({"start": "begin", "again": call("itself")}, "start.output -> again")
BROKEN = flow({"start": "begin", "a": "nothing"}, "start.output -> a")
OUTER = flow({"start": "begin", "c": call("works"), "after": "pass"}, "start.output -> c", "c.output -> after.value")


def library(**flows) -> Library:
    return Library({FlowReference(name): drawn for name, drawn in flows.items()})


def run_of(drawn, past=None, **flows):
    return Execution(compile_flow(drawn, CATALOG, library(**flows)), SERVICES, {"n": 1}, past=past)


async def says(context, value):
    return f"{context.key} {context.input} {value}"


async def boom(context, value):
    raise ValueError("boom")


@jumps()
async def test_flow_that_is_run_gives_its_answer_wherever_it_is_cut():
    BODIES.set({"a": says})
    whole = durable(await events_of(run_of(OUTER, works=WORKS)))
    assert whole[-1].output == ["run:c/a {} {}"]
    for cut in range(1, len(whole)):
        past = decode_all(encode_all(whole[:cut]))
        done = {event.step for event in past if isinstance(event, StepFinished)}
        rest = durable(await events_of(run_of(OUTER, past, works=WORKS)))
        assert rest[-1].output == whole[-1].output
        assert not done & {event.step for event in rest if isinstance(event, StepStarted)}
    answering = flow({"start": "begin", "c": call("answers")}, "start.output -> c")
    assert (await run_of(answering, answers=ANSWERS).outcome()).output == "answer"


@jumps()
async def test_failure_inside_names_the_step_there():
    BODIES.set({"a": boom})
    ending = await run_of(OUTER, works=WORKS).outcome()
    assert (ending.step, ending.failure.step, ending.failure.what) == ("c", "c/a", "ValueError: boom")


@pytest.mark.parametrize("depth", [1, 20, 100])
@jumps()
async def test_flow_that_runs_itself_ends_at_the_depth(depth):
    deep = ITSELF.model_copy(update={"limits": Limits(depth=depth)})
    ending = await run_of(deep, itself=deep).outcome()
    assert isinstance(ending, RunFailed)
    assert ending.failure.what == f"More than {depth} flows run inside one another"
    assert ending.step == "/".join(["again"] * (depth + 1))


@jumps()
async def test_flow_with_errors_fails_the_step_that_runs_it():
    BODIES.set({"a": says})
    drawn = flow({"start": "begin", "c": call("broken")}, "start.output -> c")
    ending = await run_of(drawn, broken=BROKEN).outcome()
    assert ending.step == "c"
    assert ending.failure.kind == BrokenFlow.__name__
