"""What the list of flows shows of each flow, and which ones a search finds; pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

from runtime.graph.catalog import Catalog
from runtime.graph.flow import Flow, Step

if TYPE_CHECKING:
    from runtime.storage.flows import FlowEntry

MANY = 8  # more flows than that are searched rather than looked through
LONGEST_NAME = 200


class FlowLine(TypedDict):
    """One flow. slug: where it is deployed, empty when nowhere. ran: the state of its last run, empty before it.

    updated, ran_at: seconds since the epoch, 0 for never.
    """

    id: str
    name: str
    description: str
    steps: int
    updated: float
    slug: str
    version: int
    ran: str
    ran_at: float


def line(entry: "FlowEntry") -> FlowLine:
    """What the list shows of a flow."""
    return FlowLine(
        id=entry.id,
        name=entry.name,
        description=entry.description,
        steps=entry.steps,
        updated=entry.updated,
        slug=entry.slug or "",
        version=entry.version or 0,
        ran=entry.last_run or "",
        ran_at=entry.last_run_at or 0.0,
    )


def found(lines: Iterable[FlowLine], words: str) -> list[FlowLine]:
    """The flows in whose name, description or address every word stands."""
    wanted = words.casefold().split()
    return [
        line
        for line in lines
        if all(word in f"{line['name']} {line['description']} {line['slug']}".casefold() for word in wanted)
    ]


def fresh_flow(name: str, catalog: Catalog) -> Flow:
    """A new flow: nothing but a start."""
    start = next(node for node in catalog if node.trigger == "api")
    return Flow(name=name, steps={"start": Step(kind=start.kind, version=start.version)})


def rename_error(name: str) -> str:
    """Why that cannot be a flow's name, in English; empty when it can."""
    if not name.strip():
        return "A flow needs a name."
    return "A name has at most 200 characters." if len(name.strip()) > LONGEST_NAME else ""
