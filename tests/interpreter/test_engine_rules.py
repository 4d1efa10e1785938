"""Which steps run, what they get and what a run answers: the rules of the engine, one small flow each."""

import asyncio
import random

import pytest

from runtime.errors import AuthorError, CallerError, OperatorError, ProviderError
from runtime.graph.flow import Default, Flow, Retry, Step
from runtime.interpreter.events import RunFailed, RunFinished, StepFailed, StepFinished, StepSkipped
from tests.interpreter.stage import durable, events_of, execution, flow, jumps, told


def fork(ways: str) -> Step:
    return Step(kind="fork", config={"ways": ways})


def say(text: str) -> Step:
    return Step(kind="say", config={"text": text})


async def played(drawn: Flow, *, bodies=None, given=None, **options):
    """The ending of a run, what each step gave, and who was skipped; watched and unwatched must end alike."""
    events = durable(await events_of(execution(drawn, given, bodies=bodies, **options)))
    unwatched = await execution(drawn, given, bodies=bodies, **options).outcome()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert type(unwatched) is type(events[-1])
    if isinstance(unwatched, RunFinished):
        ending = events[-1]
        assert (unwatched.output, unwatched.status, unwatched.step) == (ending.output, ending.status, ending.step)
    given = {e.step: e.output for e in events if isinstance(e, StepFinished | StepFailed)}
    return events[-1], given, {e.step for e in events if isinstance(e, StepSkipped)}


# --- who runs ------------------------------------------------------------------------------------------------------


@jumps()
async def test_skip_flows_on_through_every_step_after_it():
    drawn = flow(
        {"s": "begin", "f": fork("left"), "a": "pass", "b": "pass", "c": "pass"},
        "s.output -> f.value",
        "f.right -> a.value",
        "a.output -> b.value",
        "b.output -> c.value",
    )
    ending, _, skipped = await played(drawn)
    assert skipped == {"a", "b", "c"}
    assert (ending.output, ending.status) == (None, 200)


@jumps()
async def test_join_runs_when_one_of_its_branches_does():
    drawn = flow(
        {"s": "begin", "f": fork("left"), "a": "pass", "b": "pass", "join": "gather"},
        "s.output -> f.value",
        "f.left -> a.value",
        "f.right -> b.value",
        "b.output -> join.values",
        "a.output -> join.values",
    )
    _, given, skipped = await played(drawn, given={"x": 1})
    assert skipped == {"b"}
    assert given["join"] == {"output": [{"x": 1}]}


@jumps()
async def test_every_port_with_wires_needs_a_live_one():
    drawn = flow(
        {"s": "begin", "f": fork("left"), "p": "pair"},
        "s.output -> f.value",
        "f.left -> p.a",
        "f.right -> p.b",
    )
    _, _, skipped = await played(drawn)
    assert skipped == {"p"}


@pytest.mark.parametrize(("ways", "skipped"), [("left", set()), ("right", {"a"}), ("left right", set()), ("", {"a"})])
@jumps()
async def test_after_carries_the_branch_and_no_value(ways, skipped):
    drawn = flow({"s": "begin", "f": fork(ways), "a": say("hi")}, "s.output -> f.value", "f.left -> a")
    _, given, found = await played(drawn)
    assert found == skipped
    assert given.get("a", {"output": "hi"}) == {"output": "hi"}


@pytest.mark.parametrize(("ways", "got"), [("left", "left"), ("right", "right"), ("left right", "right")])
@jumps()
async def test_port_of_one_value_takes_the_first_live_wire_in_drawing_order(ways, got):
    drawn = flow(
        {"s": "begin", "f": fork(ways), "a": say("left"), "b": say("right"), "p": "pass"},
        "s.output -> f.value",
        "f.left -> a",
        "f.right -> b",
        "b.output -> p.value",  # drawn first
        "a.output -> p.value",
    )
    _, given, _ = await played(drawn)
    assert given["p"] == {"output": got}


