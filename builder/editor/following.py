"""What follows from an edit: wires and expressions of an output that a setting renamed, wires that a move cut."""

from collections.abc import Collection, Iterable, Sequence

from builder.editor.document import inside
from builder.editor.edits import Edit, OneEdit, Set, Unset, apply
from builder.editor.nest_edits import Nest
from builder.editor.renaming import rename_output
from builder.editor.wire_edits import Connect, Disconnect
from runtime.graph.catalog import Catalog
from runtime.graph.check import circles, edges, waits_for
from runtime.graph.flow import Flow
from runtime.graph.reading import Reading, StepReading, read_flow, read_step


def with_followers(flow: Flow, edits: Sequence[Edit], catalog: Catalog) -> list[OneEdit]:
    """The edits one by one, each with what follows from it. Raises: EditError when one does not fit."""
    every: list[OneEdit] = []
    for edit in _flat(edits):
        after = apply(flow, edit)
        every.append(edit)
        for follower in _following(edit, flow, after, catalog):
            after = apply(after, follower)
            every.append(follower)
        flow = after
    return every


def _flat(edits: Iterable[Edit]) -> Iterable[OneEdit]:
    for edit in edits:
        yield from getattr(edit, "edits", (edit,))


def _following(edit: OneEdit, before: Flow, after: Flow, catalog: Catalog) -> Iterable[OneEdit]:
    if isinstance(edit, Set | Unset):
        yield from _renamings(before, after, edit.step, catalog)
    elif isinstance(edit, Nest):
        cut = _misled(read_flow(after, catalog), edit.steps) - _misled(read_flow(before, catalog), edit.steps)
        if cut:
            yield Disconnect(tuple(str(wire) for wire in after.edges if str(wire) in cut))


def _renamings(before: Flow, after: Flow, step: str, catalog: Catalog) -> Iterable[OneEdit]:
    was, now = _read(before, step, catalog), _read(after, step, catalog)
    for old, new in _renamed(list(was.gives), list(now.gives)):
        places = [(place, wire) for place, wire in enumerate(after.edges) if (wire.source, wire.output) == (step, old)]
        if places:
            yield Disconnect(tuple(str(wire) for _, wire in places))
            moved = tuple(str(wire).replace(f"{step}.{old} ->", f"{step}.{new} ->", 1) for _, wire in places)
            yield Connect(moved, tuple(place for place, _ in places))
        for name, reader in after.steps.items():
            for field, value in reader.config.items():
                if (read := rename_output(value, step, old, new)) is not value:
                    yield Set(name, field, read)
    for old, new in _renamed([body.name for body in was.bodies], [body.name for body in now.bodies]):
        if moved_in := {name: after.layout.get(name) for name, s in after.steps.items() if s.within == f"{step}.{old}"}:
            yield Nest(moved_in, f"{step}.{new}")


def _read(flow: Flow, step: str, catalog: Catalog) -> StepReading:
    written = flow.steps[step]
    return read_step(step, written, catalog.get(written.kind), set())


def _renamed(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    """What has another name in the same place; when some came or went nobody can tell."""
    if len(before) != len(after):
        return []
    return [(old, new) for old, new in zip(before, after, strict=True) if old not in after and new not in before]


def _misled(reading: Reading, moved: Collection[str]) -> set[str]:
    """The wires that lead nowhere, and those of moved steps that lead in a circle."""
    wrong = {problem.edge for problem in edges(reading)}
    waiting_in_circles = circles(reading)
    if not waiting_in_circles:
        return wrong
    whole = {*moved, *inside(reading.flow.steps, moved)}
    for edge in reading.flow.edges:
        if {edge.source, edge.target} & whole and {edge.source, edge.target} <= reading.steps.keys():
            home = reading.nesting.place(edge.source)
            place = home if home.step == edge.target else reading.nesting.place(edge.target)
            waiting = waits_for(reading.nesting, edge.source, edge.target, place)
            if any({edge.source, waiting} <= circle for circle in waiting_in_circles):
                wrong.add(str(edge))
    return wrong
