"""What follows when a setting gives an output of a step another name: its wires, and the expressions that read it."""

from collections.abc import Iterable, Sequence

from builder.editor.edits import Connect, Disconnect, Edit, OneEdit, Set, Unset, apply
from builder.editor.renaming import rename_output
from runtime.graph.catalog import Catalog
from runtime.graph.flow import Flow
from runtime.graph.reading import read_step


def with_followers(flow: Flow, edits: Sequence[Edit], catalog: Catalog) -> list[OneEdit]:
    """The edits one by one, each with what follows from it. Raises: EditError when one does not fit."""
    every: list[OneEdit] = []
    for edit in _flat(edits):
        after = apply(flow, edit)
        every.append(edit)
        if isinstance(edit, Set | Unset):
            for follower in _followers(flow, after, edit.step, catalog):
                after = apply(after, follower)
                every.append(follower)
        flow = after
    return every


def _flat(edits: Iterable[Edit]) -> Iterable[OneEdit]:
    for edit in edits:
        yield from getattr(edit, "edits", (edit,))


def _followers(before: Flow, after: Flow, step: str, catalog: Catalog) -> Iterable[OneEdit]:
    for old, new in _renamed(_outputs(before, step, catalog), _outputs(after, step, catalog)):
        places = [(place, wire) for place, wire in enumerate(after.edges) if (wire.source, wire.output) == (step, old)]
        if places:
            yield Disconnect(tuple(str(wire) for _, wire in places))
            moved = tuple(str(wire).replace(f"{step}.{old} ->", f"{step}.{new} ->", 1) for _, wire in places)
            yield Connect(moved, tuple(place for place, _ in places))
        for name, reader in after.steps.items():
            for field, value in reader.config.items():
                if (read := rename_output(value, step, old, new)) is not value:
                    yield Set(name, field, read)


def _outputs(flow: Flow, step: str, catalog: Catalog) -> list[str]:
    written = flow.steps[step]
    return list(read_step(step, written, catalog.get(written.kind), set()).gives)


def _renamed(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    """The outputs that have another name in the same place; when some came or went nobody can tell."""
    if len(before) != len(after):
        return []
    return [(old, new) for old, new in zip(before, after, strict=True) if old not in after and new not in before]
