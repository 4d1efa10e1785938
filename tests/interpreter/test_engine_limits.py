"""What a run may use: whoever meets a limit ends with that reason, and nothing catches it."""

import asyncio
import time
from itertools import pairwise

import pytest

from runtime.graph.flow import Default, Limits, Step
from runtime.graph.messages import ModelCall
from runtime.interpreter.engine import BREATH
from runtime.interpreter.events import RunFailed, RunFinished, StepPaused, StepResumed
from runtime.interpreter.limits import LimitReached, Meter
from tests.interpreter.containers import CATALOG
from tests.interpreter.stage import durable, events_of, execution, flow, jumps, timed, told

CHAIN = flow({"s": "begin", "a": "work", "b": "pass"}, "s.output -> a.value", "a.output -> b.value")
GUARD = flow(
    {
        "s": "begin",
        "t": Step(kind="try", on_error="port"),
        "a": Step(kind="work", within="t", on_error=Default(default="instead")),
        "c": Step(kind="pass", within="t.catch"),
        "f": Step(kind="work", within="t.finally"),
    },
    "s.output -> t",
    "s.output -> a.value",
    "t.error -> c.value",
)


def run_of(drawn, limits, /, given=None, **options):
    return execution(drawn.model_copy(update={"limits": Limits(**limits)}), given, catalog=CATALOG, **options)


async def ends(drawn, limits, given=None, **options):
    """How a run ends, watched and not."""
    watched = (await events_of(run_of(drawn, limits, given=given, **options)))[-1]
    unwatched = await run_of(drawn, limits, given=given, **options).outcome()
    assert type(watched) is type(unwatched)
    if isinstance(watched, RunFailed):
        assert (watched.step, watched.failure) == (unwatched.step, unwatched.failure)
    return watched


async def echo(context, value):
    return value


def answering(tokens: int = 0, cost: float = 0.0, fails: bool = False):
    async def body(context, value):
        context.llm._calls.append(ModelCall("m", "p", tokens, cost=cost))
        await asyncio.sleep(1)
        if fails:
            raise ValueError("after the model answered")
        return "x"

    return body


@pytest.mark.parametrize(("steps", "reached"), [(3, False), (2, True), (1, True)])
@jumps()
async def test_steps(steps, reached):
    ending = await ends(CHAIN, {"steps": steps}, bodies={"a": echo})
    assert isinstance(ending, RunFailed if reached else RunFinished)
    if reached:
        assert ending.step == "ba"[2 - steps]
        assert ending.failure.what == f"The run entered more than {steps} steps"
        assert (ending.failure.kind, ending.failure.who) == ("LimitReached", "author")
        assert "`steps`" in ending.failure.mend


@jumps()
async def test_every_round_counts_its_steps():
    drawn = flow({"s": "begin", "r": Step(kind="repeat", config={"rounds": 1000}), "q": Step(kind="pass", within="r")},
                 "s.output -> r.start", "r.now -> q.value")  # fmt: skip
    ending = await ends(drawn, {"steps": 100})
    assert ending.step == "r[98]/q"
    assert isinstance(await ends(drawn, {"steps": 1002}), RunFinished)


@jumps()
async def test_seconds():
    async def long(context, value):
        await asyncio.sleep(50)

    assert isinstance(await ends(CHAIN, {"seconds": 51}, bodies={"a": long}), RunFinished)
    (ending, seconds) = await timed(run_of(CHAIN, {"seconds": 20}, bodies={"a": long}).outcome())
    assert seconds == 20
    assert ending.failure.what == "The run took longer than 20 s"
    assert isinstance(await ends(CHAIN, {"seconds": 20}, bodies={"a": long}), RunFailed)


async def test_seconds_of_a_run_that_never_waits():
    entered = []

    async def slow(context, value):
        entered.append(value)
        time.sleep(0.0005)

    names = [f"a{number}" for number in range(3 * BREATH)]
    wires = [f"{one}.output -> {other}.value" for one, other in pairwise(["s", *names])]
    drawn = flow({"s": "begin", **dict.fromkeys(names, "quick")}, *wires)
    run = run_of(drawn, {"seconds": 0.02}, bodies=dict.fromkeys(names, slow))
    assert (await run.outcome()).failure.what == "The run took longer than 0.02 s"
    assert len(entered) < 2 * BREATH


