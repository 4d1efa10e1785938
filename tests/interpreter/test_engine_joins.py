"""Steps that run before all their wires have brought something, and what becomes of the others."""

import asyncio
from typing import Any

import pytest

from runtime.graph.catalog import Catalog
from runtime.graph.flow import Step
from runtime.interpreter.events import RunFinished, StepFinished, StepSkipped, StepStarted, decode_all, encode_all
from tests.interpreter import stage
from tests.interpreter.containers import CATALOG, First
from tests.interpreter.stage import durable, events_of, execution, flow, jumps, timed, told


def race(count: int = 1, cancel: bool = False, runners: int = 3, **more):
    """Runners `r0`, `r1`, … into a join; behind each stands a step that only the join reads."""
    steps = {"s": "begin", "first": Step(kind="first", config={"count": count, "cancel": cancel})}
    wires = []
    for number in range(runners):
        steps |= {f"r{number}": "work", f"t{number}": "pass"}
        wires += [
            f"s.output -> r{number}.value",
            f"r{number}.output -> t{number}.value",
            f"t{number}.output -> first.values",
        ]
    return flow(steps | more, *wires)


def takes(seconds: float):
    async def body(context, value):
        await asyncio.sleep(seconds)
        return seconds

    return body


TIMES = {"r0": takes(3), "r1": takes(1), "r2": takes(2)}


def run_of(drawn, given=None, /, **options):
    return execution(drawn, given, catalog=CATALOG, **options)


@pytest.mark.parametrize(
    ("count", "cancel", "given", "seconds"),
    [
        (1, False, [1], 3),
        (2, False, [1, 2], 3),
        (3, False, [3, 1, 2], 3),
        (9, False, [3, 1, 2], 3),  # fewer can come: all that came
        (1, True, [1], 1),
        (2, True, [1, 2], 2),
        (3, True, [3, 1, 2], 3),
    ],
)
@jumps()
async def test_join_runs_when_enough_have_come_and_sees_what_was_there(count, cancel, given, seconds):
    for watched in (True, False):
        run = run_of(race(count, cancel), bodies=TIMES)
        ending, took = await timed(run.outcome()) if not watched else await timed(_last(run))
        assert (ending.output, took) == (given, seconds)


async def _last(run):
    return (await events_of(run))[-1]


@jumps()
async def test_steps_that_serve_only_the_join_are_skipped():
    events = await events_of(run_of(race(1, cancel=True), bodies=TIMES))
    skipped = {event.step for event in events if isinstance(event, StepSkipped)}
    assert skipped == {"r0", "r2", "t0", "t2"}
    assert len([event for event in events if isinstance(event, StepSkipped)]) == 4


@jumps()
async def test_step_that_somebody_else_reads_goes_on():
    drawn = race(1, cancel=True)
    drawn = flow({**drawn.steps, "other": "pass"}, *(str(edge) for edge in drawn.edges), "r0.output -> other.value")
    events = await events_of(run_of(drawn, bodies=TIMES))
    assert {event.step for event in events if isinstance(event, StepSkipped)} == {"t0", "r2", "t2"}
    assert events[-1].output == {"first": {"output": [1]}, "other": {"output": 3}}


@jumps()
async def test_branches_not_taken_bring_nothing_to_a_join():
    drawn = flow(
        {
            "s": "begin",
            "f": Step(kind="fork", config={"ways": "left"}),
            "a": "work",
            "b": "work",
            "first": Step(kind="first", config={"count": 2}),
        },
        "s.output -> f.value",
        "f.left -> a.value",
        "f.right -> b.value",
        "a.output -> first.values",
        "b.output -> first.values",
    )
    ending = await run_of(drawn, bodies={"a": takes(1), "b": takes(1)}).outcome()
    assert ending.output == [1]
    nobody = flow({**drawn.steps, "f": Step(kind="fork", config={"ways": ""})}, *(str(edge) for edge in drawn.edges))
    assert (await run_of(nobody, bodies={}).outcome()).output is None


@jumps()
async def test_wire_that_only_orders_does_not_count_and_is_waited_for():
    drawn = flow(
        {"s": "begin", "a": "work", "b": "work", "o": "work", "first": Step(kind="first")},
        "s.output -> a.value", "s.output -> b.value", "s.output -> o.value",
        "a.output -> first.values", "b.output -> first.values", "o.output -> first",
    )  # fmt: skip
    for a, b, o, given in [(2, 3, 1, [2]), (1, 3, 2, [1]), (1, 2, 3, [1, 2])]:
        run = run_of(drawn, bodies={"a": takes(a), "b": takes(b), "o": takes(o)})
        assert (await run.outcome()).output == given


@jumps()
async def test_failed_step_with_something_instead_counts_by_its_port():
    drawn = flow(
        {"s": "begin", "a": Step(kind="quick", on_error="port"), "b": "work", "first": Step(kind="first")},
        "s.output -> a.value", "s.output -> b.value", "a.output -> first.values", "b.output -> first.values",
    )  # fmt: skip

    async def fails(context, value):
        raise ValueError

    ending = await run_of(drawn, bodies={"a": fails, "b": takes(2)}).outcome()
    assert ending.output == [2]


