"""The other flows of a workspace that a flow runs, loaded before it is read, so that reading waits for nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runtime.graph.catalog import Catalog
from runtime.graph.flow import Flow
from runtime.graph.node import FlowReference, Node, Port
from runtime.graph.values import Kind

if TYPE_CHECKING:
    from runtime.graph.plan import Plan

_KINDS = {"string": Kind.TEXT, "number": Kind.NUMBER, "integer": Kind.NUMBER, "boolean": Kind.BOOLEAN}
_KINDS |= {"array": Kind.LIST, "object": Kind.OBJECT}


@dataclass(frozen=True, slots=True)
class Library:
    """Flows by reference. pins: the version of each flow that is called by what is deployed.

    plans: compiled when a run first comes to them, because a flow may run itself.
    """

    flows: Mapping[FlowReference, Flow] = field(default_factory=dict)
    pins: Mapping[str, int] = field(default_factory=dict)
    plans: "dict[FlowReference, Plan]" = field(default_factory=dict)


EMPTY = Library()


def called(flow: Flow, catalog: Catalog) -> Iterator[FlowReference]:
    """The flows that a flow runs, as far as its settings can be read."""
    for step in flow.steps.values():
        node_class = catalog.get(step.kind)
        if node_class is not None and node_class.calls is not Node.calls:
            reference = node_class.model_construct(**step.config).calls()
            if reference is not None:
                yield reference


def inputs_of(schema: Mapping[str, Any]) -> tuple[Port, ...]:
    """The input ports of a step that runs a flow, from the JSON Schema of that flow's input."""
    required = schema.get("required", ())
    return tuple(
        Port(
            name,
            _KINDS.get(str(described.get("type")), Kind.ANY),
            required=name in required,
            help=str(described.get("description", "")),
            nullable=name not in required,
        )
        for name, described in schema.get("properties", {}).items()
    )
