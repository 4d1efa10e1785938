"""Random flows: whatever the order of completion, the cuts and the failures, a run comes to what the rules say."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime.graph.flow import Flow
from runtime.graph.plan import Plan, compile_flow
from runtime.interpreter.engine import Execution
from runtime.interpreter.events import (
    ENDINGS,
    Durable,
    Ending,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepRetried,
    StepSkipped,
    StepStarted,
    decode_all,
    encode_all,
)
from tests.graph.documents import many
from tests.interpreter.oracle import Fate, fate
from tests.interpreter.random_flows import CATALOG, SERVICES, WORLD, World, flows
from tests.interpreter.stage import durable, events_of, jumping

SEEDS = st.integers(0, 2**32 - 1)
GIVEN = {"n": 1, "words": ["é", None, {"deep": [1.5]}]}


def run_of(plan: Plan, trigger: str, seed: int, past: list[Durable] | None = None) -> Execution:
    WORLD.set(World(seed, WORLD.get() if past else None))
    return Execution(plan, SERVICES, GIVEN, trigger=trigger, past=past)


def summary(ending: Ending) -> tuple[Any, ...]:
    """How a run ended, without when; which of several failing steps is named depends on the clock."""
    match ending:
        case RunFinished():
            return ("finished", ending.output, ending.status, ending.step)
        case RunFailed():
            return ("failed",)
    return ("cancelled",)


def assert_meets(events: list[Durable], expected: Fate, plan: Plan) -> None:
    """The events of a whole run tell what the rules say."""
    ending = events[-1]
    settled = {e.step: e.output for e in events if isinstance(e, StepFinished | StepFailed)}
    skipped = {e.step for e in events if isinstance(e, StepSkipped)}
    if expected.failing:
        assert isinstance(ending, RunFailed)
        assert ending.step in expected.failing
        assert skipped <= expected.skipped
        assert all(settled[step] == expected.outputs.get(step) for step in settled.keys() - expected.failing)
    else:
        assert summary(ending) == ("finished", *expected.answer)
        assert skipped == expected.skipped
        assert settled == {step: out for step, out in expected.outputs.items() if out is not None}
        assert settled.keys() | skipped == plan.index.keys()


def assert_lawful(events: list[Durable]) -> None:
    """One start, one end, rising numbers; every step is started before it settles, and settles once."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[0], RunStarted)
    assert [isinstance(event, ENDINGS) for event in events] == [False] * (len(events) - 1) + [True]
    running: set[str] = set()
    settled: set[str] = set()
    for event in events:
        match event:
            case StepStarted():
                assert event.step not in running | settled
                running.add(event.step)
            case StepRetried():
                running.remove(event.step)
            case StepFinished() | StepFailed():
                running.remove(event.step)
                settled.add(event.step)
            case StepSkipped():
                assert event.step not in running | settled
                settled.add(event.step)


@many
@given(flow=flows(), trigger=st.sampled_from(["one", "two"]), seeds=st.lists(SEEDS, min_size=3, max_size=3))
def test_no_order_of_completion_changes_the_result(flow: Flow, trigger: str, seeds: list[int]) -> None:
    plan = compile_flow(flow, CATALOG)
    trigger = trigger if trigger in plan.starts else "one"
    expected = fate(flow, trigger, GIVEN)

    async def runs() -> None:
        for seed in seeds:
            events = durable(await events_of(run_of(plan, trigger, seed)))
            assert_lawful(events)
            assert_meets(events, expected, plan)
            assert summary(await run_of(plan, trigger, seed).outcome()) == summary(events[-1])

    jumping(runs())


@many
@given(flow=flows(), seed=SEEDS, other=SEEDS, data=st.data())
def test_run_cut_anywhere_goes_on_to_the_same_end(flow: Flow, seed: int, other: int, data: st.DataObject) -> None:
    plan = compile_flow(flow, CATALOG)
    expected = fate(flow, "one", GIVEN)

    async def runs() -> None:
        past: list[Durable] = []
        finished: set[str] = set()
        for number in (seed, other):  # cut, gone on, cut and gone on again
            events = durable(await events_of(run_of(plan, "one", number, past)))
            assert [event.seq for event in events] == list(range(len(past) + 1, len(past) + 1 + len(events)))
            assert not finished & {event.step for event in events if isinstance(event, StepStarted)}
            assert not finished & WORLD.get().entered
            whole = [*past, *events]
            assert isinstance(whole[-1], ENDINGS)
            assert_meets(whole, expected, plan)
            past = decode_all(encode_all(whole[: data.draw(st.integers(1, len(whole)), "cut")]))
            assert past == whole[: len(past)]
            finished = {event.step for event in past if isinstance(event, StepFinished | StepSkipped)}

    jumping(runs())


@many
@given(flow=flows(), seed=SEEDS, at=st.integers(1, 60), wait=st.sampled_from([0, 0, 0.5, 1, 3]))
def test_cancel_at_any_event_ends_the_run_and_leaves_nothing(flow: Flow, seed: int, at: int, wait: float) -> None:
    plan = compile_flow(flow, CATALOG)

    async def runs() -> None:
        loop = asyncio.get_running_loop()
        run = run_of(plan, "one", seed)
        events: list[Durable] = []
        cancelled = 0.0
        async for event in run:
            events.append(event)  # type: ignore[arg-type]
            if len(events) == at:
                await asyncio.sleep(wait)
                run.cancel("enough")
                cancelled = loop.time()
        assert isinstance(events[-1], ENDINGS)
        if len(events) > at:
            assert isinstance(events[-1], RunCancelled)
            assert loop.time() == cancelled

    jumping(runs())  # fails when a task is left


@many
@given(flow=flows(), seed=SEEDS, at=st.integers(0, 60))
def test_reader_that_leaves_at_any_event_leaves_nothing(flow: Flow, seed: int, at: int) -> None:
    plan = compile_flow(flow, CATALOG)

    async def runs() -> None:
        events = aiter(run_of(plan, "one", seed))
        for _ in range(at):
            if await anext(events, None) is None:
                return
        await events.aclose()

    jumping(runs())
