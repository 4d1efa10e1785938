"""Flows inside steps that end early: by a time-out, by cancelling, by their reader, or by breaking the rules."""

import asyncio
import contextlib
import gc

import pytest

from runtime.graph.flow import Step
from runtime.interpreter.events import (
    RunCancelled,
    RunFailed,
    RunFinished,
    StepStarted,
    decode_all,
    encode_all,
)
from runtime.interpreter.ground import GRACE
from tests.interpreter.framed import EACH, TRY, boom, each, echo, hangs, inside, run_of
from tests.interpreter.stage import events_of, flow, jumps, timed, told

# --- time-outs and cancelling --------------------------------------------------------------------------------------


@jumps()
async def test_container_that_takes_too_long_ends_its_bodies_and_cleans_up():
    drawn = flow(
        {**TRY.steps, "t": Step(kind="try", timeout=5, on_error="port"), "late": "pass"},
        *(str(edge) for edge in TRY.edges), "t.error -> late.value",
    )  # fmt: skip
    events, seconds = await timed(events_of(run_of(drawn, {}, bodies={"a": hangs, "f": echo})))
    assert seconds == 6  # and the body that cleans up took one second
    assert events[-1].output["kind"] == "Late"
    assert events[-1].output["what"] == "The step did not end within 5 s (t)"
    assert "finished t.finally/f" in told(events)
    assert "body started t.catch" not in told(events)


@jumps()
async def test_container_that_ends_in_time_leaves_no_timer():
    drawn = flow({**TRY.steps, "t": Step(kind="try", timeout=500)}, *(str(edge) for edge in TRY.edges))
    ending, seconds = await timed(run_of(drawn, {}, bodies={"a": echo, "f": echo}).outcome())
    assert isinstance(ending, RunFinished)
    assert seconds == 2
    assert not [handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]


NESTED = flow(
    {
        "s": "begin",
        "each": each("{{ s.output.list }}"),
        "t": inside("each", "try"),
        "a": inside("t", "work"),
        "c": inside("t.catch", "pass"),
        "f": inside("t.finally", "work"),
        "beside": "work",
    },
    "s.output -> each",
    "each.item -> a.value",
    "t.error -> c.value",
    "each.item -> f.value",
    "s.output -> beside.value",
)


@jumps()
async def test_cancel_runs_every_finally_body_that_is_due():
    cleaned = []

    async def cleans(context, value):
        await asyncio.sleep(1)
        cleaned.append(value)

    run = run_of(NESTED, {"list": [1, 2, 3]}, bodies={"a": hangs, "f": cleans, "beside": hangs})
    asyncio.get_running_loop().call_later(3, run.cancel, "enough")
    events, seconds = await timed(events_of(run))
    assert isinstance(events[-1], RunCancelled)
    assert events[-1].reason == "enough"
    assert sorted(cleaned) == [1, 2, 3]
    assert seconds == 4
    assert not any("catch" in line for line in told(events))


@pytest.mark.parametrize("watched", [True, False])
@jumps()
async def test_run_that_is_taken_up_only_to_be_cancelled_cleans_up_too(watched):
    past = []
    first = run_of(NESTED, {"list": [1, 2]}, bodies={"a": hangs, "f": echo, "beside": hangs})
    async with contextlib.aclosing(aiter(first)) as events:
        async for event in events:
            past.append(event)
            if told(past).count("started each[1]/t/a"):
                break
    cleaned = []

    async def cleans(context, value):
        cleaned.append(context.key)

    run = run_of(NESTED, past=decode_all(encode_all(past)), bodies={"a": hangs, "f": cleans, "beside": hangs})
    run.cancel()
    if watched:
        assert isinstance((await events_of(run))[-1], RunCancelled)
    else:
        assert isinstance(await run.outcome(), RunCancelled)
    assert sorted(cleaned) == ["run:each[0]/t.finally/f", "run:each[1]/t.finally/f"]


@jumps()
async def test_second_cancel_does_not_disturb_the_bodies_that_clean_up():
    run = run_of(NESTED, {"list": [1]}, bodies={"a": hangs, "f": echo, "beside": hangs})
    for when in (3, 3.5):
        asyncio.get_running_loop().call_later(when, run.cancel, str(when))
    events, seconds = await timed(events_of(run))
    assert events[-1].reason == "3"
    assert "finished each[0]/t.finally/f" in told(events)
    assert seconds == 4


@jumps()
async def test_cancel_while_a_finally_body_runs_lets_it_end():
    run = run_of(NESTED, {"list": [1]}, bodies={"a": boom, "f": echo, "beside": hangs})
    asyncio.get_running_loop().call_later(0.5, run.cancel)
    events, seconds = await timed(events_of(run))
    assert isinstance(events[-1], RunCancelled)
    assert seconds == 1
    assert "finished each[0]/t.finally/f" in told(events)


@jumps()
async def test_finally_body_that_hangs_does_not_keep_a_cancelled_run_for_ever():
    run = run_of(TRY, {}, bodies={"a": hangs, "f": hangs})
    asyncio.get_running_loop().call_later(1, run.cancel)
    ending, seconds = await timed(run.outcome())
    assert isinstance(ending, RunCancelled)
    assert seconds == 1 + 30


@jumps()
async def test_failing_finally_body_changes_nothing_of_the_end():
    run = run_of(TRY, {}, bodies={"a": hangs, "f": boom})
    asyncio.get_running_loop().call_later(1, run.cancel)
    events = await events_of(run)
    assert isinstance(events[-1], RunCancelled)
    assert told(events)[-2:] == ["failed t.finally/f", "run cancelled"]


