"""Values, texts and branches: what the samples of the contract do not say."""

import pytest
from pydantic import ValidationError

from nodes.data import JoinTexts, SetValues
from nodes.logic import Answer, Switch, holds
from runtime.graph.values import Kind
from runtime.interpreter.services import Services
from tests.nodes.running import run_node

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_set_values_knows_the_kinds_of_what_is_written_down() -> None:
    node = SetValues(
        values={"text": "a", "number": 1.5, "yes": True, "list": [], "object": {}, "null": None, "camelCase": 1}
    )
    assert {port.name: port.kind for port in node.outputs()} == {
        "text": Kind.TEXT,
        "number": Kind.NUMBER,
        "yes": Kind.BOOLEAN,
        "list": Kind.LIST,
        "object": Kind.OBJECT,
        "null": Kind.ANY,
        "camelCase": Kind.NUMBER,
    }


async def test_set_values_does_not_guess_what_is_computed() -> None:
    node = SetValues.model_construct(values={"a": "{{ start.x }}", "b": ["{{ start.y }}"], "c": r"\{{ plain }}"})
    assert [port.kind for port in node.outputs()] == [Kind.ANY, Kind.ANY, Kind.TEXT]


@pytest.mark.parametrize(
    ("texts", "joined"),
    [([], ""), (["a"], "a"), (["a", "", "  ", "b"], "a\n\nb"), ([1, True], "1\n\ntrue")],
)
async def test_join_texts(real: Services, texts: list, joined: str) -> None:
    assert await run_node(real, JoinTexts, {}, {"texts": texts}) == {"output": joined}


@pytest.mark.parametrize("value", [True, 1, -0.5, "a", "true", "0", "no", [0], {"a": None}])
async def test_condition_holds(value: object) -> None:
    assert holds(value)


@pytest.mark.parametrize("value", [False, 0, 0.0, "", "  ", "false", " False\n", None, [], {}])
async def test_condition_does_not_hold(value: object) -> None:
    assert not holds(value)


@pytest.mark.parametrize(
    ("value", "branch"),
    [
        ("fr", "fr"),
        (" FR ", "fr"),
        ("Français", "fr_long"),
        ("FRANÇAIS", "fr_long"),
        (3, "three"),
        (True, "yes"),
        (3.0, "three"),
        ("", "default"),
        (None, "default"),
        ({"a": 1}, "an_object"),
    ],
)
async def test_switch_compares_as_people_read(real: Services, value: object, branch: str) -> None:
    cases = [
        {"name": "fr"},
        {"name": "fr_long", "equals": "français"},
        {"name": "three", "equals": "3"},
        {"name": "yes", "equals": "true"},
        {"name": "an_object", "equals": '{"a":1}'},
    ]
    assert await run_node(real, Switch, {"value": value, "cases": cases}) == {branch: value}


async def test_first_of_two_equal_cases_is_taken(real: Services) -> None:
    cases = [{"name": "one", "equals": "x"}, {"name": "two", "equals": "X"}]
    assert await run_node(real, Switch, {"value": "x", "cases": cases}) == {"one": "x"}


@pytest.mark.parametrize("status", [199, 600, 100, "ok"])
async def test_answer_refuses_what_is_no_final_status(status: object) -> None:
    with pytest.raises(ValidationError):
        Answer(value=1, status=status)
