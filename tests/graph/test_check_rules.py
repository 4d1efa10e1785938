"""Every rule a flow keeps: a flow that breaks it, and what is said, where, and how to mend it."""

from typing import Any

import pytest
from hypothesis import given

from runtime.graph.check import check, missing_secrets, needs
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.flowfile import from_document
from runtime.graph.library import Library
from runtime.graph.node import FlowReference
from runtime.graph.plan import BrokenFlow
from runtime.graph.problems import MESSAGES, Problem, errors, listed
from runtime.graph.reading import read_flow
from tests.graph.documents import many, nearly_flows
from tests.graph.specimens import CATALOG


def flow_of(steps: dict[str, Any], *wires: str) -> Flow:
    """A flow from `id: kind` or `id: {kind: …, config: …}` and wires."""
    made = {name: {"kind": step} if isinstance(step, str) else step for name, step in steps.items()}
    flow, problems = from_document({"canevas": 1, "steps": made, "edges": list(wires)})
    assert flow is not None, problems
    return flow


def begun(steps: dict[str, Any], *wires: str) -> Flow:
    """The same with a start `s`, wired to every step without a wire of its own."""
    wired = {Edge.parse(wire).target for wire in wires}
    free = [f"s.output -> {name}" for name in steps if name not in wired]
    return flow_of({"s": "begin", **steps}, *wires, *free)


def labels(*names: str) -> dict[str, Any]:
    return {"kind": "labels", "config": {"labels": list(names)}}


def strict(**config: Any) -> dict[str, Any]:
    return {"kind": "strict", "config": {"limit": 1, **config}}


def plain(text: str, **more: Any) -> dict[str, Any]:
    return {"kind": "plain", "config": {"text": text}, **more}


def old(version: int, **config: Any) -> dict[str, Any]:
    return {"kind": "old", "version": version, "config": config}


def slots(*names: str) -> dict[str, Any]:
    return {"kind": "slots", "config": {"slots": list(names)}}


def instead(kind: str, default: Any) -> dict[str, Any]:
    return {"kind": kind, "on_error": {"default": default}}


