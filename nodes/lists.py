"""Nodes that work on lists: keep some of the items, cut into batches, make one value of many."""

import math
from typing import Annotated, Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from nodes.data import first_line
from runtime.errors import AuthorError
from runtime.graph.fields import Expression, Items, Multiline
from runtime.graph.node import Node
from runtime.graph.values import Kind, as_text, describe, kind_of

_NOTHING: tuple[Any, ...] = (None, "", [], {})


def part(item: Any, path: str) -> Any:
    """What an item holds at a path such as `customer.city` or `tags.0`, null when nothing; itself for no path."""
    for key in path.split(".") if path else ():
        if type(item) is dict:
            item = item.get(key)
        elif type(item) is list and key.isdecimal() and int(key) < len(item):
            item = item[int(key)]
        else:
            return None
    return item


def number(value: Any) -> int | float | None:
    """The number that a value is, or that a text says."""
    if type(value) is str:
        try:
            value = int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
        except ValueError:
            return None
    return value if type(value) in (int, float) and math.isfinite(value) else None


def rank(value: Any) -> tuple[int, Any]:
    """What values are sorted by: numbers first, then texts without regard to capitals, then the rest."""
    found = number(value)
    return (0, found) if found is not None else (1 if type(value) is str else 2, as_text(value).casefold())


class Condition(BaseModel):
    """One thing that must hold for an item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str = Field("", title="Field", description="Such as price or customer.city; empty: the item itself.")
    test: Literal[
        "equals", "differs", "contains", "more_than", "at_least", "less_than", "at_most", "filled", "empty"
    ] = Field("equals", title="Test", description="Texts that say a number count as one; capitals do not matter.")
    value: str = Field("", title="Value", description="What it is compared with.")

    def holds(self, item: Any) -> bool:
        """Whether it holds for an item."""
        found = part(item, self.field)
        (kind, mine), (other_kind, other) = rank(found), rank(self.value)
        match self.test:
            case "equals":
                return bool(mine == other)
            case "differs":
                return bool(mine != other)
            case "contains" if type(found) in (list, dict):
                return any(rank(each)[1] == other for each in found)
            case "contains":
                return self.value.casefold() in as_text(found).casefold()
            case "filled":
                return found not in _NOTHING
            case "empty":
                return found in _NOTHING
        if kind != other_kind:
            return False  # a text is neither more nor less than a number, and nothing is not zero
        return bool(
            {"more_than": mine > other, "at_least": mine >= other, "less_than": mine < other}.get(
                self.test, mine <= other
            )
        )


class Sifted(TypedDict):
    """The two heaps."""

    kept: Annotated[list[Any], "The items for which it holds, in their order."]
    others: Annotated[list[Any], "The rest, in their order."]


class Filter(Node, icon="filter"):
    """Keeps the items of a list for which conditions hold, and gives the others, too."""

    items: Items = Field(title="Items", description="A list. {{ [x for x in a.output if x.n > 3] }} filters as well.")
    conditions: list[Condition] = Field(
        min_length=1,
        title="Conditions",
        description="A field of the item, a test and a value each. Texts that say a number count as one.",
        json_schema_extra={"widget": "records"},
    )
    match: Literal["all", "any"] = Field("all", title="Must hold", description="all of the conditions, or any of them.")

    def summary(self) -> str:
        shown = (f"{each.field} {each.test} {each.value}" for each in self.conditions)
        return first_line(", ".join(" ".join(each.split()) for each in shown))

    async def run(self) -> Sifted:
        every = all if self.match == "all" else any
        sifted = Sifted(kept=[], others=[])
        for item in self.items:
            sifted["kept" if every(each.holds(item) for each in self.conditions) else "others"].append(item)
        return sifted


class Split(Node, icon="scissors"):
    """Cuts a text at a separator, or a list into batches. For each then works on one piece at a time."""

    value: Expression = Field(title="Text or list", description="{{ start.text }} or {{ start.orders }}, for example.")
    separator: Multiline = Field(
        "\n", title="Cut texts at", description="A line break, a comma; empty: at blanks. Empty pieces are left out."
    )
    size: int | None = Field(
        None, ge=1, title="Batch size", description="How many go into one batch, a list; empty: no batches."
    )

    def summary(self) -> str:
        return first_line(as_text(self.value))

    async def run(self) -> Annotated[list[Any], "The pieces, or the batches of them."]:
        pieces = self.value
        if isinstance(pieces, str):
            pieces = [piece.strip() for piece in pieces.split(self.separator or None) if piece.strip()]
        if not isinstance(pieces, list):
            raise AuthorError(
                f"Only a text or a list can be split, and this is {describe(pieces)}", mend="Read another value."
            )
        if self.size is None:
            return pieces
        return [pieces[start : start + self.size] for start in range(0, len(pieces), self.size)]


class Aggregate(Node, icon="sigma"):
    """Makes one value of a list: a count, a sum, the largest, a text, groups, or the list sorted or without doubles."""

    items: Items = Field(title="Items", description="A list, such as {{ each.output }}.")
    how: Literal[
        "count", "sum", "mean", "min", "max", "first", "last", "join", "unique", "sort", "sort_down", "group"
    ] = Field(
        "count", title="What", description="unique, sort, sort_down and group give whole items; the others, values."
    )
    field: str = Field(
        "",
        title="Field",
        description="What counts of each item, such as price or customer.city; empty: the item itself.",
    )
    separator: Multiline = Field("\n", title="Between texts", description="What join puts between two of them.")

    def summary(self) -> str:
        return " · ".join(each for each in (self.how, " ".join(self.field.split())) if each)

    async def run(self) -> Any:
        found = [(part(item, self.field), item) for item in self.items]
        there = [(value, item) for value, item in found if value is not None]  # null is no value
        values = [value for value, _ in there]
        match self.how:
            case "count":
                return len(there)
            case "sum":
                return sum(self._numbers())
            case "mean":
                return sum(values) / len(values) if (values := self._numbers()) else None
            case "min":
                return min(values, key=rank, default=None)
            case "max":
                return max(values, key=rank, default=None)
            case "first":
                return values[0] if values else None
            case "last":
                return values[-1] if values else None
            case "join":
                return self.separator.join(as_text(value) for value in values)
            case "unique":
                first: dict[tuple[Kind, Any], Any] = {}
                for value, item in found:
                    first.setdefault(_identity(value), item)
                return list(first.values())
            case "group":
                return _groups(found)
        there.sort(key=lambda pair: rank(pair[0]), reverse=self.how == "sort_down")
        return [item for _, item in there] + [item for value, item in found if value is None]

    def _numbers(self) -> list[int | float]:
        numbers: list[int | float] = []
        for place, item in enumerate(self.items):
            value = part(item, self.field)
            if (found := number(value)) is not None:
                numbers.append(found)
            elif value is not None:
                raise AuthorError(
                    f"The value of item {place} is {describe(value)}, not a number",
                    mend="Name the field that holds the number, or filter the list before.",
                )
        return numbers


def _identity(value: Any) -> tuple[Kind, Any]:
    """What makes two values the same one: 1 and 1.0 are, 1 and "1" and true are not."""
    kind = kind_of(value)
    return kind, as_text(value) if kind in (Kind.LIST, Kind.OBJECT) else value


def _groups(found: list[tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Items by their value, in the order in which each came first."""
    groups: dict[str, list[Any]] = {}
    for value, item in found:
        groups.setdefault(as_text(value), []).append(item)
    return groups