@jumps()
async def test_gathered_wires_come_in_drawing_order_whoever_is_faster():
    async def late(context, value):
        await asyncio.sleep(5)
        return "late"

    async def soon(context, value):
        return "soon"

    drawn = flow(
        {"s": "begin", "z": "work", "a": "work", "join": "gather"},
        "s.output -> z.value",
        "s.output -> a.value",
        "z.output -> join.values",
        "s.output -> join.values",
        "a.output -> join.values",
    )
    _, given, _ = await played(drawn, bodies={"z": late, "a": soon})
    assert given["join"] == {"output": ["late", {}, "soon"]}


@jumps()
async def test_port_without_a_wire_keeps_its_default():
    drawn = flow({"s": "begin", "p": "pair"}, "s.output -> p.a")
    _, given, _ = await played(drawn)
    assert given["p"] == {"output": [{}, "no wire"]}


@jumps()
async def test_wire_into_a_setting_wins_over_what_stands_there():
    drawn = flow({"s": "begin", "a": say("{{ nothing.of.this }}")}, "s.output -> a.text")
    _, given, _ = await played(drawn, given={"x": 1})
    assert given["a"] == {"output": '{"x":1}'}


@pytest.mark.parametrize(
    ("text", "ways", "output"),
    [
        ("{{ f.left }}", "left", "value"),
        ("{{ f.left }}", "right", None),  # nobody came: skipped
        ("{{ f.left }} or {{ f.right }}", "right", " or value"),  # what was not given reads null
        ("{{ f }}", "right", '{"left":null,"right":"value"}'),
        ("{{ a.output }}", "right", None),
        ("{{ a.output }}{{ b.output }}", "right", "value"),
        ("{{ a.output.deep[0].down }}{{ b.output }}", "right", "value"),
        ("{{ str(f.left) }}", "left", "value"),
        ("{{ str(f.left) }}{{ str(b.output) }}", "right", "Nonevalue"),
    ],
)
@jumps()
async def test_reference_is_an_edge(text, ways, output):
    drawn = flow(
        {"s": say("value"), "go": "begin", "f": fork(ways), "a": "pass", "b": "pass", "r": say(text)},
        "go.output -> f",
        "s.output -> f.value",
        "f.left -> a.value",
        "f.right -> b.value",
    )
    _, given, skipped = await played(drawn)
    if output is None:
        assert "r" in skipped
    else:
        assert given["r"] == {"output": output}


@jumps()
async def test_wires_alone_decide_where_there_are_wires():
    drawn = flow(
        {"s": "begin", "f": fork("left"), "a": "pass", "r": say("read: {{ a.output }}")},
        "s.output -> f.value",
        "f.right -> a.value",
        "s.output -> r",
    )
    _, given, skipped = await played(drawn)
    assert skipped == {"a"}
    assert given["r"] == {"output": "read: "}


@jumps()
async def test_run_begins_at_the_start_asked_for_and_skips_the_others():
    drawn = flow(
        {"one": "begin", "two": "begin", "a": "pass", "b": "pass", "join": "pass"},
        "one.output -> a.value",
        "two.output -> b.value",
        "a.output -> join.value",
        "b.output -> join.value",
    )
    ending, given, skipped = await played(drawn, given={"n": 1}, trigger="two")
    assert skipped == {"one", "a"}
    assert given["join"] == {"output": {"n": 1}}
    assert ending.step == "join"
    assert (await played(drawn))[2] == {"two", "b"}  # without a wish, the first
    with pytest.raises(AuthorError, match="no start `three`"):
        execution(drawn, trigger="three")


@jumps()
async def test_run_concerns_the_steps_of_its_start_and_those_that_feed_them():
    drawn = flow(
        {
            "one": "begin",
            "two": "begin",
            "feeds_one": say("1"),
            "feeds_two": say("2"),
            "a": "pair",
            "b": "gather",  # has a live wire in every run, and belongs to `two` all the same
            "join": "gather",
        },
        "one.output -> a.a",
        "feeds_one.output -> a.b",
        "two.output -> b.values",
        "feeds_two.output -> b.values",
        "a.output -> join.values",
        "b.output -> join.values",
    )
    _, given, skipped = await played(drawn, trigger="one")
    assert skipped == {"two"}  # `b` feeds the join, and so it is of this run too
    alone = Flow(steps=drawn.steps, edges=drawn.edges[:-1])
    _, given, skipped = await played(alone, trigger="one")
    assert skipped == {"two", "feeds_two", "b"}
    assert given["join"] == {"output": [[{}, "1"]]}