SETTINGS = [
    (begun({"a": "nothing"}), "unknown_kind", "a", "No node is called `nothing`"),
    (begun({"a": plain("", version=2)}), "newer_version", "a", "version 2 of its node; this Canevas has 1"),
    (begun({"a": old(2, words=["x"])}), "blocked_migration", "a", "Words are one text now"),
    (begun({"a": old(1)}), "blocked_migration", "a", "KeyError('wrods')"),
    (begun({"a": old(2, words=5)}), "blocked_migration", "a", "AttributeError"),
    (begun({"a": "strict"}), "missing_value", "a.limit", "`limit` has no value"),
    (begun({"a": strict(limit=11)}), "bad_value", "a.limit", "it must be at most 10"),
    (begun({"a": strict(limit="many")}), "bad_value", "a.limit", "it must be a whole number"),
    (begun({"a": strict(mode="odd")}), "bad_value", "a.mode", "it must be one of `fast`, `slow`"),
    (begun({"a": strict(mode="slow", limit=9)}), "bad_settings", "a", "slow goes with at most 5"),
    (begun({"a": strict(x=[1])}), "bad_settings", "a", "AttributeError"),
    (begun({"a": strict(colour="red")}), "unknown_field", "a.colour", "no setting `colour`"),
    (begun({"a": labels("x", "{{ s.output }}")}), "fixed_setting", "a.labels", "`labels` makes the ports of the step"),
    (begun({"a": plain("{{ }}")}), "bad_expression", "a.text", "An expression is empty"),
    (begun({"a": plain("{{ s.output")}), "bad_expression", "a.text", "never closed"),
]
PORTS = [
    (begun({"a": labels("x", "x")}), "bad_port", "a", "called `x`"),
    (begun({"a": labels("no name")}), "bad_port", "a", "called `no name`"),
    (begun({"a": labels("error") | {"on_error": "port"}}), "bad_port", "a", "called `error`"),
    (begun({"a": slots("slots")}), "bad_port", "a", "called `slots`"),
    (begun({"a": slots("after")}), "bad_port", "a", "called `after`"),
]
STARTS = [
    (flow_of({}), "no_trigger", "", "no start"),
    (flow_of({"a": "plain"}), "no_trigger", "", "no start"),
    (flow_of({"s": "begin", "a": "plain"}), "unreachable", "a", "Nothing leads here"),
    (flow_of({"s": "begin", "a": "plain", "b": "plain"}, "a.output -> b"), "unreachable", "a", "never runs"),
]
TWO = {"a": "plain", "b": "plain"}
WIRES = [
    (begun({"a": labels("x")}, "s.output -> a.labels"), "edge_unknown_input", "a.labels", "goes into `labels`"),
    (begun(TWO, "s.output -> a", "s.output -> a"), "duplicate_edge", "a", "`s.output -> a` stands twice"),
    (begun(TWO, "s.output -> a", "x.output -> a"), "edge_unknown_step", "a", "does not exist: `x`"),
    (begun(TWO, "s.output -> x"), "edge_unknown_step", "", "does not exist: `x`"),
    (begun(TWO, "x.output -> y", "x.output -> y"), "edge_unknown_step", "", "does not exist: `x`"),
    (begun(TWO, "s.body -> a"), "edge_unknown_output", "s", "leaves from `body`, which the step does not have"),
    (begun(TWO, "s.error -> a"), "edge_unknown_output", "s", "It has: output"),
    (begun(TWO | {"e": "end"}, "e.output -> b"), "edge_unknown_output", "e", "It has: none"),
    (begun(TWO, "s.output -> a.words"), "edge_unknown_input", "a.words", "It has: text, after, value, values"),
    (begun({"t": "hook"}, "s.output -> t"), "edge_unknown_input", "t.after", "It has: none"),
    (begun({"t": "begin"}, "s.output -> t.greeting"), "edge_unknown_input", "t.greeting", "It has: none"),
    (begun({"a": "needs"}, "s.output -> a.number"), "type_mismatch", "a.number", "carries an object into a port that"),
    (begun({"a": "needs"}), "missing_wire", "a.number", "The input `number` needs a wire"),
]
DEFAULTS = [
    (begun({"a": instead("plain", [1])}), "bad_default", "a", "`output`: expected a text, got a list"),
    (begun({"a": instead("fork", {"up": 1})}), "bad_default", "a", "it names up, and the outputs are left, right"),
    (begun({"a": instead("fork", {"left": "x"})}), "bad_default", "a", "`left`: expected a number, got a text"),
]
REFERENCES = [
    (begun({"a": plain("{{ x.output }}")}), "unknown_step", "a.text", "refers to `x`, and no step is called that"),
    (begun({"a": plain("{{ s.body }}")}), "unknown_output", "a.text", "refers to `s.body`, which `s` does not give"),
    (begun({"a": plain("{{ s[0] }}")}), "unknown_output", "a.text", "refers to `s.0`"),
    (begun({"a": plain("{{ a.output }}")}), "self_reference", "a.text", "refers to the step itself"),
]
CIRCLES = [
    (begun({"a": "plain"}, "s.output -> a", "a.output -> a.value"), "cycle", "a", "wait for each other: a."),
    (begun({"b": "plain", "a": "plain"}, "a.output -> b", "b.output -> a"), "cycle", "b", "each other: b, a."),
    (begun({"a": plain("{{ b.output }}"), "b": "plain"}, "a.output -> b"), "cycle", "a", "each other: a, b."),
    (begun({"a": plain("{{ b.output }}"), "b": plain("{{ str(a.output) }}")}), "cycle", "a", "each other: a, b."),
]
FRAME = {"f": "frame", "i": {"kind": "plain", "within": "f"}, "o": "plain"}


def inside(where: str = "f", kind: str = "plain", **config: Any) -> dict[str, Any]:
    return {"kind": kind, "within": where, "config": config}


def framed(steps: dict[str, Any], *wires: str) -> Flow:
    """A flow with a frame `f`, a step `i` in it and a step `o` beside it."""
    return flow_of({"s": "begin", **FRAME, **steps}, "s.output -> f", "s.output -> o", *wires)


def result(text: str, **more: Any) -> dict[str, Any]:
    return {"kind": "frame", "config": {"result": text}, **more}


