"""What a run waits for, read from its events alone, is what the engine waits for."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ConflictError
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.interpreter.alarm import Alarm
from runtime.interpreter.events import Durable, Failure, RunCancelled, StepFailed, StepPaused, StepResumed, StepSkipped
from runtime.interpreter.waits import InvalidAnswer, Wait, asked, fit, waits_of, wake_of
from tests.interpreter.random_flows import CATALOG, flows
from tests.interpreter.stage import jumping
from tests.interpreter.test_random_flows import SEEDS, answer, many, run_of

ASK = {"title": "Well?"}


@many
@given(flow=flows(), seed=SEEDS)
def test_the_events_tell_what_the_engine_waits_for(flow: Flow, seed: int) -> None:
    plan = compile_flow(flow, CATALOG)

    async def runs() -> None:
        past: list[Durable] = []
        chance = random.Random(seed)
        for _ in range(6):
            run = run_of(plan, "one", seed, past)
            past += [event async for event in run]  # type: ignore[misc]
            waits = waits_of(past)
            ended = not waits
            assert {wait.step: wait.until for wait in waits} == (
                {} if ended else {path: scope.pauses[step].until for path, (scope, step) in run._paused.items()}
            )
            assert ended or wake_of(waits) == run.waits()
            people = [wait.step for wait in waits if wait.until is None]
            if not people:
                return
            step = chance.choice(people)
            past.append(StepResumed(len(past) + 1, 0.0, step, answer(past, step), "ada"))

    jumping(runs())


def paused(*steps: str) -> list[Durable]:
    return [StepPaused(number, float(number), step, ASK) for number, step in enumerate(steps, 1)]


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (StepResumed(9, 9.0, "each[1]/ask"), ["ask", "each[2]/ask", "each_2[1]/ask"]),
        (StepFailed(9, 9.0, "each[1]/other", Failure("x")), ["ask", "each[2]/ask", "each_2[1]/ask"]),
        (StepFailed(9, 9.0, "each[1]/other", Failure("x"), {}), ["ask", "each[1]/ask", "each[2]/ask", "each_2[1]/ask"]),
        (StepFailed(9, 9.0, "each", Failure("x"), {"error": {}}), ["ask", "each_2[1]/ask"]),
        (StepFailed(9, 9.0, "other", Failure("x")), []),
        (StepSkipped(9, 9.0, "each"), ["ask", "each_2[1]/ask"]),
        (StepSkipped(9, 9.0, "as"), ["ask", "each[1]/ask", "each[2]/ask", "each_2[1]/ask"]),
        (RunCancelled(9, 9.0), []),
    ],
)
def test_what_ends_a_wait(event: Durable, left: list[str]) -> None:
    events = [*paused("ask", "each[1]/ask", "each[2]/ask", "each_2[1]/ask"), event]
    assert [wait.step for wait in waits_of(events)] == left


def test_what_is_asked_and_what_fits() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}
    wait = Wait("ask", 1.0, {"schema": schema})
    assert asked([Wait("later", 1.0, until=5.0), wait], "ask") is wait
    for step in ("later", "nobody"):
        with pytest.raises(ConflictError):
            asked([Wait("later", 1.0, until=5.0), wait], step)
    fit(wait, {"a": 1})
    with pytest.raises(InvalidAnswer, match="`a` is missing") as told:
        fit(wait, {})
    assert (told.value.errors[0].field, told.value.where) == ("/a", "ask")
    fit(Wait("ask", 1.0, {"title": "Anything"}), {"any": 1})


@given(times=st.lists(st.floats(0, 100), max_size=8))
def test_the_alarm_rings_for_each_at_its_time(times: list[float]) -> None:
    rung: list[tuple[str, float]] = []

    async def rings() -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        alarm = Alarm(lambda workspace, run: rung.append((run, clock() - began)), clock)
        for number, at in enumerate(times):
            alarm.set("w", str(number), began + at)
        alarm.set("w", "never", began + 10_000)
        await asyncio.sleep(200)
        alarm.stop()
        await asyncio.sleep(20_000)

    jumping(rings())
    assert sorted(run for run, _ in rung) == [str(number) for number in range(len(times))]
    assert all(at == pytest.approx(times[int(run)], abs=1e-6) for run, at in rung)