# --- what a run answers --------------------------------------------------------------------------------------------


def finish(value: object, **more: object) -> Step:
    return Step(kind="finish", config={"value": value}, **more)


@jumps()
async def test_first_answer_in_flow_order_counts_and_not_the_fastest():
    async def slowly(context, value):
        await asyncio.sleep(9)

    drawn = flow(
        {"s": "begin", "slow": "work", "first": finish("slow one"), "second": finish("quick one")},
        "s.output -> slow.value",
        "slow.output -> first",
        "s.output -> second",
    )
    ending, _, _ = await played(drawn, bodies={"slow": slowly})
    assert (ending.output, ending.step) == ("slow one", "first")


@jumps()
async def test_answer_that_was_skipped_does_not_count():
    drawn = flow(
        {"s": "begin", "f": fork("right"), "first": finish(1), "second": Step(kind="finish", config={"status": 404})},
        "s.output -> f.value",
        "f.left -> first",
        "f.right -> second",
    )
    ending, _, _ = await played(drawn)
    assert (ending.output, ending.status, ending.step) == (None, 404, "second")


@pytest.mark.parametrize(
    ("ways", "output", "step"),
    [
        ("left", {"n": 1}, "a"),  # one leaf with the one port `output`: its value
        ("right", {"right": {"n": 1}, "left": {"n": 1}}, "g"),  # one leaf with other ports: an object of them
        ("left right", {"a": {"output": {"n": 1}}, "g": {"right": {"n": 1}, "left": {"n": 1}}}, ""),
        ("", None, ""),
    ],
)
@jumps()
async def test_without_an_answer_the_last_steps_count(ways, output, step):
    drawn = flow(
        {"s": "begin", "f": fork(ways), "a": "pass", "g": fork("left right")},
        "s.output -> f.value",
        "f.left -> a.value",
        "f.right -> g.value",
    )
    ending, _, _ = await played(drawn, given={"n": 1})
    assert (ending.output, ending.step, ending.status) == (output, step, 200)


@jumps()
async def test_last_step_that_gives_nothing_does_not_count():
    drawn = flow({"s": "begin", "a": "pass", "b": "swallow"}, "s.output -> a.value", "s.output -> b.value")
    ending, given, _ = await played(drawn, given={"n": 1})
    assert given["b"] == {}
    assert (ending.output, ending.step) == ({"n": 1}, "a")


@pytest.mark.parametrize(("status", "fits"), [(404, True), ("200", False), (99, False), (600, False), (True, False)])
@jumps()
async def test_status_of_an_answer_is_an_http_status(status, fits):
    drawn = flow({"s": "begin", "end": Step(kind="finish", config={"status": status})}, "s.output -> end.value")
    ending, _, _ = await played(drawn)
    assert isinstance(ending, RunFinished if fits else RunFailed)


@jumps()
async def test_default_of_a_failed_answer_is_the_answer():
    step = Step(kind="finish", config={"status": 1}, on_error=Default(default="sorry"))
    ending, _, _ = await played(flow({"s": "begin", "end": step}, "s.output -> end.value"))
    assert (ending.output, ending.status, ending.step) == ("sorry", 200, "end")


# --- what an error does --------------------------------------------------------------------------------------------


async def broken(context, value):
    try:
        raise OSError("no route")
    except OSError as error:
        raise ProviderError("The server is down", "example.com", "Call later.") from error


@jumps()
async def test_failed_step_fails_the_run():
    drawn = flow({"s": "begin", "a": "work", "b": "pass"}, "s.output -> a.value", "a.output -> b.value")
    ending, given, _ = await played(drawn, bodies={"a": broken})
    assert (ending.step, ending.failure.what, ending.failure.who) == (
        "a",
        "The server is down (example.com)",
        "provider",
    )
    assert "b" not in given


