"""A flow as one tab works on it, as a value: what it looks like, what can be undone, what an edit makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from builder.editor.arrange import places, tidy
from builder.editor.clearing import cleared
from builder.editor.document import EditError
from builder.editor.edits import Batch, Edit, Move, OneEdit, apply
from builder.editor.history import History
from builder.editor.view import FlowView, reads, shapes, view
from runtime.graph.catalog import Catalog
from runtime.graph.flow import Edge, Flow
from runtime.graph.nesting import Place, nest
from runtime.graph.problems import Problem
from runtime.graph.reading import Reading, StepReading, read_flow, read_step

Name = tuple[str, dict[str, Any]]  # an English template for the catalogue, and what fills its braces


@dataclass(frozen=True, slots=True)
class Desk:
    """A flow as a tab knows it. revision: of the stored document that this is, or will be when it is saved."""

    reading: Reading
    revision: int
    view: FlowView
    history: History = field(default_factory=History)

    @property
    def flow(self) -> Flow:
        """The document."""
        return self.reading.flow

    @property
    def names(self) -> tuple[Name | None, Name | None]:
        """What an undo and a redo would do now, None when there is nothing."""
        done, undone = self.history.done, self.history.undone
        return (done[-1].name if done else None, undone[-1].name if undone else None)

    def with_room(self, edits: list[OneEdit]) -> list[OneEdit]:
        """The edits, and the one that makes room for the frames that grow with them. Raises: EditError."""
        if not any(step.bodies for step in self.reading.steps.values()):
            return edits
        after = reread(apply(self.flow, one_of(edits)), self.reading.catalog, self.reading)
        moved = cleared(self.reading, after)
        return [*edits, moved] if moved else edits


def lay(reading: Reading, problems: Sequence[Problem], revision: int, history: History | None = None) -> Desk:
    """A desk with a document on it."""
    return Desk(reading, revision, view(reading, problems), history or History())


def one_of(edits: Sequence[OneEdit]) -> Edit:
    """Edits that were made together, as the one thing they are to undo."""
    return edits[0] if len(edits) == 1 else Batch(tuple(edits))


def apply_what_fits(flow: Flow, edits: Sequence[Edit]) -> tuple[Flow, list[Edit], int]:
    """The flow with those edits that still fit it, which these were, and how many did not."""
    fitting: list[Edit] = []
    for edit in edits:
        try:
            flow = apply(flow, edit)
        except EditError:
            continue
        fitting.append(edit)
    return flow, fitting, len(edits) - len(fitting)


def settled(reading: Reading) -> Flow:
    """The flow with a place for every step, so that a later edit of one does not move the others."""
    flow = reading.flow
    loose = [name for name in flow.steps if name not in flow.layout]
    if not loose:
        return flow
    where = places(flow, reads(reading), shapes(reading), reading.nesting)
    return apply(flow, Move({name: where[name] for name in loose}))


def tidied(reading: Reading) -> Move | None:
    """The edit that puts every step into columns, None when they stand so already."""
    flow = reading.flow
    where = tidy(flow, reads(reading), shapes(reading), reading.nesting)
    moved = {name: at for name, at in where.items() if flow.layout.get(name) != at}
    return Move(dict(moved)) if moved else None


def reread(flow: Flow, catalog: Catalog, before: Reading) -> Reading:
    """The same as `read_flow`, and quick when little has changed since `before`.

    A step that is the same object, with wires into the same ports, reads as it did.
    """
    ports, formerly = _ports_wired(flow), _ports_wired(before.flow)
    steps: dict[str, StepReading] = {}
    for name, step in flow.steps.items():
        old = before.steps.get(name)
        if old is None or old.step is not step or ports.get(name) != formerly.get(name):
            old = read_step(name, step, catalog.get(step.kind), ports.get(name, set()))
        steps[name] = old
    if any(step.calls is not None for step in steps.values()):
        return read_flow(flow, catalog, before.library)  # what other flows take is known only there
    nesting = nest(flow.steps, {name: step.bodies for name, step in steps.items() if step.bodies})
    wires: dict[str, list[Edge]] = {}
    ends: dict[Place, list[Edge]] = {}
    for edge in flow.edges:
        place = nesting.place(edge.source)
        if place.step == edge.target:
            ends.setdefault(place, []).append(edge)
        else:
            wires.setdefault(edge.target, []).append(edge)
    around = {name: tuple(edges) for name, edges in wires.items()}
    inside = {place: tuple(edges) for place, edges in ends.items()}
    return Reading(flow, steps, around, nesting, inside, before.library, catalog)


def _ports_wired(flow: Flow) -> dict[str, set[str]]:
    """The ports of each step that wires go into."""
    ports: dict[str, set[str]] = {}
    for edge in flow.edges:
        ports.setdefault(edge.target, set()).add(edge.port)
    return ports
