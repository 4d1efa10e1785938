"""Flows inside steps: what they see, what they give, and how they fail."""

import asyncio

import pytest

from runtime.errors import ProviderError
from runtime.graph.check import check
from runtime.graph.flow import Flow, Limits, Step
from runtime.interpreter.events import (
    BodyStarted,
    RunCancelled,
    RunFailed,
)
from tests.interpreter.containers import CATALOG
from tests.interpreter.framed import EACH, TRY, boom, each, echo, given_by, hangs, inside, played, run_of
from tests.interpreter.stage import events_of, flow, jumps, timed, told

# --- what goes in and what comes out -------------------------------------------------------------------------------


@jumps()
async def test_body_runs_for_each_item_in_the_order_of_the_items():
    async def later_first(context, value):
        await asyncio.sleep(10 - value)
        return value * 2

    ending, events = await played(EACH, {"list": [1, 2, 3]}, bodies={"a": later_first})
    assert ending.output == [2, 4, 6]
    assert given_by(events)["each[2]/a"] == {"output": 6}
    assert [event.step for event in events if isinstance(event, BodyStarted)] == ["each[0]", "each[1]", "each[2]"]
    assert events[4] == BodyStarted(5, events[4].at, "each[0]", {"item": 1, "index": 0})


@pytest.mark.parametrize(("at_once", "seconds"), [(1, 6), (2, 3), (4, 2), (9, 1)])
@jumps()
async def test_no_more_bodies_than_allowed_run_at_once(at_once, seconds):
    drawn = flow(
        {**EACH.steps, "each": each("{{ s.output.list }}", at_once=at_once)}, "s.output -> each", "each.item -> a.value"
    )
    _, took = await timed(run_of(drawn, {"list": list(range(6))}, bodies={"a": echo}).outcome())
    assert took == seconds


@pytest.mark.parametrize(
    ("wires", "config", "output"),
    [
        (("a.output -> b.value", "b.output -> each.result"), {}, ["x"]),
        (("a.output -> b.value", "a.output -> each.result"), {"result": "{{ b.output }} unread"}, ["x"]),
        (("a.output -> b.value",), {"result": "{{ b.output }} and {{ each.index }}{{ s.output.n }}"}, ["x and 07"]),
        (("a.output -> b.value",), {"result": "{{ str(b.output) }}"}, ["x"]),
        (("a.output -> b.value",), {"result": "literal"}, ["literal"]),
        (("a.output -> b.value",), {}, ["x"]),  # what the last step gave
        ((), {}, [{"a": {"output": "x"}, "b": {"output": "x"}}]),  # what the last steps gave
    ],
)
@jumps()
async def test_body_gives_what_fills_its_port(wires, config, output):
    wired = "a.output -> b.value" in wires
    drawn = flow(
        {
            "s": "begin",
            "each": each("{{ s.output.list }}", **config),
            "a": inside("each", "pass"),
            "b": inside("each", "pass"),
        },
        "s.output -> each",
        "each.item -> a.value",
        *(() if wired else ("each.item -> b.value",)),
        *wires,
    )
    ending, _ = await played(drawn, {"list": ["x"], "n": 7})
    assert ending.output == output


@jumps()
async def test_body_without_steps_gives_nothing():
    ending, _ = await played(
        flow({"s": "begin", "each": each("{{ s.output.list }}")}, "s.output -> each"), {"list": [1, 2]}
    )
    assert ending.output == [None, None]


@jumps()
async def test_container_that_only_feeds_others_has_its_steps():
    drawn = flow(
        {
            "s": "begin",
            "each": Step(kind="for_each", config={"items": [1, 2]}),
            "inner": inside("each", "parallel"),
            "a": inside("inner.one", "pass"),
            "j": "gather",
        },
        "s.output -> j.values", "each.output -> j.values", "each.item -> a.value",
    )  # fmt: skip
    assert check(drawn, CATALOG) == []
    ending, _ = await played(drawn, {})
    assert ending.output == [{}, [{"one": 1, "two": None}, {"one": 2, "two": None}]]


@jumps()
async def test_skipped_steps_of_a_body_fill_nothing():
    drawn = flow(
        {
            "s": "begin",
            "each": each("{{ s.output.list }}"),
            "f": inside("each", "fork", config={"ways": "{{ each.item }}"}),
            "l": inside("each", "say", config={"text": "was left"}),
            "r": inside("each", "say", config={"text": "was right"}),
        },
        "s.output -> each",
        "f.left -> l",
        "f.right -> r",
        "l.output -> each.result",
        "r.output -> each.result",
    )
    ending, _ = await played(drawn, {"list": ["left", "right", "", "left right"]})
    assert ending.output == ["was left", "was right", None, "was left"]


