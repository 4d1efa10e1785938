"""The quick check and the real validator agree, and what does not fit is told by field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nodes.triggers import ApiStart, ChatStart
from runtime.graph.schemas import Schema, pointer

TYPES = ["string", "number", "integer", "boolean", "array", "object"]
NAMES = st.sampled_from(["a", "b", "c", "/", "~", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def flat_schemas(draw) -> dict[str, Any]:
    fields = draw(st.dictionaries(NAMES, st.sampled_from(TYPES), max_size=4))
    return {
        "type": "object",
        "properties": {name: {"type": kind, "description": "x"} for name, kind in fields.items()},
        "required": draw(st.lists(NAMES, unique=True, max_size=2)),
        "additionalProperties": draw(st.booleans()),
    }


@given(flat_schemas(), VALUES | st.dictionaries(NAMES, VALUES, max_size=4))
def test_the_schema_decides_as_the_standard_says(document, value):
    misfits = Schema(document).misfits(value)
    assert (not misfits) == Draft202012Validator(document).is_valid(value)
    assert all(error.detail for error in misfits)


@pytest.mark.parametrize(
    ("document", "value", "field"),
    [
        ({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}, {"a": 1}, "/a"),
        ({"type": "object", "properties": {"a": {"minLength": 2}}}, {"a": "x"}, "/a"),
        ({"type": "array", "items": {"type": "integer"}}, [1, "x"], "/1"),
        ({"enum": ["a"]}, "b", ""),
        (False, 1, ""),
    ],
)
def test_schemas_that_are_not_flat_are_judged_too(document, value, field):
    assert Schema(document if isinstance(document, dict) else {"not": {}}).misfits(value)[0].field == field


def test_every_start_of_the_catalog_has_a_schema_that_its_inputs_fit():
    assert not Schema(ApiStart().accepts()).misfits({"text": "x"})
    assert not Schema(ChatStart().accepts()).misfits({"message": "x", "history": [{"role": "user", "text": ""}]})


def test_a_reference_elsewhere_is_never_fetched():
    with pytest.raises(Exception, match="9/schema"):
        Schema({"$ref": "http://127.0.0.1:9/schema"}).misfits({})


def test_pointers_escape():
    assert pointer(["a/b", "~", 0, ""]) == "/a~1b/~0/0/"
