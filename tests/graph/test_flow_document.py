"""The document: wires, ids, and what of a flow is written down."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runtime.graph.flow import DEEPEST_SETTING, RESERVED, Default, Edge, Flow, Note, Step, free_id, is_port_name
from tests.graph.documents import ids, ports


@pytest.mark.parametrize(
    ("text", "edge"),
    [
        ("a.out -> b.in", Edge("a", "out", "b", "in")),
        ("a.out -> b", Edge("a", "out", "b", "after")),
        ("  a.out->b.in  ", Edge("a", "out", "b", "in")),
        ("a_1.Out_2 -> b_2.if", Edge("a_1", "Out_2", "b_2", "if")),
    ],
)
def test_wire_is_read(text: str, edge: Edge) -> None:
    assert Edge.parse(text) == edge
    assert Edge.parse(edge) is edge


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a -> b",
        "a.out",
        "a.out -> ",
        "a.out -> b.in.more",
        "a.out - > b",
        "A.out -> b",
        "a.é -> b",
        "a.b -> c\n.d",
        5,
        None,
        {},
    ],
)
def test_what_is_no_wire_is_told_the_form(text: object) -> None:
    with pytest.raises(ValueError, match=r"write `step.output -> step.input`"):
        Edge.parse(text)


@given(st.builds(Edge, ids, ports, ids, ports))
def test_wire_is_written_as_it_is_read(edge: Edge) -> None:
    assert Edge.parse(str(edge)) == edge
    assert str(edge).endswith(f" -> {edge.target}") == (edge.port == "after")
    assert is_port_name(edge.output)


@pytest.mark.parametrize(
    ("kind", "taken", "name"),
    [
        ("classify", [], "classify"),
        ("classify", ["classify"], "classify_2"),
        ("classify", ["classify", "classify_2", "classify_4"], "classify_3"),
        ("if", [], "if_1"),
        ("if", ["if_1"], "if_2"),
        ("Acme.Send Mail!", [], "send_mail"),
        ("2fa", [], "step_2fa"),
        ("___", [], "step"),
        ("été", [], "t"),
        ("x" * 100, [], "x" * 50),
    ],
)
def test_new_steps_get_ids_that_people_can_read(kind: str, taken: list[str], name: str) -> None:
    assert free_id(kind, taken) == name


@given(kind=st.text(), taken=st.lists(st.sampled_from(["a", "a_2", "if", "if_1", "step"])))
def test_new_ids_are_free_and_lawful(kind: str, taken: list[str]) -> None:
    name = free_id(kind, taken)
    assert name not in taken
    assert name not in RESERVED
    assert Flow(steps={name: Step(kind="x")}).steps


def test_only_what_differs_from_the_default_is_written() -> None:
    assert Flow().model_dump(mode="json") == {"canevas": 1, "name": "Untitled", "steps": {}}
    assert Step(kind="x").model_dump(mode="json") == {"kind": "x", "version": 1}
    assert Step(kind="x", on_error=Default(default=None)).model_dump(mode="json") == {
        "kind": "x",
        "version": 1,
        "on_error": {"default": None},
    }
    assert Note(text="").model_dump(mode="json") == {"text": ""}


def test_documents_do_not_change() -> None:
    flow = Flow(steps={"a": Step(kind="x", title="Ask Zoé")})
    with pytest.raises(ValidationError):
        flow.name = "other"  # type: ignore[misc]
    assert (flow.title("a"), Flow(steps={"a": Step(kind="x")}).title("a")) == ("Ask Zoé", "a")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_settings_are_json_of_a_bearable_depth() -> None:
    assert Step(kind="x", config={"a": nested(DEEPEST_SETTING - 1)})
    assert Step(kind="x", on_error=Default(default=nested(DEEPEST_SETTING)))
    for wrong in (nested(DEEPEST_SETTING), {1}, float("nan"), (1, 2), {1: 2}, "\ud800", object()):
        with pytest.raises(ValidationError):
            Step(kind="x", config={"a": wrong})
    for wrong in (nested(DEEPEST_SETTING + 1), {1}, float("inf")):
        with pytest.raises(ValidationError):
            Default(default=wrong)