@jumps()
async def test_error_port_leads_on_and_the_other_ports_stay_silent():
    drawn = flow(
        {"s": "begin", "a": Step(kind="work", on_error="port"), "well": "pass", "badly": "pass"},
        "s.output -> a.value",
        "a.output -> well.value",
        "a.error -> badly.value",
    )
    _, given, skipped = await played(drawn, bodies={"a": broken})
    assert skipped == {"well"}
    assert given["badly"]["output"] == {
        "what": "The server is down (example.com)",
        "mend": "Call later.",
        "who": "provider",
        "kind": "ProviderError",
        "step": "a",
        "input": {"value": {}},
        "cause": "OSError: no route",
    }

    async def fine(context, value):
        return 1

    _, _, skipped = await played(drawn, bodies={"a": fine})
    assert skipped == {"badly"}


@pytest.mark.parametrize(
    ("step", "default", "output"),
    [
        ("work", "instead", {"output": "instead"}),
        ("work", {"a": [1]}, {"output": {"a": [1]}}),
        ("work", None, {"output": None}),
        ("promise", {"text": "t", "count": 2}, {"text": "t", "count": 2}),
        ("promise", {"count": 2}, {"count": 2}),  # the others stay silent
        ("promise", 7, {"text": "7"}),  # not an object: for the first port, in its kind
    ],
)
@jumps()
async def test_default_goes_on_in_place_of_the_output(step, default, output):
    async def fails(*_):
        raise ValueError

    drawn = flow({"s": "begin", "a": Step(kind=step, on_error=Default(default=default))}, "s.output -> a")
    ending, given, _ = await played(drawn, bodies={"a": fails})
    assert given["a"] == output
    assert isinstance(ending, RunFinished)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ProviderError("down", retry=True), 3),
        (ProviderError("wrong key", retry=False), 1),
        (OperatorError("disk full"), 3),
        (ValueError("odd"), 3),
        (AuthorError("wrong template"), 1),
        (CallerError("wrong input"), 1),
    ],
)
@pytest.mark.parametrize("kind", ["work", "quick"])
@jumps()
async def test_retries_are_for_errors_that_may_pass(error, tries, kind):
    entered = []

    async def fails(context, value):
        entered.append(context.key)
        raise error

    step = Step(kind=kind, retry=Retry(times=2, wait=10, backoff=3, jitter=0))
    run = execution(flow({"s": "begin", "a": step}, "s.output -> a.value"), bodies={"a": fails}, run="r")
    events = await events_of(run)
    again = [line for _ in range(tries - 1) for line in ("started a", "retried a")]
    assert told(events)[3:] == [*again, "started a", "failed a", "run failed"]
    assert entered == ["r:a"] * tries  # the key stays the same, for servers that take an idempotency key
    assert [event.wait for event in events if hasattr(event, "wait")] == [10, 30][: tries - 1]


@pytest.mark.parametrize(
    ("error", "causes", "tried"),
    [
        (ValueError("odd"), ["node"], True),
        (ValueError("odd"), ["provider", "operator", "timeout"], False),
        (ProviderError("down", retry=True), ["provider"], True),
        (ProviderError("down", retry=True), ["node"], False),
        (OperatorError("disk"), ["operator"], True),
        (OperatorError("disk"), ["provider"], False),
        (None, ["timeout"], True),  # late
        (None, ["provider", "node"], False),
        (AuthorError("wrong"), ["timeout", "provider", "operator", "node"], False),
    ],
)
@jumps()
async def test_retry_is_for_the_errors_that_it_names(error, causes, tried):
    async def fails(context, value):
        if error is None:
            await asyncio.sleep(100)
        raise error

    step = Step(kind="work", timeout=5, retry=Retry(times=1, on=causes))
    events = await events_of(execution(flow({"s": "begin", "a": step}, "s.output -> a.value"), bodies={"a": fails}))
    assert ("retried a" in told(events)) == tried


