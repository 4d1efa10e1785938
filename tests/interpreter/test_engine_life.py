"""The life of a run: watched, cancelled, left by its reader, cut and resumed, and beside others."""

import asyncio
import contextlib

import pytest

from runtime.errors import CallerError, ProviderError
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Default, Retry, Step
from runtime.interpreter.events import (
    RunCancelled,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    decode_all,
    encode_all,
)
from runtime.interpreter.execution import Execution
from runtime.interpreter.ground import GRACE
from tests.interpreter.stage import BODIES, CATALOG, SERVICES, durable, events_of, execution, flow, jumps, timed, told

CHAIN = flow({"s": "begin", "a": "work", "b": "quick"}, "s.output -> a.value", "a.output -> b.value")


async def slowly(context, value):
    await asyncio.sleep(10)
    return f"{context.key} of {value}"


async def at_once(context, value):
    return value


def others() -> set[asyncio.Task]:
    return asyncio.all_tasks() - {asyncio.current_task()}


# --- watching ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["work", "quick"])
@jumps()
async def test_body_is_entered_after_its_start_was_read(kind):
    entered = []

    async def enters(context, value):
        entered.append(context.key)

    run = execution(flow({"s": "begin", "a": kind}, "s.output -> a.value"), bodies={"a": enters})
    async for event in run:
        if isinstance(event, StepStarted) and event.step == "a":
            await asyncio.sleep(60)  # the reader takes its time, to write the event down for example
            assert entered == []
    assert entered == ["run:a"]


@jumps()
async def test_run_stands_still_until_the_next_event_is_asked_for():
    names = [f"a{number}" for number in range(20)]
    wires = [f"{one}.output -> {other}.value" for one, other in zip(["s", *names], names, strict=False)]
    done = []

    async def notes(context, value):
        done.append(context.key)

    run = execution(flow({"s": "begin"} | dict.fromkeys(names, "quick"), *wires), bodies=dict.fromkeys(names, notes))
    events = aiter(run)
    while not done:
        await anext(events)
    for _ in range(10):
        await asyncio.sleep(1)
    assert len(done) == 1
    await events.aclose()


@jumps()
async def test_input_and_outputs_stand_in_the_events():
    run = execution(CHAIN, {"n": 1}, bodies={"a": at_once, "b": at_once}, run="r1", clock=lambda: 5.0)
    events = await events_of(run)
    assert events[0] == RunStarted(1, 5.0, "s", {"n": 1})
    assert events[1] == StepStarted(2, 5.0, "s", {"n": 1})
    assert events[3] == StepStarted(4, 5.0, "a", {"value": {"n": 1}})
    assert events[-2] == StepFinished(7, 5.0, "b", {"output": {"n": 1}})
    assert events[-1] == RunFinished(8, 5.0, {"n": 1}, 200, "b")


@jumps()
async def test_started_tells_computed_and_wired_settings_too():
    drawn = flow(
        {
            "s": "begin",
            "a": Step(kind="say", config={"text": "n: {{ s.output }}"}),
            "b": Step(kind="say", config={"text": "{{ str(s.output) }}!"}),
            "c": "say",
        },
        "s.output -> c.text",
    )
    events = await events_of(execution(drawn, {"n": 1}))
    shown = {event.step: event.input for event in events if isinstance(event, StepStarted)}
    assert shown["a"] == {"text": 'n: {"n":1}'}
    assert shown["b"] == {"text": "{'n': 1}!"}
    assert shown["c"] == {"text": '{"n":1}'}


@jumps()
async def test_run_is_driven_once():
    run = execution(CHAIN, bodies={"a": at_once, "b": at_once})
    await run.outcome()
    with pytest.raises(RuntimeError, match="driven once"):
        await run.outcome()
    with pytest.raises(RuntimeError, match="driven once"):
        await events_of(run)


@pytest.mark.parametrize("given", [[], {"a": {1}}, {"a": float("nan")}, {1: 2}, {"a": "\ud800"}, "text"])
def test_input_that_is_no_json_object_is_the_callers_error(given):
    with pytest.raises(CallerError, match="The input of a run is a JSON object"):
        execution(CHAIN, given)


