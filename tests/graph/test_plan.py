"""Plans: what a flow is compiled to, and how a step's settings are made for one execution."""

from typing import Any

import pytest

from runtime.errors import AuthorError
from runtime.graph.compiler import DEFAULT_TIMEOUT, compile_flow
from runtime.graph.flow import Edge, Flow, Retry, Step
from runtime.graph.plan import BrokenFlow, Plan
from tests.graph.specimens import CATALOG


def plan_of(steps: dict[str, str | Step], *wires: str) -> Plan:
    made = {name: Step(kind=step) if isinstance(step, str) else step for name, step in steps.items()}
    return compile_flow(Flow(name="Plan", steps=made, edges=tuple(map(Edge.parse, wires))), CATALOG)


def plain(text: Any, **more: Any) -> Step:
    return Step(kind="plain", config={"text": text}, **more)


def test_steps_become_numbers_in_drawing_order_and_wires_become_successors() -> None:
    plan = plan_of(
        {"end": "end", "s": "begin", "b": plain("{{ a.output }}"), "a": "plain", "feeds": "plain"},
        "s.output -> a",
        "s.output -> a.value",
        "feeds.output -> b.value",
        "a.output -> end.value",
        "b.output -> end",
    )
    assert plan.index == {"end": 0, "s": 1, "b": 2, "a": 3, "feeds": 4}
    assert {step.id: step.successors for step in plan.steps} == {
        "end": (), "s": (3,), "b": (0,), "a": (0, 2), "feeds": (2,),
    }  # fmt: skip
    assert plan.waits == [2, 0, 2, 1, 0]  # two wires from one step are waited for once; a reference counts
    assert (plan.starts, plan.sources, plan.answers, plan.leaves) == ({"s": 1}, (4,), (0,), (0,))


def test_steps_that_nothing_leads_to_are_left_out() -> None:
    plan = plan_of(
        {"s": "begin", "alone": "plain", "after_it": "plain", "a": "plain"}, "s.output -> a", "alone.output -> after_it"
    )
    assert set(plan.index) == {"s", "a"}


def test_steps_that_serve_other_starts_are_known_before_a_run() -> None:
    plan = plan_of(
        {"one": "begin", "two": "hook", "a": "plain", "b": "plain", "feeds": "plain"},
        "one.output -> a",
        "two.output -> b",
        "feeds.output -> b.value",
    )
    assert plan.elsewhere == {"one": {1, 3, 4}, "two": {0, 2}}
    assert plan_of({"s": "begin", "a": "plain"}, "s.output -> a").elsewhere == {"s": frozenset()}


def test_broken_flow_tells_every_problem_and_no_warning() -> None:
    with pytest.raises(BrokenFlow) as raised:
        plan_of({"s": "begin", "alone": "plain", "a": "nothing", "b": "strict"}, "s.output -> a", "s.output -> b")
    assert [problem.code for problem in raised.value.problems] == ["unknown_kind", "missing_value"]
    assert str(raised.value) == (
        "No node is called `nothing`. And 1 more. (a) Install the package that brings it, or replace it."
    )


def test_start_is_found_by_id_or_by_how_it_is_triggered() -> None:
    plan = plan_of({"one": "begin", "two": "hook", "three": "begin"})
    assert [plan.trigger(wanted) for wanted in ("", "two", "three", "webhook", "api")] == [
        "one",
        "two",
        "three",
        "two",
        "one",
    ]
    assert plan.accepts("two") == {"type": "object", "required": ["body"]}
    with pytest.raises(AuthorError) as raised:
        plan.trigger("chat")
    assert raised.value.mend == "Its starts: one, two, three."


@pytest.mark.parametrize(
    ("step", "inline", "streams", "timeout"),
    [
        (Step(kind="plain"), True, False, None),  # a pure step never waits, so nothing limits it
        (Step(kind="plain", timeout=5), False, False, 5),
        (Step(kind="strict", config={"limit": 1}), False, False, DEFAULT_TIMEOUT),
        (Step(kind="strict", config={"limit": 1}, timeout=600), False, False, 600),
        (Step(kind="talk"), False, True, DEFAULT_TIMEOUT),
        (Step(kind="plain", retry=Retry(times=1)), True, False, None),
    ],
)
def test_how_a_step_is_run(step: Step, inline: bool, streams: bool, timeout: float | None) -> None:
    planned = plan_of({"s": "begin", "a": step}, "s.output -> a").steps[1]
    assert (planned.inline, planned.streams, planned.timeout, planned.retry) == (inline, streams, timeout, step.retry)


def test_node_is_made_once_when_nothing_in_it_is_computed() -> None:
    steps: dict[str, str | Step] = {"s": "begin", "a": plain("hi"), "b": plain("{{ s.output }}"), "c": "plain"}
    plan = plan_of(steps, "s.output -> a", "a.output -> c.text")
    assert plan.steps[1].node == CATALOG.get("plain")(text="hi")  # type: ignore[misc]
    assert (plan.steps[2].node, plan.steps[3].node) == (None, None)


@pytest.mark.parametrize(
    ("config", "outputs", "made"),
    [
        ({"text": "{{ s.output.a }}"}, {"a": "x"}, {"text": "x"}),
        ({"text": "{{ s.output.a }}"}, {"a": None}, {"text": ""}),
        ({"text": "{{ s.output.a }}"}, {"a": 1.5}, {"text": "1.5"}),
        ({"text": "{{ s.output.a }}"}, {"a": [1]}, {"text": "[1]"}),
        ({"text": "a: {{ s.output.a }}, b: {{ s.output.b }}"}, {"a": True, "b": {}}, {"text": "a: true, b: {}"}),
    ],
)
def test_computed_settings_of_one_execution(config: dict[str, Any], outputs: Any, made: dict[str, Any]) -> None:
    plan = plan_of({"s": "begin", "a": Step(kind="plain", config=config)}, "s.output -> a")
    node, shown = plan.steps[1].build({}, [{"output": outputs}, None], ())
    assert node.model_dump() == shown == made


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"limit": "{{ s.output.n }}"}, "`limit`: it must be at most 10"),
        ({"limit": "{{ s.output.gone }}"}, "`limit`: `s.output` has no `gone`; it has: n, word"),
        ({"limit": "{{ s.output.word }}"}, "`limit`: it must be a whole number"),
        ({"limit": 9, "mode": "{{ s.output.word }}"}, "slow goes with at most 5"),
    ],
)
def test_computed_setting_that_does_not_fit_is_the_authors_error(config: dict[str, Any], what: str) -> None:
    plan = plan_of({"s": "begin", "a": Step(kind="strict", config=config)}, "s.output -> a")
    with pytest.raises(AuthorError) as raised:
        plan.steps[1].build({}, [{"output": {"n": 99, "word": "slow"}}, None], ())
    assert raised.value.what.startswith(what)


def test_plan_of_ten_thousand_steps() -> None:
    names = [f"a{number}" for number in range(10_000)]
    wires = [f"{one}.output -> {other}.value" for one, other in zip(["s", *names], names, strict=False)]
    plan = plan_of({"s": "begin"} | dict.fromkeys(names, "plain"), *wires)
    assert plan.leaves == (10_000,)
