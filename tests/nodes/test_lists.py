"""Filter, split and aggregate: what the samples of the contract do not say."""

from typing import Any

import pytest

from nodes.lists import Aggregate, Condition, Filter, Split, part
from runtime.interpreter.services import Services
from tests.nodes.running import Failed, run_node

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERS = [
    {"city": "Lyon", "price": 20, "tags": ["new"]},
    {"city": "paris", "price": 3.5, "tags": []},
    {"city": "Lyon", "price": None},
    {"city": "Nice", "price": "7"},
]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": [{"b": 1}]}),
        ("a", [{"b": 1}]),
        ("a.0.b", 1),
        ("a.1", None),
        ("a.x", None),
        ("x.y", None),
        ("a.0.b.c", None),
    ],
)
async def test_part_of_an_item(path: str, found: Any) -> None:
    assert part({"a": [{"b": 1}]}, path) == found


@pytest.mark.parametrize(
    ("value", "test", "wanted", "holds"),
    [
        ("Paris", "equals", "paris", True),
        (3, "equals", "3.0", True),
        ("3", "equals", "3", True),
        (True, "equals", "true", True),
        (None, "equals", "", True),
        (0, "equals", "", False),
        (3, "differs", "4", True),
        ("Grand Paris", "contains", "paris", True),
        (["Paris", 3], "contains", "3", True),
        (["Parish"], "contains", "paris", False),
        ({"city": 1}, "contains", "city", True),
        (None, "contains", "x", False),
        (10, "more_than", "9", True),
        ("10", "more_than", "9", True),
        ("b", "more_than", "A", True),
        ("2027-02-01", "at_least", "2027-01-31", True),
        (9, "at_least", "9", True),
        (9, "at_most", "9", True),
        (9, "less_than", "9", False),
        (8.5, "less_than", "9", True),
        (9, "more_than", "a", False),
        (None, "less_than", "9", False),
        ("nan", "less_than", "9", False),
        (0, "filled", "", True),
        ("", "filled", "", False),
        ([], "empty", "", True),
        (None, "empty", "", True),
        (False, "empty", "", False),
    ],
)
async def test_condition(value: Any, test: str, wanted: str, holds: bool) -> None:
    assert Condition(test=test, value=wanted).holds(value) is holds


@pytest.mark.parametrize(("match", "kept"), [("all", 1), ("any", 3)])
async def test_filter_asks_for_all_or_any(real: Services, match: str, kept: int) -> None:
    conditions = [
        {"field": "city", "value": "lyon"},
        {"field": "price", "test": "more_than", "value": "5"},
    ]
    output = await run_node(real, Filter, {"items": ORDERS, "conditions": conditions, "match": match})
    assert len(output["kept"]) == kept
    assert len(output["others"]) == len(ORDERS) - kept


@pytest.mark.parametrize(
    ("config", "pieces"),
    [
        ({"value": "a\n\n b \nc"}, ["a", "b", "c"]),
        ({"value": " two  words ", "separator": ""}, ["two", "words"]),
        ({"value": ""}, []),
        ({"value": [1, 2, 3], "size": 2}, [[1, 2], [3]]),
        ({"value": [1, 2]}, [1, 2]),
        ({"value": [], "size": 5}, []),
    ],
)
async def test_split(real: Services, config: dict[str, Any], pieces: list[Any]) -> None:
    assert await run_node(real, Split, config) == {"output": pieces}


@pytest.mark.parametrize("value", [3, None, {"a": 1}])
async def test_split_says_what_it_cannot_split(real: Services, value: Any) -> None:
    with pytest.raises(Failed, match="Only a text or a list can be split"):
        await run_node(real, Split, {"value": value})


@pytest.mark.parametrize(
    ("how", "field", "output"),
    [
        ("count", "", 4),
        ("count", "price", 3),
        ("sum", "price", 30.5),
        ("mean", "price", 30.5 / 3),
        ("min", "price", 3.5),
        ("max", "price", 20),
        ("first", "city", "Lyon"),
        ("last", "price", "7"),
        ("join", "city", "Lyon\nparis\nLyon\nNice"),
        ("unique", "city", [ORDERS[0], ORDERS[1], ORDERS[3]]),
        ("sort", "city", [ORDERS[0], ORDERS[2], ORDERS[3], ORDERS[1]]),
        ("sort", "price", [ORDERS[1], ORDERS[3], ORDERS[0], ORDERS[2]]),
        ("sort_down", "price", [ORDERS[0], ORDERS[3], ORDERS[1], ORDERS[2]]),
        ("group", "city", {"Lyon": [ORDERS[0], ORDERS[2]], "paris": [ORDERS[1]], "Nice": [ORDERS[3]]}),
    ],
)
async def test_aggregate(real: Services, how: str, field: str, output: Any) -> None:
    assert await run_node(real, Aggregate, {"items": ORDERS, "how": how, "field": field}) == {"output": output}


@pytest.mark.parametrize(
    ("how", "output"),
    [
        ("count", 0),
        ("sum", 0),
        ("mean", None),
        ("min", None),
        ("first", None),
        ("join", ""),
        ("sort", []),
        ("group", {}),
    ],
)
async def test_aggregate_of_nothing(real: Services, how: str, output: Any) -> None:
    assert await run_node(real, Aggregate, {"items": [], "how": how}) == {"output": output}


async def test_aggregate_says_which_item_is_no_number(real: Services) -> None:
    with pytest.raises(Failed, match="The value of item 1 is a text, not a number"):
        await run_node(real, Aggregate, {"items": [1, "one"], "how": "sum"})


async def test_unique_tells_a_text_from_a_number(real: Services) -> None:
    items = [1, 1.0, True, "1", None, None, {"a": 1}, {"a": 1}, [1], [1]]
    found = (await run_node(real, Aggregate, {"items": items, "how": "unique"}))["output"]
    assert found == [1, True, "1", None, {"a": 1}, [1]]
    assert [type(value) for value in found[:3]] == [int, bool, str]