@jumps()
async def test_steps_inside_see_what_is_around_them_and_the_container_waits_for_it():
    drawn = flow(
        {
            "s": "begin",
            "slow": "work",
            "each": each("{{ s.output.list }}", result="{{ inner.output }} by {{ outer.output }}"),
            "outer": inside("each", "say", config={"text": "{{ each.item }}"}),
            "inner": inside("each", "repeat", config={"rounds": 2}),
            "deep": inside(
                "inner", "say", config={"text": "{{ inner.now }}{{ inner.round }}{{ each.item }}{{ slow.output }}"}
            ),
        },
        "s.output -> each",
        "s.output -> slow.value",
        "outer.output -> inner.start",
    )

    async def late(context, value):
        await asyncio.sleep(100)
        return "!"

    ending, events = await played(drawn, {"list": ["x", "y"]}, bodies={"slow": late})
    assert ending.output == ["x0x!1x! by x", "y0y!1y! by y"]
    assert given_by(events)["each[1]/inner[0]/deep"] == {"output": "y0y!"}


@jumps()
async def test_captured_step_that_was_skipped_reads_null_inside():
    drawn = flow(
        {
            "s": "begin",
            "f": Step(kind="fork", config={"ways": "left"}),
            "never": "pass",
            "each": each("{{ s.output.list }}"),
            "a": inside("each", "say", config={"text": "{{ each.item }}{{ never.output }}"}),
            "b": inside("each", "pass"),
        },
        "s.output -> f.value",
        "f.right -> never.value",
        "f.left -> each",
        "never.output -> b.value",
    )
    ending, events = await played(drawn, {"list": ["x"]})
    assert ending.output == ["x"]
    assert "skipped each[0]/b" in told(events)


@jumps()
async def test_rounds_hand_on_their_state():
    drawn = flow({"s": "begin", "r": Step(kind="repeat", config={"rounds": 4}), "a": inside("r", "gather")},
                 "s.output -> r.start", "r.now -> a.values")  # fmt: skip
    ending, _ = await played(drawn, {})
    assert ending.output == [[[[{}]]]]


@jumps()
async def test_branches_of_a_parallel_run_beside_one_another():
    drawn = flow(
        {"s": "begin", "p": "parallel", "a": inside("p.one", "work"), "b": inside("p.two", "work")},
        "s.output -> p",
        "s.output -> a.value",
        "s.output -> b.value",
    )
    ending, seconds = await timed(run_of(drawn, {"n": 1}, bodies={"a": echo, "b": echo}).outcome())
    assert ending.output == {"one": {"n": 1}, "two": {"n": 1}}
    assert seconds == 1
    await played(drawn, {"n": 1}, bodies={"a": echo, "b": echo})


@jumps()
async def test_key_of_an_execution_tells_items_apart():
    async def tells(context, value):
        return context.key

    ending = await run_of(EACH, {"list": [1, 2]}, bodies={"a": tells}, run="r9").outcome()
    assert ending.output == ["r9:each[0]/a", "r9:each[1]/a"]


# --- failing -------------------------------------------------------------------------------------------------------


@jumps()
async def test_item_that_fails_fails_the_container_and_names_the_step_inside():
    async def second(context, value):
        if value == 2:
            raise ProviderError("The server is down", mend="Wait.")
        await hangs(context, value)

    run = run_of(EACH, {"list": [1, 2, 3]}, bodies={"a": second})
    events = await events_of(run)
    ending = events[-1]
    assert (ending.step, ending.failure.step, ending.failure.what) == ("each", "each[1]/a", "The server is down")
    assert (ending.failure.who, ending.failure.kind, ending.failure.mend) == ("provider", "ProviderError", "Wait.")
    assert told(events)[-3:] == ["failed each[1]/a", "failed each", "run failed"]


@jumps()
async def test_items_that_fail_may_be_kept():
    drawn = flow(
        {**EACH.steps, "each": each("{{ s.output.list }}", keep=True)}, "s.output -> each", "each.item -> a.value"
    )

    async def odd(context, value):
        if value % 2:
            raise ValueError(value)
        return value

    ending, _ = await played(drawn, {"list": [1, 2, 3]}, bodies={"a": odd})
    assert ending.output == ["failed: ValueError: 1 (each[0]/a)", 2, "failed: ValueError: 3 (each[2]/a)"]