NESTED = [
    (framed({"i": inside("x")}), "no_container", "i", "inside `x`, and no step is called that"),
    (framed({"i": inside("o")}), "holds_no_steps", "i", "inside `o`, which holds no steps"),
    (framed({"i": inside("f.third")}), "no_body", "i", "stands in `third` of `f`"),
    (framed({"f": {"kind": "frame", "within": "f"}}), "in_one_another", "f", "in a circle"),
    (
        framed({"f": inside("g", "frame"), "g": inside("f", "frame")}),
        "in_one_another",
        "f",
        "inside `g`, which stands inside the step",
    ),
    (
        framed({f"n{n}": inside(f"n{n - 1}" if n else "f", "frame") for n in range(1_000)}),
        "too_deep_inside",
        "n100",
        "more than 100 others",
    ),
    (
        framed({f"n{n}": inside(f"n{n - 1}" if n else "f", "frame") for n in range(25)}),
        "deeper_than_limit",
        "n20",
        "more than 20 others, and the flow's limit `depth`",
    ),
    (framed({"i": inside(kind="hook")}), "start_inside", "i", "cannot stand inside `f`"),
    (framed({"i": inside(kind="end")}), "answer_inside", "i", "cannot stand inside `f`"),
    (framed({"f": {"kind": "frame", "retry": {"times": 1}}}), "retry_of_bodies", "f", "not tried again as a whole"),
    (
        begun({"c": {"kind": "call", "config": {"flow": "good"}, "retry": {"times": 1}}}),
        "retry_of_bodies",
        "c",
        "whole",
    ),
    (framed({}, "i.output -> o.value"), "crossing", "o", "leaves the inside of `f`"),
    (framed({"g": inside("f", "frame"), "d": inside("g")}, "d.output -> i.value"), "crossing", "i", "inside of `g`"),
    (framed({"g": inside("f", "frame"), "d": inside("g")}, "d.output -> f.result"), "crossing", "f", "inside of `g`"),
    (framed({"t": inside("f.second")}, "t.output -> i.value"), "crossing", "i", "leaves the inside of `f`"),
    (framed({"o": plain("{{ i.output }}")}), "out_of_sight", "o.text", "`i`, which stands inside `f`"),
    (framed({"t": inside("f.second", text="{{ i.output }}")}), "out_of_sight", "t.text", "only steps in there"),
    (framed({"f": {"kind": "frame", "config": {"text": "{{ i.output }}"}}}), "out_of_sight", "f.text", "`i`"),
    (framed({"t": inside("f.second"), "f": result("{{ t.output }}")}), "out_of_sight", "f.result", "`t`"),
    (framed({"o": plain("{{ f.item }}")}), "given_inside", "o.text", "which `f` gives only to steps inside it, in f."),
    (framed({"i": inside(text="{{ f.output }}")}), "unknown_output", "i.text", "It gives: item, number"),
    (framed({"t": inside("f.second", text="{{ f.item }}")}), "given_inside", "t.text", "which `f` gives only to steps"),
    (framed({"o": plain("{{ f.nothing }}")}), "unknown_output", "o.text", "It gives: output"),
    (framed({"t": inside("f.second", text="{{ f.nothing }}")}), "unknown_output", "t.text", "It gives: none"),
    (framed({"f": result("{{ f.output }}")}), "unknown_output", "f.result", "It gives: item, number"),
    (framed({"f": result("{{ x.y }}")}), "unknown_step", "f.result", "`x`"),
    (framed({"f": result("{{ }}")}), "bad_expression", "f.result", "is empty"),
    (framed({"f": {"kind": "frame", "config": {"text": "{{ f.output }}"}}}), "self_reference", "f.text", "itself"),
    (framed({}, "f.output -> i.value"), "edge_unknown_output", "f", "It has: item, number"),
    (framed({}, "f.item -> o.value"), "edge_unknown_output", "f", "It has: output"),
    (framed({}, "i.output -> f.value"), "edge_unknown_input", "f.value", "It has: result, more"),
    (framed({}, "i.output -> f"), "edge_unknown_input", "f.after", "It has: result, more"),
    (framed({}, "o.output -> f.result"), "edge_unknown_input", "f.result", "It has: text, after, value"),
    (
        framed({"n": inside("f", "needs")}, "f.number -> n.number", "n.output -> f.more"),
        "type_mismatch",
        "f.more",
        "list",
    ),
    (framed({}, "i.output -> i.value"), "cycle", "i", "each other: i."),
    (framed({"p": inside(text="{{ o.output }}")}, "f.output -> o.value"), "cycle", "f", "wait for each other"),
    (framed({"f": result("{{ o.output }}")}, "f.output -> o.value"), "cycle", "f", "wait for each other"),
    (framed({}, "o.output -> i.value", "f.output -> o.value"), "cycle", "f", "wait for each other"),
    (begun({"c": {"kind": "call", "config": {"flow": "nowhere"}}}), "unknown_flow", "c.flow", "`nowhere`"),
    (
        begun({"c": {"kind": "call", "config": {"flow": "good", "pinned": 9}}}),
        "unknown_version",
        "c.pinned",
        "no version 9",
    ),
    (
        begun({"c": {"kind": "call", "config": {"flow": "empty"}}}),
        "flow_without_start",
        "c.flow",
        "`Untitled` has no start",
    ),
]
LIBRARY = Library({FlowReference("empty"): flow_of({"a": "plain"}), FlowReference("good"): flow_of({"s": "begin"})})
BROKEN = [*SETTINGS, *PORTS, *STARTS, *WIRES, *DEFAULTS, *REFERENCES, *CIRCLES, *NESTED]


