"""The node contract: what is derived from a class, and what an author is told who breaks it."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import Field

from runtime.graph.catalog import Catalog, widget_of
from runtime.graph.fields import (
    WIDGETS,
    Expression,
    FlowName,
    InputFields,
    Json,
    ModelName,
    Multiline,
    Records,
    SecretName,
)
from runtime.graph.messages import Delta
from runtime.graph.node import Context, Node, Port
from runtime.graph.ports import ContractError, derive
from runtime.graph.values import Kind


class Both(TypedDict):
    text: Annotated[str, "What was said."]
    data: Any


class Ways(TypedDict, total=False):
    left: int
    right: int


def node(run: Any, **namespace: Any) -> type[Node]:
    """A node class with this body."""
    return type("Made", (Node,), {"__doc__": "Made by a test.", "__module__": __name__, "run": run, **namespace})


async def one_value(self: Any, text: str) -> str: ...
async def optional(
    self: Any, text: str = "x", number: Annotated[float, Field(description="How many.")] = 1
) -> bool: ...
async def many(self: Any, first: int, *values: Annotated[Any, "All."], last: str = "") -> list[Any]: ...
async def with_context(self: Any, context: Context, text: str) -> Both: ...
async def branches(self: Any) -> Ways: ...
async def nothing(self: Any, text: str) -> None: ...
async def unsaid(self: Any): ...  # type: ignore[no-untyped-def]
async def maybe(self: Any) -> str | None: ...
async def stream(self: Any) -> AsyncIterator[Delta | Both]:
    yield Delta("")


@pytest.mark.parametrize(
    ("run", "inputs", "outputs"),
    [
        (one_value, [Port("text", Kind.TEXT)], [Port("output", Kind.TEXT)]),
        (
            optional,
            [Port("text", Kind.TEXT, required=False), Port("number", Kind.NUMBER, required=False, help="How many.")],
            [Port("output", Kind.BOOLEAN)],
        ),
        (
            many,
            [
                Port("first", Kind.NUMBER),
                Port("values", required=False, many=True, help="All."),
                Port("last", Kind.TEXT, required=False),
            ],
            [Port("output", Kind.LIST)],
        ),
        (with_context, [Port("text", Kind.TEXT)], [Port("text", Kind.TEXT, help="What was said."), Port("data")]),
        (branches, [], [Port("left", Kind.NUMBER, branch=True), Port("right", Kind.NUMBER, branch=True)]),
        (nothing, [Port("text", Kind.TEXT)], []),
        (unsaid, [], []),
        (maybe, [], [Port("output", Kind.TEXT, nullable=True)]),
        (stream, [], [Port("text", Kind.TEXT, help="What was said."), Port("data")]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_ports_come_from_the_body(run: Any, inputs: list[Port], outputs: list[Port]) -> None:
    made = node(run)
    derive(made)
    assert list(made.ports_in) == inputs
    assert list(made.ports_out) == outputs
    assert made().inputs() == made.ports_in
    assert made().outputs() == made.ports_out


def test_identity_comes_from_the_name_unless_it_is_said() -> None:
    class HttpRequest2(Node, group="integration", icon="globe", version=4, effect="writes", sends=True):
        """Calls."""

        async def run(self) -> None: ...

    class Other(Node, kind="llm", label="LLM"):
        """Asks."""

        async def run(self) -> None: ...

    assert (HttpRequest2.kind, HttpRequest2.label) == ("http_request2", "Http request2")
    assert (HttpRequest2.group, HttpRequest2.version, HttpRequest2.effect) == ("integration", 4, "writes")
    assert (HttpRequest2.sends, HttpRequest2.private, HttpRequest2.ends) == (True, False, False)
    assert (Other.kind, Other.label, Other.version, Other.effect) == ("llm", "LLM", 1, "pure")


async def untyped(self: Any, text) -> None: ...  # type: ignore[no-untyped-def]
async def named_at_will(self: Any, **values: Any) -> None: ...
async def by_position(self: Any, text: str, /) -> None: ...
async def called_after(self: Any, after: str) -> None: ...
async def called_error(self: Any) -> TypedDict("Out", {"error": str}): ...  # type: ignore[valid-type,empty-body]
async def odd_output(self: Any) -> TypedDict("Out", {"no name": str}): ...  # type: ignore[valid-type,empty-body]
async def accented(self: Any, prénom: str) -> None: ...
async def streams_badly(self: Any) -> str:  # type: ignore[misc]
    yield ""


async def streams_only(self: Any) -> AsyncIterator[Delta]:
    yield Delta("")


def not_async(self: Any) -> None: ...


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (type("Empty", (Node,), {"__doc__": "Has no body."}), "needs `async def run"),
        (node(not_async), "needs `async def run"),
        (node(nothing, __doc__=""), "needs a docstring"),
        (node(untyped), "say the type of 'text'"),
        (node(named_at_will), "names none"),
        (node(by_position), "remove the `/`"),
        (node(called_after), "the name 'after' is taken"),
        (node(called_error), "the name 'error' is taken"),
        (node(one_value, text="", __annotations__={"text": str}), "the name 'text' is taken"),
        (node(odd_output), "no wire can be written to 'no name'"),
        (node(accented), "no wire can be written to 'prénom'"),
        (node(streams_badly), "annotate it `-> AsyncIterator"),
        (node(streams_only), "one output type beside Delta"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_author_who_breaks_the_contract_is_told_at_start_up(made: type[Node], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        Catalog([made])


def test_catalog_knows_nodes_by_kind() -> None:
    class First(Node):
        """One."""

        async def run(self) -> None: ...

    class Second(Node, kind="first"):
        """Two."""

        async def run(self) -> None: ...

    catalog = Catalog([First])
    assert (catalog.get("first"), catalog.get("second")) == (First, None)
    assert (list(catalog), catalog.kinds(), len(catalog)) == ([First], ["first"], 1)
    with pytest.raises(ContractError, match="two nodes are called 'first'"):
        Catalog([First, Second])


def test_ports_that_depend_on_settings() -> None:
    class Slots(Node):
        """An input for each slot."""

        slots: list[str] = ["a"]

        def inputs(self) -> tuple[Port, ...]:
            return tuple(Port(slot) for slot in self.slots)

        async def run(self, **values: Any) -> list[Any]:
            return list(values)

    Catalog([Slots])
    assert [port.name for port in Slots(slots=["x", "y"]).inputs()] == ["x", "y"]
    assert Slots.ports_in == ()


def test_settings_say_their_widget() -> None:
    class Form(Node):
        """Every widget there is."""

        text: str = ""
        multiline: Multiline = ""
        number: int | None = None
        switch: bool = False
        select: Annotated[str, Field(json_schema_extra={"enum": ["a"]})] = "a"
        items: list[str] = []
        key_values: dict[str, str] = {}
        secret: SecretName = ""
        expression: Expression = None
        model: ModelName = ""
        json_: Json = {}
        fields: InputFields = []
        records: Records = []
        flow: FlowName = ""

        async def run(self) -> None: ...

    schema = Form.model_json_schema()["properties"]
    assert [widget_of(schema[name]) for name in schema] == list(WIDGETS)
