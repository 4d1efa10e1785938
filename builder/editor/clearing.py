"""What keeps clear of a frame that grew: its neighbours to the right and below go on by as much."""

from collections.abc import Iterable, Mapping
from math import ceil

from builder.editor.arrange import places, rooms, sized
from builder.editor.document import At
from builder.editor.edits import Move
from builder.editor.sizes import GRID, Size
from builder.editor.view import reads, shapes
from runtime.graph.reading import Reading

_NEAR = 2 * GRID  # between two cards, at the least


def cleared(before: Reading, after: Reading) -> Move | None:
    """The edit that moves what frames would cover which are larger than before; None when nothing is in their way."""
    drawn = places(after.flow, reads(after), shapes(after), after.nesting)
    where = _cleared(after, dict(drawn), _sizes(before))
    moved = {name: at for name, at in where.items() if at != drawn[name]}
    return Move(dict(moved)) if moved else None


def _sizes(reading: Reading) -> dict[str, Size]:
    known, inside = shapes(reading), rooms(reading.flow, reading.nesting)
    where = places(reading.flow, reads(reading), known, reading.nesting)
    sizes: dict[str, Size] = {}
    for names in inside.values():
        sizes |= {name: sized(name, known, inside, where, sizes) for name in names}
    return sizes


def _cleared(reading: Reading, where: dict[str, At], old: Mapping[str, Size]) -> dict[str, At]:
    """The places with room for what grew, the innermost first: what moves aside widens the frame around it."""
    known, inside = shapes(reading), rooms(reading.flow, reading.nesting)
    sizes: dict[str, Size] = {}
    for names in inside.values():
        sizes |= {name: sized(name, known, inside, where, sizes) for name in names}
        for name in names:
            if known[name].bodies and name in old:
                where.update(_aside(name, old[name], [other for other in names if other != name], where, sizes))
    return where


def _aside(
    name: str, old: Size, others: Iterable[str], where: Mapping[str, At], sizes: Mapping[str, Size]
) -> dict[str, At]:
    """Where the others go. All on one side go together, so that they stand to one another as before."""
    x, y = where[name]
    right = [other for other in others if where[other][0] >= x + old[0]]
    below = [other for other in others if where[other][1] >= y + old[1] and other not in right]
    wider, taller = (_steps(now - was) for now, was in zip(sizes[name], old, strict=True))
    found: dict[str, At] = {}
    if wider and any(_covers(name, other, where, sizes) for other in right):
        found |= {other: (where[other][0] + wider, where[other][1]) for other in right}
    if taller and any(_covers(name, other, where, sizes) for other in below):
        found |= {other: (where[other][0], where[other][1] + taller) for other in below}
    return found


def _steps(growth: float) -> float:
    return max(0, ceil(growth / GRID)) * GRID


def _covers(frame: str, other: str, where: Mapping[str, At], sizes: Mapping[str, Size]) -> bool:
    (x, y), (wide, high) = where[frame], sizes[frame]
    (left, top), (width, height) = where[other], sizes[other]
    across = left < x + wide + _NEAR and x < left + width + _NEAR
    return across and top < y + high + _NEAR and y < top + height + _NEAR