@pytest.mark.parametrize(("depth", "reached"), [(3, False), (2, True), (1, True)])
@jumps()
async def test_depth(depth, reached):
    steps = {
        "s": "begin",
        "one": "ensure",
        "two": Step(kind="ensure", within="one"),
        "three": Step(kind="ensure", within="two"),
    }
    drawn = flow({**steps, "a": Step(kind="pass", within="three")}, "s.output -> one", "s.output -> a.value")
    ending = await ends(drawn, {"depth": depth})
    assert isinstance(ending, RunFailed if reached else RunFinished)
    if reached:
        assert ending.failure.what == f"More than {depth} flows run inside one another"
        assert ending.step == ["one/two", "one/two/three"][depth - 1]


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("x" * 1998, None),
        ("x" * 1999, 2001),
        ("é" * 999, None),
        ("é" * 1000, 2002),
        (["x" * 1000] * 2, 2007),
        (10**300, None),
    ],
)
@jumps()
async def test_value(value, size):
    async def gives(context, _):
        return value

    ending = await ends(CHAIN, {"value": 2000}, bodies={"a": gives})
    if size is None:
        assert isinstance(ending, RunFinished)
    else:
        assert (ending.step, ending.failure.what) == ("a", f"The output has {size} bytes, and the limit is 2000")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(
    ("limits", "used", "says"),
    [
        ({"tokens": 100}, {"tokens": 100}, ""),
        ({"tokens": 100}, {"tokens": 101}, "The run used 101 tokens, and the limit is 100"),
        ({"cost": 0.5}, {"cost": 0.5}, ""),
        ({"cost": 0.5}, {"cost": 0.75}, "The run cost 0.7500 $, and the limit is 0.5 $"),
    ],
)
@jumps()
async def test_tokens_and_cost(limits, used, says, fails):
    drawn = flow({**CHAIN.steps, "a": Step(kind="work", on_error=Default(default=1))}, *map(str, CHAIN.edges))
    ending = await ends(drawn, limits, bodies={"a": answering(**used, fails=fails)})
    if says:
        assert (ending.step, ending.failure.what) == ("a", says)
    else:
        assert isinstance(ending, RunFinished)


@pytest.mark.parametrize(
    ("limits", "body"),
    [({"steps": 2}, echo), ({"tokens": 5}, answering(6)), ({"seconds": 0.5}, answering(0)), ({"value": 1000}, None)],
)
@jumps()
async def test_nothing_catches_a_limit_and_finally_bodies_run(limits, body):
    async def huge(context, value):
        return "x" * 2000

    cleaned = []

    async def cleans(context, value):
        await asyncio.sleep(1)
        cleaned.append(context.key)

    ending, seconds = await timed(run_of(GUARD, limits, bodies={"a": body or huge, "f": cleans}).outcome())
    assert ending.failure.kind == "LimitReached"
    assert cleaned == ["run:t.finally/f"]
    assert seconds <= 2


@jumps()
async def test_depth_that_is_met_while_a_run_ends_is_an_error_like_others():
    drawn = flow(
        {
            "s": "begin",
            "t": "ensure",
            "a": Step(kind="work", within="t"),
            "deep": Step(kind="ensure", within="t.finally"),
            "d": Step(kind="pass", within="deep"),
        },
        "s.output -> t", "s.output -> a.value", "s.output -> d.value",
    )  # fmt: skip

    async def hangs(context, value):
        await asyncio.Event().wait()

    run = run_of(drawn, {"depth": 1}, bodies={"a": hangs})
    asyncio.get_running_loop().call_later(1, run.cancel)
    events, seconds = await timed(events_of(run))
    assert told(events)[-2:] == ["failed t.finally/deep", "run cancelled"]
    assert seconds == 1


@jumps()
async def test_what_was_used_before_a_cut_counts():
    drawn = flow({"s": "begin", "a": "work", "q": "ask", "b": "work"},
                 "s.output -> a.value", "a.output -> q.value", "q.output -> b.value")  # fmt: skip
    bodies = {"a": answering(60, 0.6), "b": answering(60, 0.6)}
    for limits, kind in [
        ({"tokens": 100}, "tokens"),
        ({"cost": 1}, "cost"),
        ({"steps": 4}, "steps"),
        ({"tokens": 120, "cost": 1.3, "steps": 5}, ""),
    ]:
        run = run_of(drawn, limits, bodies=bodies)
        whole = []
        async for event in run:
            whole.append(event)
            if isinstance(event, StepPaused):
                run.reply("q", 1)
        past = durable(await events_of(run_of(drawn, limits, bodies=bodies)))
        past.append(StepResumed(len(past) + 1, 0.0, "q", 1))
        ending = (await events_of(run_of(drawn, limits, bodies=bodies, past=past)))[-1]
        for each in (whole[-1], ending):
            assert isinstance(each, RunFailed if kind else RunFinished), (limits, each)
            assert not kind or f"`{kind}`" in each.failure.mend


@pytest.mark.parametrize(("letters", "reached"), [("x" * 1900, False), ("é" * 950, False), ("é" * 1000, True)])
async def test_value_is_that_of_each_port(letters, reached):
    steps = {
        "s": "begin",
        "both": Step(kind="fork", config={"ways": "left right"}),
        "end": Step(kind="finish", config={"value": "{{ both.left }}"}),
    }
    drawn = flow(steps, "s.output -> both.value")
    ending = await ends(drawn, {"value": 2000}, given={"t": letters})
    assert ending.step == ("s" if reached else "end")
    assert not reached or ending.failure.what == "The output has 2008 bytes, and the limit is 2000"


def test_meter_of_small_values_does_not_measure():
    meter = Meter(Limits(value=1000))
    meter.value({"a": 1, "b": None, "c": True, "d": 1.5, "e": "x" * 250})
    with pytest.raises(LimitReached):
        meter.value({"a": {"b": "x" * 1000}})