@jumps()
async def test_error_port_of_a_container_tells_where_it_was():
    drawn = flow(
        {**EACH.steps, "each": EACH.steps["each"].model_copy(update={"on_error": "port"}), "then": "pass"},
        "s.output -> each", "each.item -> a.value", "each.error -> then.value",
    )  # fmt: skip
    ending, _ = await played(drawn, {"list": [5]}, bodies={"a": boom})
    assert ending.output == {
        "what": "ValueError: boom at 5",
        "mend": "",
        "who": "author",
        "kind": "ValueError",
        "step": "each[0]/a",
        "input": {"value": 5},
        "cause": "",
    }


@jumps()
async def test_late_setting_that_cannot_be_computed_fails_the_body():
    late = each("{{ s.output.list }}", result="{{ a.output.deep.down }}")
    drawn = flow({"s": "begin", "each": late, "a": inside("each", "pass")},
                 "s.output -> each", "each.item -> a.value")  # fmt: skip
    ending, _ = await played(drawn, {"list": [{"deep": 5}]})
    assert isinstance(ending, RunFailed)
    assert (ending.step, ending.failure.step, ending.failure.kind) == ("each", "each[0]", "AuthorError")
    assert "result" in ending.failure.what


@jumps()
async def test_catch_gives_something_instead_and_finally_runs_either_way():
    ending, events = await played(TRY, {"n": 1}, bodies={"a": boom, "f": echo})
    assert ending.output == "ValueError: boom at {'n': 1} (t/a)"
    assert told(events).index("finished t.finally/f") < told(events).index("finished t")
    ending, events = await played(TRY, {"n": 1}, bodies={"a": echo, "f": echo})
    assert ending.output == {"n": 1}
    assert "started t.catch/c" not in told(events)
    assert "finished t.finally/f" in told(events)


@jumps()
async def test_error_of_a_finally_body_is_the_error_of_the_step():
    ending, _ = await played(TRY, {}, bodies={"a": echo, "f": boom})
    assert (ending.step, ending.failure.step) == ("t", "t.finally/f")


@jumps()
async def test_failing_step_of_a_body_ends_what_runs_beside_it_there_and_nothing_else():
    drawn = flow(
        {
            "s": "begin",
            "t": "try",
            "bad": inside("t", "quick"),
            "beside": inside("t", "work"),
            "c": inside("t.catch", "pass"),
            "other": "work",
        },
        "s.output -> t", "s.output -> bad.value", "s.output -> beside.value",
        "t.error -> c.value", "s.output -> other.value",
    )  # fmt: skip
    bodies = {"bad": boom, "beside": hangs, "other": echo}
    ending, seconds = await timed(run_of(drawn, {}, bodies=bodies).outcome())
    assert set(ending.output) == {"t", "other"}
    assert seconds == 1
    await played(drawn, {}, bodies=bodies)


@jumps()
async def test_bodies_that_fail_at_the_same_moment_while_others_of_them_still_end():
    drawn = flow(
        {**EACH.steps, "b": inside("each", "work")}, "s.output -> each", "each.item -> a.value", "each.item -> b.value"
    )

    async def fails_soon(context, value):
        await asyncio.sleep(1)
        raise ValueError(value)

    async def ends_slowly(context, value):
        try:
            await hangs(context, value)
        finally:
            await asyncio.sleep(1)

    events, seconds = await timed(
        events_of(run_of(drawn, {"list": [1, 2, 3]}, bodies={"a": fails_soon, "b": ends_slowly}))
    )
    assert isinstance(events[-1], RunFailed)
    assert events[-1].step == "each"
    assert seconds == 2


@jumps()
async def test_failure_comes_up_through_a_hundred_containers():
    depth = 99
    names = [f"e{number}" for number in range(depth)]
    steps = {"s": Step(kind="begin")}
    for number, name in enumerate(names):
        steps[name] = Step(kind="ensure", within=names[number - 1] if number else "")
    steps["a"] = inside(names[-1], "work")
    drawn = flow(steps, f"s.output -> {names[0]}", "s.output -> a.value")
    drawn = Flow(steps=drawn.steps, edges=drawn.edges, limits=Limits(depth=100))
    ending = await run_of(drawn, {"n": 1}, bodies={"a": echo}).outcome()
    assert ending.output == {"n": 1}
    ending = await run_of(drawn, {"n": 1}, bodies={"a": boom}).outcome()
    assert ending.step == "e0"
    assert ending.failure.step.endswith("e98/a")
    run = run_of(drawn, {"n": 1}, bodies={"a": hangs})
    asyncio.get_running_loop().call_later(3, run.cancel)
    ending, seconds = await timed(run.outcome())
    assert isinstance(ending, RunCancelled)
    assert seconds == 3
