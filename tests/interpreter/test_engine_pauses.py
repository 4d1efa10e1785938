"""Steps that wait for people and for times: while the run is alive, and after it was put away."""

import asyncio
from itertools import pairwise

import pytest

from runtime.errors import ConflictError
from runtime.graph.flow import Step
from runtime.interpreter.events import (
    RunCancelled,
    RunFinished,
    StepPaused,
    StepResumed,
    decode_all,
    encode_all,
)
from tests.interpreter.containers import CATALOG
from tests.interpreter.stage import durable, events_of, execution, flow, jumps, told


def ask(within: str = "", **config) -> Step:
    return Step(kind="ask", within=within, config=config)


def run_of(drawn, given=None, /, **options):
    return execution(drawn, given, catalog=CATALOG, clock=asyncio.get_running_loop().time, **options)


ONE = flow({"s": "begin", "a": ask(), "b": "pass"}, "s.output -> a.value", "a.output -> b.value")
TWICE = flow({"s": "begin", "a": ask(times=3), "b": "pass"}, "s.output -> a.value", "a.output -> b.value")
LOOP = flow({"s": "begin", "r": Step(kind="repeat"), "a": ask("r")}, "s.output -> r.start", "r.now -> a.value")
ITEMS = flow(
    {
        "s": "begin",
        "each": Step(kind="for_each", config={"items": "{{ s.output.list }}", "at_once": 2}),
        "a": ask("each"),
    },
    "s.output -> each",
    "each.item -> a.value",
)
BRANCHES = flow(
    {"s": "begin", "p": "parallel", "a": ask("p.one"), "b": ask("p.two", times=2), "beside": ask()},
    "s.output -> p",
    "s.output -> a.value",
    "s.output -> b.value",
    "s.output -> beside.value",
)
GUARDED = flow(
    {"s": "begin", "t": "try", "a": ask("t"), "f": Step(kind="work", within="t.finally")},
    "s.output -> t",
    "s.output -> a.value",
)
GIVEN = {"list": [1, 2, 3]}
CASES = {
    "one": (ONE, ["a 0"]),
    "twice": (TWICE, ["a 0", "a 1", "a 2"]),
    "loop": (LOOP, [["r[0]/a 0"]]),
    "items": (ITEMS, [["each[0]/a 0"], ["each[1]/a 0"], ["each[2]/a 0"]]),
    "branches": (BRANCHES, {"p": {"one": ["p[one]/a 0"], "two": ["p.two[two]/b 0", "p.two[two]/b 1"]}}),
    "guarded": (GUARDED, ["t/a 0"]),
}


async def at_once(context, value):
    return value


def answer_to(event: StepPaused) -> str:
    assert event.request is not None
    return f"{event.step} {event.request['title'].split()[1]}"


async def put_away_each_time(drawn, given, newest_first: bool = False):
    """All events of a run that is put away whenever it waits, and goes on from what was written down."""
    events = durable(await events_of(run_of(drawn, given, bodies={"f": at_once})))
    parts = [len(events)]
    while not isinstance(events[-1], RunFinished):
        waiting = [e for e in events if isinstance(e, StepPaused)]
        answered = sum(isinstance(e, StepResumed) for e in events)
        open_ones = [
            e for e in waiting if told(events).count(f"paused {e.step}") > told(events).count(f"resumed {e.step}")
        ]
        latest = {event.step: event for event in open_ones}
        assert len(latest) == len(waiting) - answered
        chosen = list(latest.values())[-1 if newest_first else 0]
        events.append(StepResumed(events[-1].seq + 1, 0.0, chosen.step, answer_to(chosen), "ada"))
        events = decode_all(encode_all(events))
        rest = durable(await events_of(run_of(drawn, past=events, bodies={"f": at_once})))
        parts.append(len(rest))
        events += rest
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return events


async def answered_alive(drawn, given, watched: bool = True):
    """All events of a run whose questions are answered while it runs: something else keeps it alive."""
    run = run_of(drawn, given, bodies={"f": at_once})
    events = []
    async for event in run:
        events.append(event)
        if isinstance(event, StepPaused):
            run.reply(event.step, answer_to(event), "ada")
    return durable(events)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("newest_first", [False, True])
@jumps()
async def test_run_that_is_put_away_goes_on_when_it_is_answered(name, newest_first):
    drawn, output = CASES[name]
    events = await put_away_each_time(drawn, GIVEN, newest_first)
    assert_right(events, name, output)


@pytest.mark.parametrize("name", CASES)
@jumps()
async def test_run_that_is_alive_goes_on_when_it_is_answered(name):
    drawn, output = CASES[name]
    assert_right(await answered_alive(drawn, GIVEN), name, output)


def assert_right(events, name, output, once=True):
    ending = events[-1]
    assert isinstance(ending, RunFinished)
    if name == "branches":
        assert ending.output["p"]["output"] == output["p"]
        assert ending.output["beside"]["output"] == ["beside 0"]
    elif name == "loop":
        assert ending.output == ["r[2]/a 0"]
    else:
        assert ending.output == output
    paused = [line.split()[1] for line in told(events) if line.startswith("paused")]
    resumed = [line.split()[1] for line in told(events) if line.startswith("resumed")]
    assert sorted(paused) == sorted(resumed)
    for step in set(paused):
        assert not once or told(events).count(f"started {step}") == 1
        assert told(events).count(f"finished {step}") == 1


