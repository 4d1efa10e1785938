"""The other flows of a workspace that a flow runs, loaded before it is read, so that reading waits for nothing."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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

Fetch = Callable[[FlowReference], Awaitable[tuple[Flow, int] | None]]
"""A flow by reference and the version that it has; None when there is no such flow."""


async def gather(flow: Flow, catalog: Catalog, fetch: Fetch, pins: Mapping[str, int] | None = None) -> Library:
    """The library of a flow: all flows that it runs, and those that they run.

    pins: the versions to take where what is deployed is called. A flow that is not there is left out, and becomes a
    problem of the step that calls it.
    """
    flows: dict[FlowReference, Flow] = {}
    pinned: dict[str, int] = {}
    left = [*called(flow, catalog)]
    seen = set(left)
    while left:
        reference = left.pop()
        wanted = reference if reference.version else replace(reference, version=(pins or {}).get(reference.flow, 0))
        found = await fetch(wanted)
        if found is None:
            continue
        flows[reference], version = found
        if not reference.version:
            pinned[reference.flow] = version
        more = {*called(flows[reference], catalog)} - seen
        seen |= more
        left += more
    return Library(flows, pinned)


def called(flow: Flow, catalog: Catalog) -> Iterator[FlowReference]:
    """The flows that a flow runs, as far as its settings can be read."""
    for step in flow.steps.values():
        node_class = catalog.get(step.kind)
        if node_class is not None and node_class.calls is not Node.calls:
            try:
                reference = node_class.model_construct(**step.config).calls()
                hash(reference)
            except (AttributeError, TypeError, ValueError):  # the check says what is wrong with these settings
                continue
            if reference is not None:
                yield reference


def reached(start: FlowReference, library: Library, catalog: Catalog) -> Iterator[Flow]:
    """The flows that a call comes to: the one that is called, and all that it runs."""
    left, seen = [start], {start}
    while left:
        flow = library.flows.get(left.pop())
        if flow is not None:
            yield flow
            more = {*called(flow, catalog)} - seen
            seen |= more
            left += more


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
