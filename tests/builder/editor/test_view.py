"""What the canvas draws, and that two views and the changes between them agree."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.editor.document import EditError
from builder.editor.edits import Remove, Set, apply
from builder.editor.view import FlowView, changes, plain, view
from builder.editor.wire_edits import Connect, Disconnect
from runtime.graph.check import check_reading
from runtime.graph.flow import Flow
from runtime.graph.reading import read_flow
from tests.builder.editor.documents import ANY_EDIT, broken, flow_of, nested, ordinary
from tests.builder.editor.nodes import CATALOG


def drawn(flow: Flow) -> FlowView:
    reading = read_flow(flow, CATALOG)
    return view(reading, check_reading(reading))


def support() -> Flow:
    return flow_of(
        steps={
            "start": {"kind": "start"},
            "route": {"kind": "route", "config": {"value": "{{ start.message }}", "branches": ["order", "other"]}},
            "ask": {"kind": "llm", "version": 2, "config": {"prompt": "Hi\nthere"}, "on_error": "port"},
            "mystery": {"kind": "not.here", "config": {"x": 1}},
            "answer": {"kind": "answer", "config": {"value": "{{ ask.output }}"}},
        },
        edges=[
            "start.message -> ask.context",
            "start.message -> ask.prompt",
            "route.order -> ask",
            "route.gone -> mystery.a",
            "mystery.b -> answer",
            "ask.output -> answer.nowhere",
        ],
        layout={"start": [0, 0], "route": [300, 0], "ask": [600, 0], "mystery": [600, 200], "answer": [900, 0]},
    )


def names(ports: Any) -> list[str]:
    return [port.name for port in ports]


def test_a_card_says_what_the_step_is() -> None:
    steps = drawn(support()).steps
    assert list(steps) == ["start", "route", "ask", "mystery", "answer"]
    ask = steps["ask"]
    assert (ask.label, ask.icon, ask.group, ask.at) == ("LLM", "sparkles", "llm", (600.0, 0.0))
    assert names(ask.outputs) == ["output", "error"]
    assert ask.inputs[0].kind == "text"
    assert ask.entry
    assert not steps["start"].entry


def test_outputs_follow_the_settings() -> None:
    assert names(drawn(support()).steps["route"].outputs) == ["order", "other", "gone"]
    changed = apply(support(), Set("route", "branches", ["gone"]))
    assert names(drawn(changed).steps["route"].outputs) == ["gone", "order"]


def test_a_wire_into_a_setting_shows_it_as_a_port_and_a_lost_port_is_marked() -> None:
    steps = drawn(support()).steps
    assert [(p.name, p.setting, p.lost) for p in steps["ask"].inputs] == [
        ("context", False, False),
        ("prompt", True, False),
    ]
    assert [(p.name, p.lost) for p in steps["answer"].inputs] == [("nowhere", True)]
    assert steps["route"].outputs[-1].lost


def test_an_unknown_kind_keeps_its_wires() -> None:
    whole = drawn(support())
    mystery = whole.steps["mystery"]
    assert not mystery.known
    assert (mystery.label, names(mystery.inputs), names(mystery.outputs)) == ("not.here", ["a"], ["b"])
    assert mystery.config == {"x": 1}
    assert {"route.gone -> mystery.a", "mystery.b -> answer"} <= set(whole.wires)


def test_a_reference_is_a_line_unless_a_wire_says_it_already() -> None:
    lines = [wire for wire in drawn(support()).wires.values() if wire.reference]
    assert [(line.source, line.output, line.target) for line in lines] == [("start", "message", "route")]


def test_problems_stand_at_their_step_and_the_others_at_the_flow() -> None:
    whole = drawn(support())
    assert [p.values["kind"] for p in whole.steps["mystery"].problems] == ["not.here"]
    lost = whole.steps["answer"].problems
    assert any(p.edge == "ask.output -> answer.nowhere" and p.field == "nowhere" for p in lost)
    assert [p.what for p in drawn(flow_of()).problems] == ["The flow has no start."]
    assert all(p.what.format(**p.values) for step in whole.steps.values() for p in step.problems)


def test_a_node_that_cannot_say_its_line_shows_none() -> None:
    flow = flow_of(steps={"ask": {"kind": "llm", "version": 2, "config": {"prompt": 7}}})
    assert drawn(flow).steps["ask"].summary == ""
    assert drawn(support()).steps["ask"].summary == "builtin: Hi"


def test_a_step_says_where_it_stands_and_a_frame_what_goes_on_inside() -> None:
    steps = drawn(nested()).steps
    assert (steps["mend"].parent, steps["mend"].body) == ("guard", "catch")
    assert (steps["each"].parent, steps["each"].body) == ("guard", "try")
    body = steps["each"].bodies[0]
    assert (names(body.gives), names(body.takes)) == (["item", "index"], ["result"])
    assert names(steps["each"].outputs) == ["output"]
    assert [body.name for body in steps["guard"].bodies] == ["try", "catch"]


def test_lost_ports_inside_a_frame_are_marked() -> None:
    flow = apply(nested(), Connect(("each.gone -> total", "total.text -> each.nowhere")))
    body = drawn(flow).steps["each"].bodies[0]
    assert [(p.name, p.lost) for p in body.gives] == [("item", False), ("index", False), ("gone", True)]
    assert [(p.name, p.lost) for p in body.takes] == [("result", False), ("nowhere", True)]


def test_what_is_read_inside_is_a_line_from_where_it_comes() -> None:
    flow = apply(nested(), Disconnect(("each.item -> ask.context", "ask.output -> each.result")))
    flow = apply(flow, Set("each", "result", "{{ ask.output }}"))
    lines = {(w.source, w.output, w.target, w.port) for w in drawn(flow).wires.values() if w.reference}
    assert ("each", "item", "ask", "after") in lines
    assert ("ask", "output", "each", "result") in lines
    assert ("start", "message", "ask", "after") in lines


def test_moving_one_step_changes_one_step() -> None:
    flow = support()
    moved = flow.model_copy(update={"layout": {**flow.layout, "ask": (1.0, 2.0)}})
    assert list(changes(drawn(flow), drawn(moved))) == ["steps"]
    assert list(changes(drawn(flow), drawn(moved))["steps"]) == ["ask"]


def test_removing_a_step_says_what_is_gone() -> None:
    found = changes(drawn(support()), drawn(apply(support(), Remove(("mystery",)))))
    assert found["steps"]["mystery"] is None
    assert found["wires"] == {"route.gone -> mystery.a": None, "mystery.b -> answer": None}
    assert found["order"] == ["start", "route", "ask", "answer"]


def patched(before: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """What the browser does with changes."""
    after = {
        **before,
        **{k: v for k, v in change.items() if k in ("name", "description", "problems", "running", "limits")},
    }
    for name in ("steps", "wires", "notes"):
        merged = {**before[name], **change.get(name, {})}
        after[name] = {key: value for key, value in merged.items() if value is not None}
    if "order" in change:
        after["steps"] = {name: after["steps"][name] for name in change["order"]}
    return after


@settings(max_examples=150, deadline=None)
@given(st.lists(ANY_EDIT, min_size=1, max_size=5), st.sampled_from([ordinary, broken, nested, support]))
def test_a_view_with_the_changes_is_the_next_view(edits: list[Any], make: Any) -> None:
    flow = make()
    before = drawn(flow)
    for edit in edits:
        try:
            flow = apply(flow, edit)
        except EditError:
            continue
    after = drawn(flow)
    result = patched(plain(before), changes(before, after))
    assert result == plain(after)
    assert list(result["steps"]) == list(plain(after)["steps"])
