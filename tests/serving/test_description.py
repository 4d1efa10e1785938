"""What is said of a flow's output before it runs: as much as is sure, and no more."""

import pytest

from runtime.serving.description import output_schema, output_statuses
from tests.serving.stage import CATALOG, CHAT, TYPED, flow, several


@pytest.mark.parametrize(
    ("answer", "start", "schema"),
    [
        ("plain text", TYPED, {"type": "string"}),
        (12, TYPED, {"type": "number"}),
        (["{{ start.name }}"], TYPED, {"type": "array"}),
        ("{{ start.name }}", TYPED, {"type": "string"}),
        ("{{ start.amount }}", TYPED, {"type": ["number", "null"]}),
        ("{{ start.customer }}", TYPED, {"type": ["object", "null"], "description": "Who asks."}),
        ("{{ start.customer.name }}", TYPED, {}),
        ("{{ len(start.name) }}", TYPED, {}),
        ("Hello {{ start.name }}", TYPED, {"type": "string"}),
        ({"n": "{{ start.name }}", "x": [1]}, TYPED, "object of n"),
        ("{{ start.history }}", CHAT, "array"),
        ("{{ held.output }}", TYPED, {"type": "string"}),
    ],
)
def test_what_a_flow_gives_is_known_as_far_as_it_can_be(answer, start, schema):
    found = output_schema(flow(answer, start=start, held={"kind": "held"}), CATALOG)
    if schema == "object of n":
        assert found["properties"]["n"] == {"type": "string"}
        assert found["required"] == ["n", "x"]
    elif schema == "array":
        assert found["type"] == "array"
    else:
        assert found == schema


def test_behind_a_branch_nothing_is_promised():
    branching = flow("{{ held.output }}", held={"kind": "held"}).model_dump()
    branching["steps"]["held"]["on_error"] = "port"
    made = type(flow()).model_validate(branching)
    assert output_schema(made, CATALOG) == {}
    assert output_schema(several(), CATALOG) == {}


def test_the_statuses_that_are_written_down_are_known():
    assert output_statuses(flow("x", status=201), CATALOG) == {201}
    assert output_statuses(flow("x"), CATALOG) == {200}
    assert output_statuses(flow("x", status="{{ start.text }}"), CATALOG) == {200}
