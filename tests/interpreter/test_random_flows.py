"""Random flows: whatever the order of completion, the cuts and the failures, a run comes to what the rules say."""

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow, Limits
from runtime.graph.plan import Plan
from runtime.interpreter.driven import driven
from runtime.interpreter.events import (
    ENDINGS,
    BodyStarted,
    Durable,
    Ending,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopping,
    StepDelta,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepRetried,
    StepSkipped,
    StepStarted,
    decode_all,
    encode_all,
)
from runtime.interpreter.execution import Execution
from runtime.interpreter.ground import UNWINDING
from tests.graph import documents
from tests.interpreter.oracle import Fate, fate, scope_of
from tests.interpreter.random_flows import CATALOG, SERVICES, WORLD, World, flows
from tests.interpreter.stage import jumping

# How many examples all these tests have together: CANEVAS_EXAMPLES=100000 for a long look.
many = settings(documents.many, max_examples=max(int(os.environ.get("CANEVAS_EXAMPLES", "1000")) // 6, 1))
SEEDS = st.integers(0, 2**32 - 1)
AWAY = 1_000_000.0  # seconds without anybody who drives a run
GIVEN = {"n": 1, "words": ["é", None, {"deep": [1.5]}]}


def run_of(plan: Plan, trigger: str, seed: int, past: list[Durable] | None = None) -> Execution:
    WORLD.set(World(seed, WORLD.get() if past else None))
    clock, chance = asyncio.get_running_loop().time, random.Random(seed)
    return Execution(plan, SERVICES, GIVEN, trigger=trigger, past=past, clock=clock, chance=chance)


def open_questions(events: list[Durable]) -> dict[str, StepPaused]:
    """What nobody has answered yet, by step."""
    found: dict[str, StepPaused] = {}
    for event in events:
        if isinstance(event, StepPaused):
            found[event.step] = event
        elif isinstance(event, StepResumed | StepSkipped):
            found.pop(event.step, None)
    return found


def answer(events: list[Durable], step: str) -> str:
    """What people answer to a step's newest question."""
    asked = sum(isinstance(event, StepPaused) and event.step == step for event in events)
    return f"{step} {asked - 1}"


class Driven:
    """A run with people who answer, some at once and some only when it was put away, and a world that goes on.

    past: of a life before this one, after which nobody drove it for longer than it may take.
    """

    def __init__(self, plan: Plan, trigger: str, seed: int, past: list[Durable] | None = None) -> None:
        self.plan, self.trigger, self.seed = plan, trigger, seed
        self.events: list[Durable] = list(past or ())
        self.rests = bool(past)
        self.entered: set[str] = set()
        self.run: Execution | None = None
        self._chance = random.Random(seed)

    async def to_the_end(self, stop_at: int = 10**9) -> list[Durable]:
        """All events until the run has ended, or there are `stop_at` of them."""
        if self.rests and not isinstance(self.events[-1], ENDINGS):
            await asyncio.sleep(AWAY)
            self.events.append(RunResumed(len(self.events) + 1, asyncio.get_running_loop().time()))
        while not (self.events and isinstance(self.events[-1], ENDINGS)) and len(self.events) < stop_at:
            before = len(self.events)
            self.run = run_of(self.plan, self.trigger, self.seed + before, self.events)
            async with aclosing(aiter(self.run)) as events:
                async for event in events:
                    assert not isinstance(event, StepDelta)
                    self.events.append(event)
                    if len(self.events) >= stop_at:
                        break
                    if isinstance(event, StepPaused) and event.until is None and self._chance.random() < 0.5:
                        self.run.reply(event.step, answer(self.events, event.step), "ada")
            self.entered |= WORLD.get().entered
            if len(self.events) < stop_at and not isinstance(self.events[-1], ENDINGS):
                assert await self.somebody_answers() or len(self.events) > before, "the run is stuck"
            self.events = decode_all(encode_all(self.events))
        return self.events

    async def somebody_answers(self) -> bool:
        """The run was put away: answer one of its questions, or wait until it goes on by itself."""
        assert self.run is not None
        waiting = open_questions(self.events)
        assert waiting, "the run neither ended nor waits"
        people = [step for step, event in waiting.items() if event.until is None]
        if not people:
            until = self.run.waits()
            assert until is not None
            await asyncio.sleep(max(until - asyncio.get_running_loop().time(), 0.0))
            self.events.append(RunResumed(len(self.events) + 1, asyncio.get_running_loop().time()))
            return True
        step = self._chance.choice(people)
        await asyncio.sleep(AWAY)
        now = asyncio.get_running_loop().time()
        self.events.append(StepResumed(len(self.events) + 1, now, step, answer(self.events, step), "ada"))
        return True


def summary(ending: Ending | None) -> tuple[Any, ...]:
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
    outputs = expected.outputs
    assert all(outputs[step] == out for step, out in settled.items() if step in outputs)
    assert all(outputs[step] is None for step in skipped if step in outputs)
    if expected.failing:
        assert isinstance(ending, RunFailed)
        assert ending.step in expected.failing
        return
    assert summary(ending) == ("finished", *expected.answer)
    assert {step for step in skipped if scope_of(step) in expected.sure} == expected.skipped()
    assert {step: out for step, out in settled.items() if scope_of(step) in expected.sure} == expected.settled()
    assert {step for step in settled.keys() | skipped if "/" not in step} == plan.index.keys()


def assert_lawful(events: list[Durable]) -> None:
    """One start, one end, rising numbers; every step is started before it settles, and settles once."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[0], RunStarted)
    assert [isinstance(event, ENDINGS) for event in events] == [False] * (len(events) - 1) + [True]
    settled: set[str] = set()
    for event in events:
        match event:
            case StepStarted() | StepRetried() | StepPaused() | StepResumed():
                assert event.step not in settled
            case StepFinished() | StepFailed() | StepSkipped():
                assert event.step not in settled
                settled.add(event.step)
    started = {event.step for event in events if isinstance(event, StepStarted)}
    assert {event.step for event in events if isinstance(event, StepFinished | StepFailed)} <= started
    bodies = [event.step for event in events if isinstance(event, BodyStarted)]
    assert len(bodies) == len(set(bodies))


@many
@given(flow=flows(), trigger=st.sampled_from(["one", "two"]), seeds=st.lists(SEEDS, min_size=2, max_size=2))
def test_no_order_of_completion_changes_the_result(flow: Flow, trigger: str, seeds: list[int]) -> None:
    plan = compile_flow(flow, CATALOG)
    trigger = trigger if trigger in plan.starts else "one"
    expected = fate(flow, trigger, GIVEN)

    async def runs() -> None:
        for seed in seeds:
            events = await Driven(plan, trigger, seed).to_the_end()
            assert_lawful(events)
            assert_meets(events, expected, plan)
            if not any(isinstance(event, StepPaused) for event in events):
                assert summary(await run_of(plan, trigger, seed).outcome()) == summary(events[-1])  # type: ignore[arg-type]

    jumping(runs())


@many
@given(flow=flows(), seed=SEEDS, other=SEEDS, data=st.data())
def test_run_cut_anywhere_goes_on_to_the_same_end(flow: Flow, seed: int, other: int, data: st.DataObject) -> None:
    plan = compile_flow(flow, CATALOG)
    expected = fate(flow, "one", GIVEN)

    async def runs() -> None:
        past: list[Durable] = []
        for number in (seed, other, seed + 1):  # cut, gone on, cut and gone on again
            finished = {event.step for event in past if isinstance(event, StepFinished | StepSkipped)}
            driven = Driven(plan, "one", number, past)
            whole = await driven.to_the_end()
            assert [event.seq for event in whole] == list(range(1, len(whole) + 1))
            assert not finished & {event.step for event in whole[len(past) :] if isinstance(event, StepStarted)}
            assert not finished & driven.entered
            assert_meets(whole, expected, plan)
            past = decode_all(encode_all(whole[: data.draw(st.integers(1, len(whole)), "cut")]))
            assert past == whole[: len(past)]

    jumping(runs())


def owed(events: list[Durable], flow: Flow) -> Iterator[str]:
    """The bodies that have to begin because the ones before them did."""
    for event in events:
        if isinstance(event, BodyStarted):
            name = event.step.rpartition("/")[2]
            if name in flow.steps and flow.steps[name].kind == "guard":
                yield f"{event.step}.finally"


@many
@given(
    flow=flows(),
    seed=SEEDS,
    at=st.integers(1, 60),
    wait=st.sampled_from([0, 0, 0.5, 1, 3]),
    cut=st.booleans(),
)
def test_cancel_at_any_event_cleans_up_and_leaves_nothing(
    flow: Flow, seed: int, at: int, wait: float, cut: bool
) -> None:
    plan = compile_flow(flow, CATALOG)

    async def runs() -> None:
        loop = asyncio.get_running_loop()
        driven = Driven(plan, "one", seed)
        events = await driven.to_the_end(at)
        if isinstance(events[-1], ENDINGS):
            return
        if cut:  # it goes on only to be cancelled
            run = run_of(plan, "one", seed, events)
            run.cancel("enough")
            cancelled = loop.time()
            events += [event async for event in run if not isinstance(event, StepDelta)]
        else:
            run = run_of(plan, "one", seed)
            events, cancelled = [], -1.0
            async for event in run:
                events.append(event)  # type: ignore[arg-type]
                if cancelled < 0 and (len(events) == at or isinstance(event, StepPaused)):
                    await asyncio.sleep(wait)
                    run.cancel("enough")
                    cancelled = loop.time()
            if cancelled < 0 or not isinstance(events[-1], RunCancelled):
                return
        assert isinstance(events[-1], RunCancelled)
        took = loop.time() - cancelled
        assert took <= UNWINDING
        bodies = {event.step for event in events if isinstance(event, BodyStarted)}
        if took < UNWINDING:
            assert set(owed(events, flow)) <= bodies
        # After a cut, steps whose settings are computed outside are first taken up.
        computed = cut and any("str(" in str(step.config) for step in flow.steps.values())
        if not computed and not any(step.kind == "guard" for step in flow.steps.values()):
            assert took == 0

    jumping(runs())  # fails when a task is left


@many
@given(flow=flows(), seed=SEEDS, at=st.integers(1, 60), seconds=st.sampled_from([None, 3.0]), data=st.data())
def test_run_that_was_to_end_and_was_cut_off_ends_so(
    flow: Flow, seed: int, at: int, seconds: float | None, data: st.DataObject
) -> None:
    if seconds is not None:
        flow = flow.model_copy(update={"limits": Limits(seconds=seconds)})
    plan = compile_flow(flow, CATALOG)

    async def runs() -> None:
        run, whole = run_of(plan, "one", seed), []
        async for event in run:
            whole.append(event)
            if seconds is None and len(whole) == at:
                run.cancel("enough")
        stopping = next((number for number, event in enumerate(whole, 1) if isinstance(event, RunStopping)), None)
        if stopping is None:
            return
        past = decode_all(encode_all(whole[: data.draw(st.integers(stopping, len(whole) - 1), "cut")]))  # type: ignore[arg-type]
        finished = {event.step for event in past if isinstance(event, StepFinished | StepSkipped)}
        again = Driven(plan, "one", seed + 1, past)
        events = await again.to_the_end()
        assert_lawful(events)
        assert not finished & again.entered
        assert all(".finally" in step for step in again.entered)
        assert set(owed(events, flow)) <= {event.step for event in events if isinstance(event, BodyStarted)}
        one, other = whole[-1], events[-1]
        assert type(one) is type(other)
        assert getattr(one, "failure", None) == getattr(other, "failure", None)
        assert getattr(one, "reason", None) == getattr(other, "reason", None)

    jumping(runs())


def around(flow: Flow, name: str) -> Iterator[str]:
    """The steps around a step, the nearest first."""
    while within := flow.steps[name].within:
        name = within.partition(".")[0]
        yield name


@many
@given(
    flow=flows(),
    seed=SEEDS,
    steps=st.integers(1, 40),
    seconds=st.sampled_from([1.0, 5.0, 50.0, 1000.0]),
    depth=st.integers(1, 4),
    cut=st.integers(0, 40),
)
def test_run_with_limits_ends_within_them_or_with_that_reason(
    flow: Flow, seed: int, steps: int, seconds: float, depth: int, cut: int
) -> None:
    # A flow in which a step stands too deep is refused as it is read; what is left of this limit are flows in flows.
    deepest = max(depth, *(sum(1 for _ in around(flow, name)) for name in flow.steps))
    flow = flow.model_copy(update={"limits": Limits(steps=steps, seconds=seconds, depth=deepest)})
    plan = compile_flow(flow, CATALOG)
    expected = fate(flow, "one", GIVEN)

    async def runs() -> None:
        past = await Driven(plan, "one", seed).to_the_end(cut) if cut else []
        events = await Driven(plan, "one", seed, past).to_the_end()
        assert_lawful(events)
        last = next(number for number, event in enumerate(events, 1) if isinstance(event, (RunStopping, *ENDINGS)))
        # After a cut, steps whose settings are computed outside are first taken up.
        if not cut or not any("str(" in str(step.config) for step in flow.steps.values()):
            assert driven(events[:last])[0] <= seconds + 1e-6
        ending = events[-1]
        if isinstance(ending, RunFailed) and ending.failure.kind == "LimitReached":
            limit = ending.failure.mend.split("`")[1]
            assert limit in ("steps", "seconds", "depth")
            if limit == "steps":
                assert sum(isinstance(e, StepStarted | StepResumed) for e in events) > steps
        else:
            assert_meets(events, expected, plan)

    jumping(runs())


@many
@given(flow=flows(), seed=SEEDS, at=st.integers(0, 60))
def test_reader_that_leaves_at_any_event_leaves_nothing(flow: Flow, seed: int, at: int) -> None:
    plan = compile_flow(flow, CATALOG)

    async def runs() -> None:
        events = aiter(run_of(plan, "one", seed))
        for _ in range(at):
            if await anext(events, None) is None:
                return
        entered = set(WORLD.get().entered)
        await events.aclose()
        await asyncio.sleep(100)
        assert WORLD.get().entered == entered

    jumping(runs())
