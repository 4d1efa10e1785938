"""Ports of nodes written under postponed annotations, where every type is a text until somebody asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, NotRequired, Required, TypedDict

import pytest

from runtime.graph.catalog import Catalog
from runtime.graph.messages import Delta
from runtime.graph.node import Context, Node, Port
from runtime.graph.ports import ContractError, derive, lent
from runtime.graph.values import Kind


class Nested(Node):
    """Has its types inside."""

    class Inner(TypedDict):
        deep: str

    class Outputs(TypedDict):
        found: Annotated[int, "How many."]
        inner: Nested.Inner
        maybe: NotRequired[list[str]]

    class Branches(TypedDict, total=False):
        left: str
        always: Required[dict[str, Any]]

    async def run(self, context: Context, text: str, limit: int | None = None, *more: dict[str, Any]) -> Outputs:
        return {"found": 1, "inner": {"deep": text}}


class Child(Nested):
    """Inherits its body, and the types that the body names."""


class Branching(Nested):
    """Takes other ways out."""

    async def run(self, text: str) -> Nested.Branches:
        return {"always": {}}


class Streaming(Node):
    """Streams."""

    class Reply(TypedDict):
        text: str

    async def run(self, context: Context) -> AsyncIterator[Delta | Reply]:
        yield Delta("")


@pytest.mark.parametrize("node", [Nested, Child])
def test_nested_types_become_ports(node: type[Node]) -> None:
    Catalog([node])
    assert node.ports_in == (
        Port("text", Kind.TEXT),
        Port("limit", Kind.NUMBER, required=False, nullable=True),
        Port("more", Kind.OBJECT, required=False, many=True),
    )
    assert node.ports_out == (
        Port("found", Kind.NUMBER, help="How many."),
        Port("inner", Kind.OBJECT),
        Port("maybe", Kind.LIST, branch=True),
    )
    assert node.returns_ports
    assert lent(node, Context) == "context"


def test_required_and_not_required_are_seen_through() -> None:
    derive(Branching)
    assert Branching.ports_out == (Port("left", Kind.TEXT, branch=True), Port("always", Kind.OBJECT))
    assert lent(Branching, Context) is None


def test_stream_of_a_nested_type() -> None:
    derive(Streaming)
    assert Streaming.ports_out == (Port("text", Kind.TEXT),)


def test_methods_of_pydantic_do_not_hide_types() -> None:
    class Plain(Node):
        """`dict`, `json` and `copy` are methods of every pydantic model."""

        async def run(self, value: dict[str, Any]) -> list[dict[str, Any]]:
            return [value]

    derive(Plain)
    assert [port.kind for port in (*Plain.ports_in, *Plain.ports_out)] == [Kind.OBJECT, Kind.LIST]


def test_type_that_nobody_knows_is_named() -> None:
    class Lost(Node):
        """Names a type that is not there."""

        async def run(self) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
            return None

    with pytest.raises(ContractError, match="Lost: the type 'Nowhere' is not known"):
        derive(Lost)
