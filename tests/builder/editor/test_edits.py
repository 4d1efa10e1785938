"""Every kind of edit: what it does, what it refuses, and that it can be taken back exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.editor.document import EditError
from builder.editor.edits import Add, Remove, Rename, Set, SetStep, apply, decode, encode, inverse
from builder.editor.flow_edits import Configure
from builder.editor.nest_edits import Nest
from builder.editor.wire_edits import Connect
from runtime.graph.flow import Flow, Running
from tests.builder.editor.documents import ANY_EDIT, broken, flow_of, nested, ordinary, written

TWO = flow_of(steps={"a": {"kind": "x"}, "b": {"kind": "y"}}, edges=["a.out -> b"], layout={"a": [0, 0], "b": [9, 9]})


def after(flow: Flow, raw: object) -> dict:
    return apply(flow, decode(raw)).model_dump()


CASES = {
    "add": (
        {"do": "add", "step": "c", "kind": "llm", "version": 3, "config": {"k": 1}, "at": [1, 2.5], "title": "C"},
        lambda f: (
            f["steps"]["c"] == {"kind": "llm", "version": 3, "title": "C", "config": {"k": 1}}
            and f["layout"]["c"] == (1.0, 2.5)
        ),
    ),
    "add first": (
        {"do": "add", "step": "c", "kind": "llm", "place": 0},
        lambda f: list(f["steps"]) == ["c", "a", "b"] and "c" not in f["layout"],
    ),
    "remove": (
        {"do": "remove", "steps": ["a"]},
        lambda f: list(f["steps"]) == ["b"] and "edges" not in f and list(f["layout"]) == ["b"],
    ),
    "move": ({"do": "move", "steps": {"a": [5, 6]}}, lambda f: f["layout"] == {"a": (5, 6), "b": (9, 9)}),
    "unplace": ({"do": "move", "steps": {"a": None}}, lambda f: f["layout"] == {"b": (9, 9)}),
    "connect": (
        {"do": "connect", "edges": ["b.out -> a.in"]},
        lambda f: f["edges"] == ("a.out -> b", "b.out -> a.in"),
    ),
    "disconnect": ({"do": "disconnect", "edges": ["a.out -> b"]}, lambda f: "edges" not in f),
    "add inside": (
        {"do": "add", "step": "c", "kind": "llm", "within": "a.catch", "at": [1, 2]},
        lambda f: f["steps"]["c"]["within"] == "a.catch" and f["layout"]["c"] == (1, 2),
    ),
    "move inside": (
        {"do": "nest", "steps": {"a": [1, 2]}, "within": "b.catch"},
        lambda f: f["steps"]["a"]["within"] == "b.catch" and f["layout"] == {"a": (1, 2), "b": (9, 9)},
    ),
    "paste": (
        {
            "do": "paste",
            "steps": [
                {"do": "add", "step": "a", "kind": "each", "at": [1, 2]},
                {"do": "add", "step": "in", "kind": "x", "within": "a.catch", "config": {"p": "{{ a.item + b.x }}"}},
            ],
            "names": {"a": "a_2", "in": "in_2"},
            "edges": ["a.item -> in.p"],
        },
        lambda f: (
            list(f["steps"]) == ["a", "b", "a_2", "in_2"]
            and f["steps"]["in_2"]
            == {"kind": "x", "version": 1, "within": "a_2.catch", "config": {"p": "{{ a_2.item + b.x }}"}}
            and f["edges"][-1] == "a_2.item -> in_2.p"
        ),
    ),
    "set": (
        {"do": "set", "step": "a", "field": "p", "value": [1]},
        lambda f: f["steps"]["a"]["config"] == {"p": [1]},
    ),
    "set to null": (
        {"do": "set", "step": "a", "field": "p", "value": None},
        lambda f: f["steps"]["a"]["config"] == {"p": None},
    ),
    "unset what is not set": ({"do": "unset", "step": "a", "field": "p"}, lambda f: f == TWO.model_dump()),
    "set_step": (
        {"do": "set_step", "step": "a", "title": "T", "retry": {"times": 2}, "timeout": 3, "on_error": {"default": 1}},
        lambda f: (
            f["steps"]["a"]
            == {
                "kind": "x",
                "version": 1,
                "title": "T",
                "retry": {"times": 2},
                "timeout": 3,
                "on_error": {"default": 1},
            }
        ),
    ),
    "rename": (
        {"do": "rename", "step": "a", "to": "z"},
        lambda f: list(f["steps"]) == ["z", "b"] and f["edges"] == ("z.out -> b",) and list(f["layout"]) == ["z", "b"],
    ),
    "describe": ({"do": "describe", "name": "N"}, lambda f: f["name"] == "N" and "description" not in f),
    "add_note": (
        {"do": "add_note", "note": "n", "text": "*hi*", "at": [1, 1]},
        lambda f: f["notes"]["n"] == {"text": "*hi*", "at": (1, 1)},
    ),
    "batch": (
        {"do": "batch", "edits": [{"do": "add", "step": "c", "kind": "q"}, {"do": "connect", "edges": ["b.o -> c"]}]},
        lambda f: f["edges"] == ("a.out -> b", "b.o -> c"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_edit_does_what_it_says(case: str) -> None:
    raw, holds = CASES[case]
    assert holds(after(TWO, raw))
    assert encode(decode(raw)) == encode(decode(encode(decode(raw))))


REFUSED = {
    "no object": ([1], "array"),
    "unknown verb": ({"do": "explode"}, "explode"),
    "unknown member": ({"do": "remove", "steps": ["a"], "force": True}, "force"),
    "missing member": ({"do": "rename", "step": "a"}, "to"),
    "wrong type": ({"do": "move", "steps": {"a": ["x", 1]}}, "float"),
    "batch in a batch": ({"do": "batch", "edits": [{"do": "batch", "edits": []}]}, "batch"),
    "too far": ({"do": "move", "steps": {"a": [1e9, 0]}}, "too far"),
    "not finite": ({"do": "move", "steps": {"a": [float("nan"), 0]}}, "float"),
    "no JSON": ({"do": "set", "step": "a", "field": "p", "value": object()}, "object"),
    "id taken": ({"do": "add", "step": "a", "kind": "x"}, "already"),
    "id no name": ({"do": "add", "step": "A b", "kind": "x"}, "cannot name"),
    "id a reserved word": ({"do": "rename", "step": "a", "to": "class"}, "cannot name"),
    "bad version": ({"do": "add", "step": "c", "kind": "x", "version": 0}, "at least 1"),
    "bad retry": ({"do": "set_step", "step": "a", "retry": {"times": 99}}, "20"),
    "bad on_error": ({"do": "set_step", "step": "a", "on_error": "explode"}, "fail"),
    "unknown step": ({"do": "set", "step": "q", "field": "p", "value": 1}, "no step"),
    "wire to nowhere": ({"do": "connect", "edges": ["a.out -> q"]}, "no step"),
    "wire twice": ({"do": "connect", "edges": ["a.out -> b"]}, "already"),
    "new wire twice": ({"do": "connect", "edges": ["a.x -> b", "a.x -> b"]}, "already"),
    "no wire": ({"do": "connect", "edges": ["a to b"]}, "no wire"),
    "wire is gone": ({"do": "disconnect", "edges": ["b.out -> a"]}, "no wire"),
    "note is gone": ({"do": "set_note", "note": "n", "text": ""}, "no note"),
    "into nothing": ({"do": "nest", "steps": {"a": None}, "within": "q"}, "no step"),
    "into itself": ({"do": "nest", "steps": {"a": None}, "within": "a.catch"}, "inside itself"),
    "into no name": ({"do": "nest", "steps": {"a": None}, "within": "a b"}, "within"),
    "a copy with the name of an original": (
        {"do": "paste", "steps": [{"do": "add", "step": "c", "kind": "x"}], "names": {"c": "d", "d": "c"}},
        "cannot be called",
    ),
    "a copy with a name that is taken": (
        {"do": "paste", "steps": [{"do": "add", "step": "c", "kind": "x"}], "names": {"c": "a"}},
        "already",
    ),
    "empty name": ({"do": "describe", "name": ""}, "must not be empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_edit_that_does_not_fit_is_refused_with_a_reason(case: str) -> None:
    raw, reason = REFUSED[case]
    with pytest.raises(EditError, match=reason):
        apply(TWO, decode(raw))


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: object = 1
    for _ in range(40):
        value = [value]
    with pytest.raises(EditError, match="nested"):
        apply(TWO, decode({"do": "set", "step": "a", "field": "p", "value": value}))
    for _ in range(100_000):
        value = [value]
    with pytest.raises(EditError):
        decode({"do": "set", "step": "a", "field": "p", "value": value})


def test_a_batch_happens_whole_or_not_at_all() -> None:
    batch = decode({"do": "batch", "edits": [{"do": "remove", "steps": ["a"]}, {"do": "remove", "steps": ["q"]}]})
    before = written(TWO)
    with pytest.raises(EditError):
        apply(TWO, batch)
    assert written(TWO) == before


def test_a_decoded_edit_shares_nothing_with_what_was_sent() -> None:
    raw = {"do": "set", "step": "a", "field": "p", "value": {"x": [1]}}
    flow = apply(TWO, decode(raw))
    raw["value"]["x"].append(2)  # type: ignore[index]
    assert flow.steps["a"].config["p"] == {"x": [1]}


def test_untouched_steps_keep_their_identity() -> None:
    flow = ordinary()
    changed = apply(flow, Set("ask", "limit", 6))
    assert changed.steps["start"] is flow.steps["start"]
    assert apply(flow, Connect(("start.message -> answer",))).steps is flow.steps


def test_a_frame_is_removed_with_its_inside_and_comes_back_with_it() -> None:
    flow, edit = nested(), Remove(("guard",))
    left = apply(flow, edit)
    assert list(left.steps) == list(left.layout) == ["start", "answer"]
    assert left.edges == ()
    assert written(apply(left, inverse(flow, edit))) == written(flow)


def test_the_inside_of_a_frame_follows_its_new_name() -> None:
    flow = apply(nested(), Rename("guard", "safe"))
    assert [step.within for step in flow.steps.values()] == ["", "", "safe", "each", "each", "safe.catch", ""]
    flow = apply(flow, Rename("each", "every"))
    assert flow.steps["ask"].config["prompt"] == "{{ every.item }} of {{ start.message }}"
    assert "every.item -> ask.context" in map(str, flow.edges)


def test_a_frame_does_not_go_into_what_stands_inside_it() -> None:
    with pytest.raises(EditError, match="inside itself"):
        apply(nested(), Nest({"guard": None}, "each"))


def test_removing_from_the_middle_and_back() -> None:
    flow = ordinary()
    edit = Remove(("ask",))
    assert "ask" not in written(apply(flow, edit)).replace("ask.output }}", "")
    assert written(apply(apply(flow, edit), inverse(flow, edit))) == written(flow)


def test_without_the_error_port_its_wires_go_and_come_back() -> None:
    flow = ordinary()
    edit = SetStep("ask", on_error="fail")
    changed = apply(flow, edit)
    assert [str(wire) for wire in changed.edges] == ["start.message -> ask", "ask.output -> answer.value"]
    assert written(apply(changed, inverse(flow, edit))) == written(flow)


def test_the_settings_of_a_flow_are_said_part_by_part() -> None:
    flow = apply(ordinary(), Configure(running={"durability": "step", "labels": ["gpu"]}, limits={"cost": 2.5}))
    assert (flow.running.durability, flow.running.labels, flow.limits.cost) == ("step", ("gpu",), 2.5)
    edit = Configure(running={"queue": "slow"})
    changed = apply(flow, edit)
    assert (changed.running, changed.limits) == (Running(queue="slow"), flow.limits)
    assert apply(changed, inverse(flow, edit)) == flow
    with pytest.raises(EditError, match="`queue`"):
        apply(flow, Configure(running={"queue": "Not a name"}))


def test_adding_a_step_that_wires_waited_for_and_back() -> None:
    flow = broken()
    edit = Add("ghost", "llm")
    assert written(apply(apply(flow, edit), inverse(flow, edit))) == written(flow)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from([ordinary, broken, nested]))
def test_undo_of_any_edits_restores_the_document_and_redo_gives_the_same_again(data: st.DataObject, make) -> None:
    flow = make()
    states, backs, done = [written(flow)], [], []
    for _ in range(data.draw(st.integers(1, 8))):
        edit = data.draw(ANY_EDIT)
        assert decode(encode(edit)) == edit
        try:
            after, back = apply(flow, edit), inverse(flow, edit)
        except EditError:
            assert written(flow) == states[-1]
            continue
        flow = after
        states.append(written(flow))
        backs.append(back)
        done.append(edit)
    for back, before in zip(reversed(backs), reversed(states[:-1]), strict=True):
        flow = apply(flow, decode(encode(back)))
        assert written(flow) == before
    for edit, after_it in zip(done, states[1:], strict=True):
        flow = apply(flow, edit)
        assert written(flow) == after_it
    assert Flow.model_validate(flow.model_dump(mode="json")) == flow