@pytest.mark.parametrize("cancel", [True, False])
@jumps()
async def test_race_cut_after_any_event_goes_on_and_ends(cancel):
    whole = durable(await events_of(run_of(race(1, cancel), bodies=TIMES)))
    for cut in range(1, len(whole)):
        past = decode_all(encode_all(whole[:cut]))
        events = [*past, *durable(await events_of(run_of(race(1, cancel), past=past, bodies=TIMES)))]
        assert isinstance(events[-1], RunFinished)
        assert events[-1].output == [1]
        settled = [event.step for event in events if isinstance(event, StepFinished | StepSkipped)]
        assert len(settled) == len(set(settled)) == 8


@jumps(leaves=0)
async def test_join_does_not_wait_for_a_cancelled_body_but_the_run_leaves_none():
    async def ends_slowly(context, value):
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)

    joined = []

    async def after(context, value):
        joined.append(asyncio.get_running_loop().time())

    drawn = race(1, cancel=True, after="work")
    drawn = flow(drawn.steps, *(str(edge) for edge in drawn.edges), "first.output -> after.value")
    ending, seconds = await timed(run_of(drawn, bodies={**TIMES, "r0": ends_slowly, "after": after}).outcome())
    assert isinstance(ending, RunFinished)
    assert joined == [1]
    assert seconds == 2


@jumps()
async def test_container_that_loses_cleans_up():
    cleaned = []

    async def cleans(context, value):
        await asyncio.sleep(1)
        cleaned.append(context.key)

    drawn = flow(
        {
            "s": "begin",
            "quick": "work",
            "t": "ensure",
            "a": Step(kind="work", within="t"),
            "f": Step(kind="work", within="t.finally"),
            "first": Step(kind="first", config={"cancel": True}),
        },
        "s.output -> quick.value", "s.output -> t", "s.output -> a.value",
        "quick.output -> first.values", "t.output -> first.values",
    )  # fmt: skip
    for watched in (True, False):
        cleaned.clear()
        run = run_of(drawn, bodies={"quick": takes(2), "a": takes(50), "f": cleans})
        ending, seconds = await timed(_last(run) if watched else run.outcome())
        assert (ending.output, seconds) == ([2], 3)
        assert cleaned == ["run:t.finally/f"]


@jumps()
async def test_paused_step_that_loses_waits_no_more():
    drawn = flow(
        {"s": "begin", "ask": "ask", "a": "work", "first": Step(kind="first", config={"cancel": True})},
        "s.output -> ask.value", "s.output -> a.value", "ask.output -> first.values", "a.output -> first.values",
    )  # fmt: skip
    run = run_of(drawn, bodies={"a": takes(2)})
    events = await events_of(run)
    assert events[-1].output == [2]
    assert "skipped ask" in told(events)


@jumps()
async def test_step_that_was_about_to_begin_does_not():
    drawn = flow(
        {"s": "begin", "a": "pass", "b": "write", "first": Step(kind="first", config={"cancel": True})},
        "s.output -> a.value", "s.output -> b.value", "a.output -> first.values", "b.output -> first.values",
    )  # fmt: skip
    entered = []

    async def notes(context, value):
        entered.append(context.key)
        await asyncio.sleep(5)

    events = await events_of(run_of(drawn, bodies={"b": notes}))
    assert events[-1].output == [{}]
    assert [event.step for event in events if isinstance(event, StepStarted)].count("b") <= 1
    assert told(events).count("skipped b") == 1
    assert asyncio.get_running_loop().time() == 0


@jumps()
async def test_race_inside_a_body():
    drawn = race(1, cancel=True)
    steps = {
        name: step if name == "s" else step.model_copy(update={"within": "each"}) for name, step in drawn.steps.items()
    }
    each = Step(kind="for_each", config={"items": "{{ s.output.list }}"})
    drawn = flow({**steps, "each": each}, *(str(edge) for edge in drawn.edges), "s.output -> each")
    ending, seconds = await timed(run_of(drawn, {"list": [1, 2]}, bodies=TIMES).outcome())
    assert (ending.output, seconds) == ([[1], [1]], 1)


@jumps()
async def test_body_ends_when_those_that_nobody_waited_for_have_ended_too():
    steps = {name: step.model_copy(update={"within": "p.one"}) for name, step in race().steps.items() if name != "s"}
    drawn = flow({"s": "begin", "p": "parallel", **steps}, *(str(edge) for edge in race().edges), "s.output -> p")
    events, seconds = await timed(events_of(run_of(drawn, bodies=TIMES)))
    assert (events[-1].output, seconds) == ({"one": [1], "two": None}, 3)
    assert told(events)[-3:-1] == ["finished p[one]/t0", "finished p"]


class Noting(First):
    """A join that says something beside what it gathers."""

    note: Any = None

    async def run(self, *values: Any) -> list[Any]:
        return [self.note, *values]


@pytest.mark.parametrize("note", ["{{ r0.output }}", "{{ str(r0.output) }}"])
@jumps()
async def test_expression_of_a_join_reads_null_for_what_has_not_settled(note):
    drawn = flow(
        {"s": "begin", "r0": "work", "r1": "work", "end": Step(kind="noting", config={"note": note})},
        "s.output -> r0.value", "s.output -> r1.value", "r0.output -> end.values", "r1.output -> end.values",
    )  # fmt: skip
    ending = await execution(drawn, {}, catalog=Catalog([*stage.NODES, Noting]), bodies=TIMES).outcome()
    assert ending.output == [None if note == "{{ r0.output }}" else "None", 1]