@jumps()
async def test_waits_between_tries_have_chance_in_them_that_can_be_seeded():
    async def fails(context, value):
        raise ValueError

    async def waits(seed):
        step = Step(kind="quick", retry=Retry(times=3, wait=10, backoff=2, jitter=0.5))
        drawn = flow({"s": "begin", "a": step}, "s.output -> a.value")
        events = await events_of(execution(drawn, bodies={"a": fails}, chance=random.Random(seed)))
        return [event.wait for event in events if hasattr(event, "wait")]

    one, other = await waits(1), await waits(2)
    assert one != other
    assert one == await waits(1)
    for wait, plain in zip(one, (10, 20, 40), strict=True):
        assert plain * 0.5 <= wait <= plain * 1.5


@jumps()
async def test_retried_step_that_comes_through_goes_on():
    tries = []

    async def second_time(context, value):
        tries.append(1)
        if len(tries) % 2:
            raise ProviderError("busy", retry=True)
        return "came through"

    step = Step(kind="work", retry=Retry(times=1))
    drawn = flow({"s": "begin", "a": step, "b": "pass"}, "s.output -> a.value", "a.output -> b.value")
    _, given, _ = await played(drawn, bodies={"a": second_time})
    assert given["b"] == {"output": "came through"}


@jumps()
async def test_wait_between_tries_has_a_bound():
    async def fails(context, value):
        raise ProviderError("down", retry=True)

    step = Step(kind="work", retry=Retry(times=20, wait=3600, backoff=10, jitter=0))
    events = await events_of(execution(flow({"s": "begin", "a": step}, "s.output -> a.value"), bodies={"a": fails}))
    assert [event.wait for event in events if hasattr(event, "wait")] == [3600.0] * 20


@jumps()
async def test_failure_stops_the_branches_beside_it():
    stopped = []

    async def long(context, value):
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            stopped.append(asyncio.get_running_loop().time())
            raise

    async def fails(context, value):
        await asyncio.sleep(1)
        raise ValueError("no")

    drawn = flow({"s": "begin", "a": "work", "b": "work"}, "s.output -> a.value", "s.output -> b.value")
    run = execution(drawn, bodies={"a": long, "b": fails})
    assert told(await events_of(run))[-2:] == ["failed b", "run failed"]
    assert stopped == [1.0]


@jumps()
async def test_nothing_is_entered_after_a_failure():
    entered = []

    async def fails(context, value):
        entered.append(context.key)
        raise ValueError("no")

    wires = [f"s.output -> {name}.value" for name in "abc"]
    drawn = flow({"s": "begin"} | dict.fromkeys("abc", "quick"), *wires)
    assert isinstance(await execution(drawn, bodies=dict.fromkeys("abc", fails)).outcome(), RunFailed)
    assert entered == ["run:a"]


# --- values on wires -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("é", {"output": "É"}),
        (1.5, {"output": "1.5"}),
        (True, {"output": "TRUE"}),
        (None, "The input `value` expected a text, got nothing"),
        ([1], "The input `value` expected a text, got a list"),
        ({"a": 1}, "The input `value` expected a text, got an object"),
    ],
)
@jumps()
async def test_port_takes_what_fits_and_fails_the_step_otherwise(value, got):
    async def gives(*_):
        return value

    drawn = flow({"s": "begin", "q": "quick", "a": "upper"}, "s.output -> q", "q.output -> a.value")
    ending, given, _ = await played(drawn, bodies={"q": gives})
    if isinstance(ending, RunFailed):
        assert (ending.step, ending.failure.what) == ("a", got)
    else:
        assert given["a"] == got


@pytest.mark.parametrize(("value", "text"), [({"a": [True, None, 1.5]}, '{"a":[true,null,1.5]}'), ({}, "{}")])
@jumps()
async def test_values_become_texts_in_text_settings(value, text):
    _, given, _ = await played(flow({"s": "begin", "a": say("{{ s.output }}")}), given=value)
    assert given["a"] == {"output": text}
