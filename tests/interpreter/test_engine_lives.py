"""Runs with several lives: their time, how they were to end, and what their bodies had done goes on with them."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest

from runtime.graph.flow import Limits, Step
from runtime.graph.messages import ModelCall
from runtime.interpreter.driven import driven
from runtime.interpreter.events import (
    ENDINGS,
    BodyStarted,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopping,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepSkipped,
    StepStarted,
    decode_all,
    encode_all,
)
from runtime.interpreter.ground import GRACE, UNWINDING
from runtime.interpreter.waits import waits_of
from tests.interpreter import stage
from tests.interpreter.containers import CATALOG
from tests.interpreter.framed import boom, echo, hangs, inside
from tests.interpreter.stage import durable, events_of, execution, flow, jumps, timed, told

AWAY = 1000.0  # seconds between two lives


def run_of(drawn, limits=None, /, given=None, **options):
    if limits:
        drawn = drawn.model_copy(update={"limits": Limits(**limits)})
    clock = asyncio.get_running_loop().time
    return execution(drawn, given, catalog=CATALOG, clock=clock, **options)


async def until(run, count: int):
    """The first events of a run, whose process then dies."""
    events = []
    async with aclosing(aiter(run)) as coming:
        while len(events) < count and (event := await anext(coming, None)) is not None:
            events.append(event)
    return events


def taken_up(events):
    """What a new life begins with, now."""
    now = asyncio.get_running_loop().time()
    return decode_all(encode_all([*events, RunResumed(len(events) + 1, now)]))


async def answered(drawn, limits, past=None, *, wait: float, bodies):
    """A run to its end, in which a person answers whatever is asked `wait` seconds later, even if it was put away."""
    loop, events = asyncio.get_running_loop(), list(past or ())
    while not (events and isinstance(events[-1], ENDINGS)):
        events += await events_of(run_of(drawn, limits, past=events or None, bodies=bodies))
        for asked in waits_of(events):
            await asyncio.sleep(wait)
            events.append(StepResumed(len(events) + 1, loop.time(), asked.step, "yes"))
    return events


async def takes_ten(context, value):
    await asyncio.sleep(10)
    return value


def works(*names):
    return dict.fromkeys(names, takes_ten)


# --- time ----------------------------------------------------------------------------------------------------------

CHAIN = flow({"s": "begin", "a": "work", "b": "work", "c": "work"},
             "s.output -> a.value", "a.output -> b.value", "b.output -> c.value")  # fmt: skip


@pytest.mark.parametrize(("seconds", "ends"), [(30.5, RunFinished), (29.5, RunFailed), (15, RunFailed)])
@jumps()
async def test_the_time_of_a_run_is_the_sum_of_its_lives(seconds, ends):
    limits, bodies = {"seconds": seconds}, works("a", "b", "c")
    whole, took = await timed(events_of(run_of(CHAIN, limits, bodies=bodies)))
    assert isinstance(whole[-1], ends)
    assert took == (30 if ends is RunFinished else seconds)
    for cut in range(1, len(whole)):
        events = await until(run_of(CHAIN, limits, bodies=bodies), cut)
        await asyncio.sleep(AWAY)
        past = taken_up(events)
        rest, more = await timed(events_of(run_of(CHAIN, limits, past=past, bodies=bodies)))
        assert told(rest[-1:]) == told(whole[-1:]), told(events)
        assert events[-1].at - events[0].at + more == pytest.approx(took)
        assert driven([*past, *rest])[0] == pytest.approx(took)


ASKING = flow({"s": "begin", "a": "work", "q": "ask", "b": "work"},
              "s.output -> a.value", "a.output -> q.value", "q.output -> b.value")  # fmt: skip


@pytest.mark.parametrize(("seconds", "ends"), [(20.5, RunFinished), (19.5, RunFailed)])
@pytest.mark.parametrize("wait", [0.0, 3.0, 1000.0])
@jumps()
async def test_waiting_for_people_takes_no_time_of_a_run(seconds, ends, wait):
    limits, bodies = {"seconds": seconds}, works("a", "b")
    whole = await answered(ASKING, limits, wait=wait, bodies=bodies)
    assert isinstance(whole[-1], ends)
    for cut in range(1, len(whole)):
        again = await answered(ASKING, limits, taken_up(whole[:cut]), wait=wait, bodies=bodies)
        assert told(again[-1:]) == told(whole[-1:])


@pytest.mark.parametrize(("seconds", "ends"), [(20.5, RunFinished), (19.5, RunFailed)])
@jumps()
async def test_waiting_for_a_near_time_takes_none_either_although_the_run_stays_in_memory(seconds, ends):
    drawn = flow({**ASKING.steps, "q": Step(kind="ask", config={"seconds": 4, "times": 2})}, *map(str, ASKING.edges))
    events, took = await timed(events_of(run_of(drawn, {"seconds": seconds}, bodies=works("a", "b"))))
    assert isinstance(events[-1], ends)
    assert took == (28 if ends is RunFinished else 8 + seconds)
    assert driven(durable(events))[0] == pytest.approx(took - 8)
    ending, took = await timed(run_of(drawn, {"seconds": seconds}, bodies=works("a", "b")).outcome())
    assert isinstance(ending, ends)
    assert took == (28 if ends is RunFinished else 8 + seconds)


@pytest.mark.parametrize(("seconds", "ends"), [(10.5, RunFinished), (9.5, RunFailed)])
@jumps()
async def test_waiting_counts_while_something_else_is_at_work(seconds, ends):
    drawn = flow({"s": "begin", "a": "work", "q": "ask"}, "s.output -> a.value", "s.output -> q.value")
    run = run_of(drawn, {"seconds": seconds}, bodies=works("a"))
    asyncio.get_running_loop().call_later(8, run.reply, "q", "yes")
    events = await events_of(run)
    assert isinstance(events[-1], ends)
    assert driven(events)[0] == pytest.approx(min(seconds, 10))


TIMED = flow(
    {
        "s": "begin",
        "t": Step(kind="ensure", timeout=25, on_error="port"),
        "a": inside("t", "work"),
        "q": inside("t", "ask"),
        "b": inside("t", "work"),
        "f": inside("t.finally", "work"),
        "after": "pass",
    },
    "s.output -> t", "s.output -> a.value", "a.output -> q.value", "q.output -> b.value", "t.error -> after.value",
)  # fmt: skip


@pytest.mark.parametrize(("seconds", "late"), [(25, False), (15, True)])
@pytest.mark.parametrize("wait", [3.0, 1000.0])
@jumps()
async def test_the_time_out_of_a_step_with_bodies_counts_like_that_of_a_run(seconds, late, wait):
    drawn = flow({**TIMED.steps, "t": Step(kind="ensure", timeout=seconds, on_error="port")}, *map(str, TIMED.edges))
    bodies = {**works("a", "b"), "f": echo}
    whole = await answered(drawn, None, wait=wait, bodies=bodies)
    assert ("failed t" in told(whole)) == late
    assert "finished t.finally/f" in told(whole)
    for cut in range(1, len(whole)):
        events = whole[:cut]
        await asyncio.sleep(AWAY)
        again = await answered(drawn, None, taken_up(events), wait=wait, bodies=bodies)
        assert again[-1].output == whole[-1].output, told(events)
        assert told(again).count("finished t.finally/f") == 1


@jumps()
async def test_nobody_is_driven_backwards_when_the_clock_is_set():
    past = [RunStarted(1, 100.0, "s", {}), StepStarted(2, 50.0, "a", {}), StepFinished(3, 120.0, "a", {})]
    assert driven(past) == (20.0, {})


@jumps()
async def test_time_is_no_longer_taken_by_what_was_ended():
    past = [
        RunStarted(1, 0.0, "s", {}),
        StepStarted(2, 0.0, "t", {}),
        BodyStarted(3, 0.0, "t", {}),
        StepStarted(4, 0.0, "t/works", {}),
        StepStarted(5, 0.0, "t/fails", {}),
        StepFailed(6, 10.0, "t/fails", None),
        BodyStarted(7, 10.0, "t.catch", {}),
        StepStarted(8, 10.0, "t.catch/q", {}),
        StepPaused(9, 10.0, "t.catch/q"),
        StepResumed(10, 99.0, "t.catch/q"),
        StepSkipped(11, 100.0, "t.catch/q"),
    ]
    assert driven(past) == (11.0, {"t": 0.0})


# --- how it was to end ---------------------------------------------------------------------------------------------

OWING = flow(
    {
        "s": "begin",
        "each": Step(kind="for_each", config={"items": "{{ [each for each in s.output.list] }}"}),
        "t": inside("each", "try"),
        "a": inside("t", "work"),
        "c": inside("t.catch", "pass"),
        "f": inside("t.finally", "work"),
        "g": inside("t.finally", "work"),
        "beside": "work",
        "after": "pass",
    },
    "s.output -> each", "each.item -> a.value", "t.error -> c.value", "each.item -> f.value", "f.output -> g.value",
    "s.output -> beside.value", "beside.output -> after.value",
)  # fmt: skip
LIST = {"list": [1, 2]}


class Listed:
    """A sandbox that knows the one answer of these flows, after a while."""

    async def evaluate(self, codes, names):
        await asyncio.sleep(0.2)
        return [LIST["list"] for _ in codes]


@pytest.fixture
def listed(monkeypatch):
    monkeypatch.setattr(stage, "SERVICES", replace(stage.SERVICES, sandbox=Listed()))


async def stopped(limits, bodies):
    """A run that ends early after 3 s, by a cancel or by its limit."""
    run = run_of(OWING, limits, given=LIST, bodies=bodies)
    if limits is None:
        asyncio.get_running_loop().call_later(3, run.cancel, "enough")
    return await events_of(run)


@pytest.mark.parametrize("limits", [None, {"seconds": 3}])
def test_a_run_that_was_to_end_ends_so_in_its_next_life_and_cleans_up(listed, limits):
    @jumps()
    async def test():
        entered = []

        async def notes(context, value):
            entered.append(context.key)
            await asyncio.sleep(1)

        bodies = {"a": hangs, "f": echo, "g": echo, "beside": hangs}
        whole = await stopped(limits, bodies)
        assert isinstance(whole[-1], RunCancelled if limits is None else RunFailed)
        stopping = next(number for number, event in enumerate(whole, 1) if isinstance(event, RunStopping))
        for cut in range(stopping, len(whole)):
            entered.clear()
            past = taken_up(whole[:cut])
            work = dict.fromkeys(bodies, notes)
            rest = await events_of(run_of(OWING, limits, past=past, bodies=work))
            assert told(rest).count("run stopping") == 0
            ended = whole[-1]
            assert type(rest[-1]) is type(ended)
            if limits is None:
                assert rest[-1].reason == ended.reason == "enough"
            else:
                assert (rest[-1].step, rest[-1].failure) == (ended.step, ended.failure)
            finished = [event.step for event in (*past, *rest) if isinstance(event, StepFinished)]
            assert sorted(finished) == ["each[0]/t.finally/f", "each[0]/t.finally/g",
                                        "each[1]/t.finally/f", "each[1]/t.finally/g", "s"]  # fmt: skip
            assert all(".finally/" in key for key in entered)
            unwatched = await run_of(OWING, limits, past=past, bodies=work).outcome()
            assert type(unwatched) is type(ended)

    test()


@jumps()
async def test_a_step_that_fails_the_run_stands_in_the_record_already():
    drawn = flow(
        {"s": "begin", "t": "ensure", "a": inside("t", "work"), "f": inside("t.finally", "work"), "b": "work"},
        "s.output -> t", "s.output -> a.value", "s.output -> b.value",
    )  # fmt: skip
    bodies = {"a": hangs, "f": echo, "b": boom}
    events = await events_of(run_of(drawn, bodies=bodies))
    assert "run stopping" not in told(events)
    for cut in range(told(events).index("failed b") + 1, len(events)):
        rest = await events_of(run_of(drawn, past=taken_up(events[:cut]), bodies=bodies))
        assert rest[-1].failure == events[-1].failure
        assert told([*events[:cut], *rest]).count("finished t.finally/f") == 1


@jumps()
async def test_a_run_that_has_nothing_to_clean_up_ends_without_a_word_before():
    run = run_of(CHAIN, bodies=works("a", "b", "c"))
    asyncio.get_running_loop().call_later(5, run.cancel)
    assert told(await events_of(run))[-2:] == ["started a", "run cancelled"]


# --- what bodies had done ------------------------------------------------------------------------------------------


def later(count: int, then) -> None:
    """Call after so many turns of the event loop."""
    if count:
        asyncio.get_running_loop().call_soon(later, count - 1, then)
    else:
        then()


@pytest.mark.parametrize("turns", range(6))
@jumps()
async def test_a_body_that_ended_as_the_run_was_cancelled_is_recorded(turns):
    async def writes(context, value):
        later(turns, run.cancel)
        return "done"

    async def refuses(context, value):
        await asyncio.sleep(100)

    drawn = flow({"s": "begin", "w": "write", "b": "work"}, "s.output -> w.value", "s.output -> b.value")
    run = run_of(drawn, bodies={"w": writes, "b": refuses})
    events = await events_of(run)
    assert isinstance(events[-1], RunCancelled)
    assert "finished w" in told(events)


@jumps()
async def test_a_body_that_does_its_work_although_it_was_cancelled_is_recorded():
    async def writes(context, value):
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            await asyncio.sleep(GRACE / 2)
            return "done all the same"

    drawn = flow({"s": "begin", "w": "write", "after": "pass"}, "s.output -> w.value", "w.output -> after.value")
    run = run_of(drawn, bodies={"w": writes})
    asyncio.get_running_loop().call_later(5, run.cancel)
    assert told(await events_of(run))[-2:] == ["finished w", "run cancelled"]


class Race:
    """A body that does its work while something else happens, at any of the turns of the loop around that."""

    def __init__(self, turns: int) -> None:
        self.turns, self.go, self.done = turns, asyncio.Event(), []

    async def writes(self, context, value):
        await self.go.wait()
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.done.append(context.key.rpartition(":")[2])
        return "done"

    async def fails(self, context, value):
        await self.go.wait()
        raise ValueError("no")

    async def ends(self, context, value):
        await self.go.wait()
        return "first"

    def recorded(self, events) -> bool:
        """Whether what was done is recorded, and nothing else of it."""
        return {event.step for event in events if isinstance(event, StepFinished)} >= set(self.done)


@pytest.mark.parametrize("order", ["wb", "bw"])
@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("catching", [False, True])
@jumps()
async def test_a_body_that_ended_as_another_failed_is_recorded(turns, catching, order):
    race = Race(turns)
    steps = {name: Step(kind="write", within="t" if catching else "") for name in order}
    drawn = flow({"s": "begin", **({"t": "try"} if catching else {}), **steps},
                 "s.output -> w.value", "s.output -> b.value", *(["s.output -> t"] if catching else []))  # fmt: skip
    asyncio.get_running_loop().call_later(1, race.go.set)
    events = await events_of(run_of(drawn, bodies={"w": race.writes, "b": race.fails}))
    assert isinstance(events[-1], RunFinished if catching else RunFailed)
    assert race.recorded(events)
    assert race.done or turns


@pytest.mark.parametrize("order", ["wb", "bw"])
@pytest.mark.parametrize("turns", range(6))
@jumps()
async def test_a_body_that_ended_as_a_join_dropped_it_is_recorded(turns, order):
    race = Race(turns)
    steps = dict.fromkeys(order, "write")
    drawn = flow(
        {"s": "begin", **steps, "after": "pass", "one": Step(kind="first", config={"cancel": True})},
        "s.output -> w.value", "s.output -> b.value", "w.output -> after.value", "b.output -> one.values",
        "after.output -> one.values",
    )  # fmt: skip
    asyncio.get_running_loop().call_later(1, race.go.set)
    events = await events_of(run_of(drawn, bodies={"w": race.writes, "b": race.ends}))
    assert isinstance(events[-1], RunFinished)
    assert race.recorded(events)
    assert ("skipped w" in told(events)) == (not race.done)
    assert race.done or turns


@jumps()
async def test_a_body_that_ended_as_the_run_was_to_go_on_without_it_is_recorded():
    loop = asyncio.get_running_loop()

    async def stubborn(context, value):
        over = loop.create_future()
        loop.call_at(5 + GRACE - 1e-10, over.set_result, None)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(600)
        await over
        return "done all the same"

    run = run_of(CHAIN, bodies={"a": stubborn})
    loop.call_at(5, run.cancel)
    events, took = await timed(events_of(run))
    assert told(events)[-2:] == ["finished a", "run cancelled"]
    assert took == pytest.approx(5 + GRACE)


@jumps()
async def test_a_body_that_ended_as_the_time_to_clean_up_was_over_is_recorded():
    loop = asyncio.get_running_loop()

    async def cleans(context, value):
        over = loop.create_future()
        loop.call_at(5 + UNWINDING - 1e-10, over.set_result, None)
        await over
        return "clean"

    drawn = flow(
        {"s": "begin", "t": "ensure", "a": inside("t", "work"), "f": inside("t.finally", "write"),
         "g": inside("t.finally", "work")},
        "s.output -> t", "s.output -> a.value", "s.output -> f.value", "s.output -> g.value",
    )  # fmt: skip
    run = run_of(drawn, bodies={"a": hangs, "f": cleans, "g": hangs})
    loop.call_at(5, run.cancel)
    events, took = await timed(events_of(run))
    assert told(events)[-2:] == ["finished t.finally/f", "run cancelled"]
    assert took == pytest.approx(5 + UNWINDING)


@jumps()
async def test_what_used_too_many_tokens_has_been_done_all_the_same():
    async def asks(context, value):
        context.llm._calls.append(ModelCall("m", "p", 6))
        return value

    events = await events_of(run_of(CHAIN, {"tokens": 5}, bodies={"a": asks}))
    assert told(events)[-2:] == ["finished a", "run failed"]