@jumps()
async def test_long_run_lets_others_have_a_turn():
    names = [f"a{number}" for number in range(3000)]
    wires = [f"{one}.output -> {other}.value" for one, other in zip(["s", *names], names, strict=False)]
    drawn = flow({"s": "begin"} | dict.fromkeys(names, "pass"), *wires)
    turns = 0

    async def ticks():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(ticks())
    await execution(drawn).outcome()
    unwatched, turns = turns, 0
    await events_of(execution(drawn))
    ticking.cancel()
    await asyncio.wait({ticking})
    assert unwatched > 5
    assert turns > 5


# --- cancelling and leaving ----------------------------------------------------------------------------------------


@jumps()
async def test_cancel_stops_bodies_and_ends_the_run():
    run = execution(CHAIN, bodies={"a": slowly, "b": at_once})
    asyncio.get_running_loop().call_later(3, run.cancel, "enough")
    events, seconds = await timed(events_of(run))
    assert told(events)[-2:] == ["started a", "run cancelled"]
    assert events[-1].reason == "enough"
    assert seconds == 3
    assert not others()


@jumps()
async def test_cancel_of_an_unwatched_run():
    run = execution(CHAIN, bodies={"a": slowly, "b": at_once})
    asyncio.get_running_loop().call_later(3, run.cancel, "enough")
    ending, seconds = await timed(run.outcome())
    assert isinstance(ending, RunCancelled)
    assert seconds == 3


@jumps(leaves=1)
async def test_cancel_waits_for_no_body_longer_than_the_grace():
    async def stubborn(context, value):
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    run = execution(CHAIN, bodies={"a": stubborn})
    asyncio.get_running_loop().call_later(3, run.cancel)
    events, seconds = await timed(events_of(run))
    assert isinstance(events[-1], RunCancelled)
    assert seconds == 3 + GRACE


@jumps()
async def test_cancel_between_two_tries():
    async def fails(context, value):
        raise ProviderError("down", retry=True)

    drawn = flow({"s": "begin", "a": Step(kind="work", retry=Retry(times=5, wait=100))}, "s.output -> a.value")
    run = execution(drawn, bodies={"a": fails})
    asyncio.get_running_loop().call_later(30, run.cancel)
    events, seconds = await timed(events_of(run))
    assert told(events)[-2:] == ["retried a", "run cancelled"]
    assert seconds == 30


@pytest.mark.parametrize("at", range(9))
@jumps()
async def test_cancel_at_any_event_ends_the_run(at):
    run = execution(CHAIN, bodies={"a": slowly, "b": at_once})
    events = []
    async for event in run:
        events.append(event)
        if len(events) > at:
            run.cancel("now")
            run.cancel("a second time counts for nothing")
    if isinstance(events[-1], RunCancelled):
        assert events[-1].reason == "now"
        assert len(events) == at + 2  # nothing is entered any more
    else:
        assert at >= 7
    assert not others()


@pytest.mark.parametrize("at", range(1, 9))
@jumps()
async def test_reader_that_stops_early_leaves_no_task(at):
    events = aiter(execution(CHAIN, bodies={"a": slowly, "b": at_once}))
    for _ in range(at):
        await anext(events)
    await events.aclose()
    assert not others()


@jumps()
async def test_reader_that_is_cancelled_leaves_no_task():
    run = execution(CHAIN, bodies={"a": slowly, "b": at_once})
    reading = asyncio.create_task(events_of(run))
    await asyncio.sleep(5)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not others()