@jumps(leaves=3)
async def test_cancel_ends_within_two_seconds_whatever_bodies_do():
    async def stubborn(context, value):
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(600)

    run = run_of(EACH, {"list": [1, 2, 3]}, bodies={"a": stubborn})
    asyncio.get_running_loop().call_later(3, run.cancel)
    ending, seconds = await timed(run.outcome())
    assert isinstance(ending, RunCancelled)
    assert seconds == 3 + GRACE < 3 + 2


@jumps()
async def test_nothing_is_entered_once_the_run_is_ending():
    entered = []

    async def ends_slowly(context, value):
        try:
            await hangs(context, value)
        finally:
            await asyncio.sleep(1)

    async def notes(context, value):
        entered.append(context.key)

    drawn = flow({"s": "begin", "slow": "work", "a": "work", "b": "write"},
                 "s.output -> slow.value", "s.output -> a.value", "a.output -> b.value")  # fmt: skip
    run = run_of(drawn, {}, bodies={"slow": ends_slowly, "a": echo, "b": notes})
    events = []
    async for event in run:
        events.append(event)
        if isinstance(event, StepStarted) and event.step == "b":
            run.cancel()
    assert told(events)[-2:] == ["started b", "run cancelled"]
    assert entered == []


@jumps()
async def test_step_that_fails_as_the_run_ends_is_not_tried_again():
    async def dies_badly(context, value):
        try:
            await hangs(context, value)
        finally:
            raise ValueError("while it was ended")

    drawn = flow({"s": "begin", "a": Step(kind="work", retry={"times": 3, "wait": 1})}, "s.output -> a.value")
    run = run_of(drawn, {}, bodies={"a": dies_badly})
    asyncio.get_running_loop().call_later(3, run.cancel)
    events, seconds = await timed(events_of(run))
    assert told(events)[-2:] == ["started a", "run cancelled"]
    assert seconds == 3


@pytest.mark.filterwarnings("error")  # also for what only the garbage collector hears
@pytest.mark.parametrize("drawn", [TRY, NESTED], ids=["try", "nested"])
@jumps()
async def test_reader_that_leaves_runs_no_finally_body_and_leaves_nothing(drawn):
    entered = []

    async def notes(context, value):
        entered.append(context.key)

    events = aiter(run_of(drawn, {"list": [1, 2]}, bodies={"a": hangs, "f": notes, "beside": hangs}))
    async for event in events:
        if isinstance(event, StepStarted) and event.step.endswith("/a"):
            break
    await events.aclose()
    del events
    gc.collect()
    await asyncio.sleep(5)
    assert entered == []


# --- containers that behave badly ----------------------------------------------------------------------------------

ODD = flow({"s": "begin", "odd": "odd", "a": inside("odd", "work"), "f": inside("odd.finally", "quick")},
           "s.output -> odd.value", "s.output -> a.value")  # fmt: skip


async def waits_for_nothing(context, calls):
    await calls.next()


async def sleeps(context, calls):
    await asyncio.sleep(1)


async def yields_the_turn(context, calls):
    await asyncio.sleep(0)


async def twice(context, calls):
    calls.begin("body", "same")
    calls.begin("body", "same")


async def odd_key(context, calls):
    calls.begin("body", "a/b")


async def unknown_body(context, calls):
    calls.begin("cellar")


async def no_json(context, calls):
    calls.begin("body", "", thing={1, 2})


async def cleans_while_closed(context, calls):
    try:
        await asyncio.sleep(1)
    finally:
        await calls.call("finally")


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (waits_for_nothing, "no body was begun, so none can end"),
        (sleeps, "a node with bodies may wait for nothing but them"),
        (yields_the_turn, "a node with bodies may wait for nothing but them"),
        (twice, "the body `body` was begun twice with the key `same`"),
        (odd_key, "`a/b` is no key of a body"),
        (unknown_body, "there is no body `cellar`"),
        (no_json, "`thing` is a Python set, not JSON"),
        (cleans_while_closed, "a node with bodies may wait for nothing but them"),
    ],
    ids=lambda value: getattr(value, "__name__", "says"),
)
@jumps()
async def test_container_that_breaks_the_rules_fails(odd, says):
    bodies = {"odd": odd, "a": echo, "f": echo}
    ending = await run_of(ODD, {}, bodies=bodies).outcome()
    assert isinstance(ending, RunFailed)
    assert ending.step == "odd"
    assert says in ending.failure.what
    assert isinstance((await events_of(run_of(ODD, {}, bodies=bodies)))[-1], RunFailed)


@jumps()
async def test_container_may_end_before_its_bodies_do_and_they_are_ended():
    async def leaves_it(context, calls):
        calls.begin("body", "one")
        calls.begin("body", "two")
        return "done"

    ending, seconds = await timed(run_of(ODD, {}, bodies={"odd": leaves_it, "a": hangs}).outcome())
    assert (ending.output, seconds) == ("done", 0)


@jumps()
async def test_body_that_ended_while_its_container_was_ended_is_not_told_of():
    heard = []

    async def hears(context, calls):
        try:
            calls.begin("body", "one")
            calls.begin("body", "two")
            while True:
                heard.append((await calls.next()).key)
        finally:
            heard.append("out")

    run = run_of(ODD, {}, bodies={"odd": hears, "a": hangs})
    asyncio.get_running_loop().call_later(1, run.cancel)
    assert isinstance(await run.outcome(), RunCancelled)
    assert heard == ["out"]