@pytest.mark.parametrize("name", CASES)
@jumps()
async def test_waiting_run_cut_after_any_event_waits_or_goes_on_alike(name):
    drawn, output = CASES[name]
    events = await put_away_each_time(drawn, GIVEN)
    for cut in range(1, len(events)):
        past = decode_all(encode_all(events[:cut]))
        run = run_of(drawn, past=past, bodies={"f": at_once})
        rest = []
        async for event in run:
            rest.append(event)
            if isinstance(event, StepPaused):
                run.reply(event.step, answer_to(event))
        whole = [*past, *durable(rest)]
        if isinstance(whole[-1], RunFinished):
            assert_right(whole, name, output, once=False)
        else:  # it waits for what was asked before the cut
            asked = [e.step for e in past if isinstance(e, StepPaused)]
            assert asked
            assert run.waits() is None


@jumps()
async def test_what_is_asked_is_told():
    (paused,) = [e for e in await events_of(run_of(ONE, {"n": 1})) if isinstance(e, StepPaused)]
    assert paused.request == {
        "title": "question 0",
        "text": "",
        "schema": {"type": "object"},
        "shown": {"n": 1},
        "to": "",
    }
    assert paused.until is None


@jumps()
async def test_unwatched_run_that_waits_gives_no_ending():
    run = run_of(ONE)
    assert await run.outcome() is None
    assert run.waits() is None


@jumps()
async def test_pause_holds_no_task_and_no_timer():
    run = run_of(flow({"s": "begin", "a": ask(seconds=50)}, "s.output -> a.value"))
    assert told(await events_of(run))[-1] == "paused a"
    assert run.waits() == 50.0
    assert len(asyncio.all_tasks()) == 1
    assert not [handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]


@jumps()
async def test_pause_that_is_over_soon_is_waited_for():
    run = run_of(flow({"s": "begin", "a": ask(seconds=4)}, "s.output -> a.value"))
    events = await events_of(run)
    assert asyncio.get_running_loop().time() == 4
    assert told(events)[3:] == ["started a", "paused a", "resumed a", "finished a", "run finished"]
    assert events[-1].output == ["late"]
    assert events[-3] == StepResumed(6, 4.0, "a", None, "", True)


@jumps()
async def test_pause_whose_time_came_while_the_run_was_put_away_is_late_at_once():
    drawn = flow({"s": "begin", "a": ask(seconds=50, times=2)}, "s.output -> a.value")
    past = await events_of(run_of(drawn))
    await asyncio.sleep(70)
    rest = await events_of(run_of(drawn, past=past))
    assert told(rest) == ["resumed a", "paused a"]  # and asks again, until 50 seconds from now
    assert rest[-1].until == 120.0


@jumps()
async def test_answer_and_time_do_not_both_count():
    drawn = flow({"s": "begin", "a": ask(seconds=50), "w": "work"}, "s.output -> a.value", "s.output -> w.value")

    async def long(context, value):
        await asyncio.sleep(100)

    run = run_of(drawn, bodies={"w": long})
    asyncio.get_running_loop().call_later(20, run.reply, "a", "yes")
    events = await events_of(run)
    assert told(events).count("resumed a") == 1
    assert events[-1].output["a"] == {"output": ["yes"]}


@jumps()
async def test_answer_that_comes_too_late_or_twice_is_refused():
    run = run_of(ONE)
    with pytest.raises(ConflictError):
        run.reply("a", 1)
    async for event in run:
        if isinstance(event, StepPaused):
            run.reply("a", "yes")
            with pytest.raises(ConflictError, match="Nobody waits for this answer any more"):
                run.reply("a", "no")
    run = run_of(ONE)
    await events_of(run)
    with pytest.raises(ConflictError):
        run.reply("a", "the run was put away meanwhile")


@pytest.mark.parametrize("alive", [True, False])
@jumps()
async def test_cancel_of_a_waiting_run_cleans_up(alive):
    cleaned = []

    async def cleans(context, value):
        cleaned.append(context.key)

    if alive:
        run = run_of(GUARDED, bodies={"f": cleans})
        events = []
        async for event in run:
            events.append(event)
            if isinstance(event, StepPaused):
                run.cancel()
    else:
        past = await events_of(run_of(GUARDED, bodies={"f": cleans}))
        run = run_of(GUARDED, past=past, bodies={"f": cleans})
        run.cancel()
        events = [*past, *await events_of(run)]
    assert isinstance(events[-1], RunCancelled)
    assert cleaned == ["run:t.finally/f"]
    assert all(one.seq < other.seq for one, other in pairwise(events))


@jumps()
async def test_step_in_a_finally_body_of_a_cancelled_run_cannot_wait():
    drawn = flow(
        {"s": "begin", "t": "ensure", "a": Step(kind="work", within="t"), "f": ask("t.finally")}, "s.output -> a.value"
    )

    async def hangs(context, value):
        await asyncio.Event().wait()

    run = run_of(flow(drawn.steps, "s.output -> a.value", "s.output -> t"), bodies={"a": hangs})
    asyncio.get_running_loop().call_later(3, run.cancel)
    events = await events_of(run)
    assert told(events)[-2:] == ["failed t.finally/f", "run cancelled"]
    assert asyncio.get_running_loop().time() == 3


@pytest.mark.parametrize("kind", ["seconds", "unwinding"])
@jumps()
async def test_step_of_any_name_may_pause(kind):
    drawn = flow({"s": "begin", kind: ask(seconds=3)}, f"s.output -> {kind}.value")
    run = run_of(drawn)
    assert isinstance(await run.outcome(), RunFinished)
    assert not [handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]