@jumps()
async def test_outcome_that_nobody_waits_for_any_more_leaves_no_task():
    waiting = asyncio.create_task(execution(CHAIN, bodies={"a": slowly}).outcome())
    await asyncio.sleep(5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not others()


# --- going on from the log -----------------------------------------------------------------------------------------

WIDE = flow(
    {
        "s": "begin",
        "f": Step(kind="fork", config={"ways": "left"}),
        "a": "work",
        "b": Step(kind="work", on_error=Default(default="instead")),
        "c": Step(kind="work", retry=Retry(times=2, wait=1)),
        "never": "pass",
        "join": "gather",
    },
    "s.output -> f.value",
    "f.left -> a.value",
    "f.left -> b.value",
    "f.left -> c.value",
    "f.right -> never.value",
    "a.output -> join.values",
    "b.output -> join.values",
    "c.output -> join.values",
    "never.output -> join.values",
)


def wide_bodies(entered: list[str]):
    """Bodies of WIDE that note when they are entered; `c` comes through at its second try in this world."""

    async def one(context, value):
        entered.append("a")
        await asyncio.sleep(2)
        return "one"

    async def two(context, value):
        entered.append("b")
        raise ValueError("always")

    async def three(context, value):
        entered.append("c")
        if entered.count("c") < 2:
            raise ProviderError("busy", retry=True)
        return "three"

    return {"a": one, "b": two, "c": three}


@jumps()
async def test_run_goes_on_from_any_cut_and_ends_the_same():
    first: list[str] = []
    whole = durable(await events_of(execution(WIDE, bodies=wide_bodies(first))))
    for cut in range(1, len(whole) + 1):
        past = decode_all(encode_all(whole[:cut]))
        entered: list[str] = []
        rest = await events_of(execution(WIDE, bodies=wide_bodies(entered), past=past))
        assert [event.seq for event in rest] == list(range(cut + 1, cut + 1 + len(rest)))
        ending = (rest or whole)[-1]
        assert ending.output == whole[-1].output == ["one", "instead", "three"]
        settled = {line.split()[1] for line in told(past) if line.startswith(("finished", "failed", "skipped"))}
        assert not settled & {line.split()[1] for line in told(rest) if " " in line and not line.startswith("run")}
        assert not settled & set(entered)


@jumps()
async def test_tries_before_the_cut_count():
    async def fails(context, value):
        raise ProviderError("down", retry=True)

    drawn = flow({"s": "begin", "a": Step(kind="work", retry=Retry(times=3))}, "s.output -> a.value")
    whole = durable(await events_of(execution(drawn, bodies={"a": fails})))
    after_two = [told([event])[0] for event in whole].index("retried a", 6) + 1
    rest = await events_of(execution(drawn, bodies={"a": fails}, past=whole[:after_two]))
    assert told([*whole[:after_two], *rest]) == told(whole)


@jumps()
async def test_run_that_ended_has_nothing_more_to_tell():
    whole = await events_of(execution(CHAIN, bodies={"a": at_once, "b": at_once}))
    assert await events_of(execution(CHAIN, past=whole)) == []
    assert await execution(CHAIN, past=whole).outcome() == whole[-1]


@jumps()
async def test_failed_run_that_was_cut_before_its_end_fails_the_same():
    async def fails(context, value):
        raise ValueError("no")

    whole = await events_of(execution(CHAIN, bodies={"a": fails}))
    assert told(whole)[-2:] == ["failed a", "run failed"]
    (ending,) = await events_of(execution(CHAIN, past=whole[:-1], clock=lambda: whole[-1].at))
    assert ending == whole[-1]


@jumps()
async def test_step_that_was_running_at_the_cut_runs_again():
    whole = await events_of(execution(CHAIN, bodies={"a": slowly, "b": at_once}))
    past = whole[:4]
    assert told(past)[-1] == "started a"
    rest = await events_of(execution(CHAIN, bodies={"a": slowly, "b": at_once}, past=past))
    assert told(rest)[:2] == ["started a", "finished a"]


def test_log_of_another_flow_is_refused():
    with pytest.raises(KeyError):
        execution(CHAIN, past=[RunStarted(1, 0.0, "s", {}), StepStarted(2, 0.0, "stranger", {})])


# --- beside others -------------------------------------------------------------------------------------------------


@jumps()
async def test_runs_of_one_plan_do_not_mind_each_other():
    async def takes_its_time(context, value):
        await asyncio.sleep(value["n"] % 7)
        return value["n"]

    BODIES.set({"a": takes_its_time, "b": at_once})
    plan = compile_flow(CHAIN, CATALOG)
    runs = [Execution(plan, SERVICES, {"n": number}, run=str(number)) for number in range(50)]
    endings, seconds = await timed(asyncio.gather(*(run.outcome() for run in runs)))
    assert [ending.output for ending in endings] == list(range(50))
    assert seconds == 6


@jumps()
async def test_cancelling_one_run_leaves_the_other_alone():
    BODIES.set({"a": slowly, "b": at_once})
    plan = compile_flow(CHAIN, CATALOG)
    one, two = Execution(plan, SERVICES, {}, run="one"), Execution(plan, SERVICES, {}, run="two")
    asyncio.get_running_loop().call_later(1, one.cancel)
    first, second = await asyncio.gather(one.outcome(), two.outcome())
    assert isinstance(first, RunCancelled)
    assert second.output == "two:a of {}"
