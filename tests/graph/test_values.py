"""What travels on a wire: which kind fits into which, what is JSON, and how a value becomes text."""

import enum
import json
import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.graph.values import (
    DEEPEST,
    Kind,
    NotJson,
    accepted,
    allows_null,
    as_text,
    describe,
    fits,
    flaw,
    kind_of,
    kind_of_annotation,
    plain,
    taker,
)
from tests.graph.documents import anything, json_values

A, T, N, B, L, O = Kind.ANY, Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.LIST, Kind.OBJECT  # noqa: E741


@pytest.mark.parametrize(
    ("target", "sources"),
    [(A, {A, T, N, B, L, O}), (T, {A, T, N, B}), (N, {A, N}), (B, {A, B}), (L, {A, L}), (O, {A, O})],
)
def test_what_fits_into_what(target: Kind, sources: set[Kind]) -> None:
    assert set(accepted(target)) == sources
    assert {kind for kind in Kind if fits(kind, target)} == sources


class Row(TypedDict):
    name: str


class Color(enum.StrEnum):
    RED = "red"


class Point(NamedTuple):
    x: int


@dataclass
class Thing:
    x: int


@pytest.mark.parametrize(
    ("annotation", "kind", "null"),
    [
        (str, T, False), (int, N, False), (float, N, False), (bool, B, False), (list, L, False), (dict, O, False),
        (list[str], L, False), (dict[str, Any], O, False), (tuple[int, ...], L, False), (Row, O, False),
        (Any, A, False), (object, A, False), (None, A, False), (Thing, A, False), (Color, T, False),
        (str | None, T, True), (int | float, N, False), (str | int, A, False), (list[int] | None, L, True),
        (Literal["a", "b"], T, False), (Literal["a", 1], A, False), (Literal[True, False], B, False),
        (Annotated[str, "help"], T, False), (Annotated[int | None, "help"], N, True),
    ],
)  # fmt: skip
def test_kind_of_an_annotation(annotation: Any, kind: Kind, null: bool) -> None:
    assert kind_of_annotation(annotation) == kind
    assert allows_null(annotation) is null


def bottomless(depth: int) -> Any:
    value: Any = "end"
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1, 2**63, -(2**70), 10**4299, 1.5, -0.0, 1e308, 5e-324, "", "é", "😀", "\x00", "\ufeff",
        [], {}, [[]], {"": None}, [1, [2, {"a": [3.5, None, False]}]], bottomless(DEEPEST), [bottomless(99)] * 500,
    ],
    ids=lambda value: f"{value}"[:20] if not isinstance(value, int) else "number",
)  # fmt: skip
def test_json_values_pass_as_they_are(value: Any) -> None:
    assert plain(value) == value
    assert type(plain(value)) is type(value)
    assert flaw(value) == ""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (math.nan, "it is not a finite number"),
        ([math.inf], "`[0]` is not a finite number"),
        ("\ud800", "it holds half a character (a lone surrogate)"),
        ({"a": {"b": ["x", "\udfff"]}}, "`a.b[1]` holds half a character (a lone surrogate)"),
        ({"\ud800": 1}, "it has a key that is not a text"),
        ({1: 1}, "it has a key that is not a text"),
        ([{None: 1}], "`[0]` has a key that is not a text"),
        (10**5000, "it has too many digits"),
        ({"n": [10**5000]}, "`n[0]` has too many digits"),
        ((1,), "it is a Python tuple, not JSON"),
        ([{"a": (1,)}], "`[0].a` is a Python tuple, not JSON"),
        ({1}, "it is a Python set, not JSON"),
        (Point(1), "it is a Python Point, not JSON"),
        ([Thing(1)], "`[0]` is a Python Thing, not JSON"),
        (Color.RED, "it is a Python Color, not JSON"),
        (b"", "it is a Python bytes, not JSON"),
        (object, "it is a Python type, not JSON"),
        (bottomless(DEEPEST + 1), "is nested too deeply"),
        (bottomless(100_000), "is nested too deeply"),
        ([LOOP], "is nested too deeply"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else "",
)
def test_what_is_not_json_is_refused_with_its_place(value: Any, why: str) -> None:
    with pytest.raises(NotJson) as refused:
        plain(value)
    assert str(refused.value).endswith(why)
    assert flaw(value) == str(refused.value)
    assert len(str(refused.value)) < 200


@given(value=json_values)
def test_every_json_value_passes(value: Any) -> None:
    assert plain(value) == value == json.loads(json.dumps(plain(value)))
    assert flaw(value) == ""


@given(value=anything)
def test_fast_and_slow_judge_agree(value: Any) -> None:
    if reason := flaw(value):
        with pytest.raises(NotJson, match=f"^{re.escape(reason)}$"):
            plain(value)
    else:
        assert plain(value) == value


def test_lists_and_objects_are_copied() -> None:
    given = {"list": [1]}
    made = plain(given)
    given["list"].append(2)
    assert made == {"list": [1]}


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", "1", [1], {"a": 1}])
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("nullable", [True, False])
def test_port_accepts_what_fits_its_kind(value: Any, kind: Kind, nullable: bool) -> None:
    take = taker(kind, nullable)
    if kind is A or (value is None and nullable) or (value is not None and fits(kind_of(value), kind)):
        assert take(value) == (as_text(value) if kind is T and value is not None else value)
    else:
        with pytest.raises(NotJson, match=f"expected {kind.phrase}, got {describe(value)}"):
            take(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", "é"), (None, ""), (True, "true"), (False, "false"), (3, "3"), (3.0, "3.0"), (0.1, "0.1"), (1e22, "1e22"),
        ([1, "é", None], '[1,"é",null]'), ({"a": {"b": True}}, '{"a":{"b":true}}'), ([], "[]"),
    ],
)  # fmt: skip
def test_value_inside_a_text(value: Any, text: str) -> None:
    assert as_text(value) == text


@given(value=st.one_of(st.lists(json_values), st.dictionaries(st.text(max_size=3), json_values)))
def test_lists_and_objects_in_a_text_are_json(value: Any) -> None:
    assert json.loads(as_text(value)) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        ("private", "a text"),
        (5, "a number"),
        (True, "true or false"),
        ([1], "a list"),
        ({}, "an object"),
        ({1}, "a Python set"),
    ],
)
def test_description_never_shows_the_value(value: Any, words: str) -> None:
    assert describe(value) == words