@pytest.mark.parametrize(("flow", "code", "place", "says"), BROKEN, ids=[f"{code}-{at}" for _, code, at, _ in BROKEN])
def test_broken_rule_is_told(flow: Flow, code: str, place: str, says: str) -> None:
    problems = check(flow, CATALOG, LIBRARY)
    found = {each.code: each for each in reversed(problems)}
    assert code in found, problems
    problem = found[code]
    assert ".".join(filter(None, (problem.step, problem.field))) == place
    assert says in problem.what
    assert problem.edge in ("", *(str(edge) for edge in flow.edges))
    if problem.severity == "error":
        with pytest.raises(BrokenFlow) as raised:
            compile_flow(flow, CATALOG, LIBRARY)
        assert raised.value.problems == errors(problems)
    else:
        assert compile_flow(flow, CATALOG, LIBRARY)


def test_every_rule_has_a_broken_flow() -> None:
    of_files = {"not_text", "too_large", "too_many_values", "too_deep", "not_yaml", "alias", "tag", "duplicate_key"}
    of_files |= {"not_a_flow", "no_format", "newer_format", "bad_document", "too_many_steps"}
    before_a_run = {"missing_secret", "model_not_ready"}
    assert {code for _, code, _, _ in BROKEN} == MESSAGES.keys() - of_files - before_a_run


@pytest.mark.parametrize(
    "flow",
    [
        begun({"a": "plain"}),
        begun({"a": plain("{{ s.output }} {{ s }}")}),
        flow_of({"s": "begin", "a": plain("{{ s.output.any.thing[0] }}")}),  # what is inside is only known in the run
        begun({"a": strict(limit="{{ s.output.n }}")}),  # computed: judged in the run
        begun({"a": strict(mode="slow", limit="{{ s.output.n }}")}),
        begun({"a": strict()}, "s.output -> a.x", "s.output -> a"),
        begun({"a": {"kind": "fork", "on_error": "port"}, "b": "plain"}, "s.output -> a.value", "a.error -> b.value"),
        begun({"a": labels("x", "y"), "b": "plain"}, "s.output -> a", "a.x -> b", "a.y -> b.value"),
        begun({"a": labels("error"), "b": "plain"}, "s.output -> a", "a.error -> b"),  # its own port, called error
        begun({"a": slots("x", "y"), "b": "plain"}, "b.output -> a.x", "b.output -> a.y"),
        begun({"a": old(2, words=" hi ")}),
        begun({"a": old(1, wrods="hi")}),
        begun({"a": instead("plain", 5)}),  # a number becomes text
        begun({"a": instead("fork", {"right": 5})}, "s.output -> a.value"),
        begun({"a": instead("end", [1])}),
        flow_of({"s": {"kind": "begin", "config": {"greeting": "{{ not.an.expression"}}}),  # nothing a start could read
        flow_of({"s": "begin", "feeds": "plain", "a": "plain"}, "s.output -> a", "feeds.output -> a.value"),
        framed({"f": result("{{ i.output }}{{ o.output }}{{ f.item }}")}, "f.item -> i.value"),
        framed({"n": inside("f", "needs")}, "f.number -> n.number", "n.output -> f.result", "i.output -> f.result"),
        framed(
            {"g": inside("f.second", "frame"), "d": inside("g.second", text="{{ o.output }}")}, "o.output -> d.value"
        ),
        framed({"g": inside("f", "frame"), "d": inside("g", text="{{ f.item }}{{ i.output }}{{ g.number }}")}),
        begun({"c": {"kind": "call", "config": {"flow": "good"}}}, "s.output -> c"),
    ],
)
def test_right_flow_has_no_problems(flow: Flow) -> None:
    problems = [each for each in check(flow, CATALOG, LIBRARY) if each.code != "missing_wire"]
    assert problems == []


