"""The catalog: the node classes a runtime knows, by kind."""

from collections.abc import Iterable, Iterator
from typing import Any

from runtime.graph.node import Node
from runtime.graph.ports import ContractError, derive


class Catalog:
    """An explicit set of node classes; passed in, never a global.

    Raises: ContractError when a class breaks the contract or two share a kind.
    """

    def __init__(self, nodes: Iterable[type[Node]]) -> None:
        self._nodes: dict[str, type[Node]] = {}
        for node in nodes:
            derive(node)
            if node.kind in self._nodes:
                raise ContractError(f"two nodes are called {node.kind!r}: give one another `kind=`")
            self._nodes[node.kind] = node

    def get(self, kind: str) -> type[Node] | None:
        """The class of a kind, None when unknown."""
        return self._nodes.get(kind)

    def __iter__(self) -> Iterator[type[Node]]:
        return iter(self._nodes.values())

    def __len__(self) -> int:
        return len(self._nodes)

    def kinds(self) -> list[str]:
        """Every kind, in catalog order."""
        return list(self._nodes)


def widget_of(schema: dict[str, Any]) -> str:
    """The widget of one property of a node's JSON Schema, from the closed set in `fields.WIDGETS`."""
    if "widget" in schema:
        return str(schema["widget"])
    options = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
    if len(options) == 1:
        return widget_of(options[0])
    if "enum" in schema or "const" in schema:
        return "select"
    kind = schema.get("type")
    if kind == "object":
        return "key_values"
    return {"integer": "number", "number": "number", "boolean": "switch", "array": "list", "string": "text"}.get(
        str(kind), "expression"
    )