def test_problems_come_in_the_order_of_the_steps() -> None:
    flow = flow_of({"z": "nothing", "b": plain("{{ }}"), "a": "nothing"}, "x.y -> z")
    problems = check(flow, CATALOG)
    assert [problem.step for problem in problems] == ["", "z", "z", "b", "a"]
    assert problems[0].code == "no_trigger"


def test_one_mistake_is_one_problem() -> None:
    newer = {"kind": "strict", "version": 9, "config": {"limit": 99, "colour": 1, "text": "{{ }}"}}
    assert [each.code for each in check(begun({"a": newer}), CATALOG)] == ["newer_version"]
    unknown = begun({"a": "nothing", "b": plain("{{ a.x }}")}, "a.out -> b.value", "s.output -> a.thing")
    assert [each.code for each in check(unknown, CATALOG)] == ["unknown_kind"]
    unknown = begun({"a": "nothing", "b": inside("a.x")}, "s.output -> a", "a.item -> b.value")
    assert [each.code for each in check(unknown, CATALOG)] == ["unknown_kind"]


def test_ten_thousand_steps_in_a_circle() -> None:
    names = [f"a{number}" for number in range(10_000)]
    steps = {"s": Step(kind="begin"), **{name: Step(kind="plain") for name in names}}
    edges = [Edge(one, "output", other) for one, other in zip(names, [*names[1:], names[0]], strict=True)]
    (problem,) = check(Flow(steps=steps, edges=(Edge("s", "output", "a0"), *edges)), CATALOG)
    assert problem.code == "cycle"
    assert problem.what.endswith("a6, a7 and 9992 more.")


@many
@given(raw=nearly_flows())
def test_no_flow_makes_it_raise(raw: Any) -> None:
    flow, _ = from_document(raw)
    if flow is None:
        return
    problems = check(flow, CATALOG)
    for problem in problems:
        assert all(5 < len(sentence) < 1500 for sentence in problem.say(lambda text: text))
        assert problem.step in flow.steps or not problem.step
        "".join((problem.what, problem.mend, problem.field, problem.edge)).encode()
    if errors(problems):
        with pytest.raises(BrokenFlow):
            compile_flow(flow, CATALOG)
    else:
        assert compile_flow(flow, CATALOG).flow is flow


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "none"),
        (["a"], "a"),
        (list("abcdefgh"), "a, b, c, d, e, f, g, h"),
        (list("abcdefghij"), "a, b, c, d, e, f, g, h and 2 more"),
    ],
)
def test_lists_of_names_are_short(names: list[str], text: str) -> None:
    assert listed(names) == text


# --- what a flow needs ---------------------------------------------------------------------------------------------


def test_secrets_and_models_that_a_flow_names() -> None:
    flow = begun({"a": strict(secret="crm", model="large"), "b": strict(secret="{{ s.output }}"), "c": strict()})
    reading = read_flow(flow, CATALOG)
    assert list(needs(reading, "secret")) == [("a", "secret", "crm")]
    assert [(step, name) for step, _, name in needs(reading, "model")] == [
        ("a", "large"),
        ("b", "builtin"),
        ("c", "builtin"),
    ]
    assert missing_secrets(reading, {"crm"}) == []
    (problem,) = missing_secrets(reading, set())
    assert str(problem) == "a: `secret` names the secret `crm`, which is not there. Add it in Settings."


def test_every_message_can_be_filled_and_translated() -> None:
    words = "size limit line detail key found known place count kind mend name source target port steps tag"
    words += " container version body inside"
    for code, (severity, what, mend) in MESSAGES.items():
        problem = Problem(code, "step", "field", "edge", dict.fromkeys(words.split(), "x"))
        assert severity in ("error", "warning")
        assert problem.say(lambda text: f"({text})") == (f"({problem.what})", f"({problem.mend})")
        assert "{" not in problem.what + problem.mend
        assert what.endswith((".", "}"))
        assert mend.endswith((".", "}"))
