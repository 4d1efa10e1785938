"""Where steps stand when nobody has placed them: in columns by their order, wires crossing as little as is cheap.

Places inside a body count from the corner of its room, so that a frame takes its inside along.
"""

from collections.abc import Iterable, Mapping, Sequence

from builder.editor.document import At
from builder.editor.sizes import COLUMN_GAP, GAP, GRID, PLAIN, WIDTH, Shape, Size, size
from runtime.graph.flow import Flow
from runtime.graph.nesting import ROOT, Nesting, Place

MARGIN = 80.0  # below what is placed already, and between two lines of columns
_SWEEPS = 4
_LINE = 200  # columns beside one another; further to the right nobody finds a step again

Shapes = Mapping[str, Shape]  # of each step's card
Joins = Iterable[tuple[str, str]]  # (before, after) of steps that depend on each other by more than wires
_UNKNOWN: Shapes = {}
_FLAT = Nesting()


def places(flow: Flow, joins: Joins = (), shapes: Shapes = _UNKNOWN, nesting: Nesting = _FLAT) -> dict[str, At]:
    """Where every step stands: where its layout says, else below that, arranged."""
    if all(name in flow.layout for name in flow.steps):
        return dict(flow.layout)
    where = _from_the_inside(flow, _joins(flow, joins), shapes, nesting, flow.layout)
    return {name: where[name] for name in flow.steps}


def tidy(flow: Flow, joins: Joins = (), shapes: Shapes = _UNKNOWN, nesting: Nesting = _FLAT) -> dict[str, At]:
    """Where every step would stand if all were arranged anew."""
    where = _from_the_inside(flow, _joins(flow, joins), shapes, nesting, {})
    return {name: where[name] for name in flow.steps}


def _from_the_inside(
    flow: Flow, joins: Joins, shapes: Shapes, nesting: Nesting, placed: Mapping[str, At]
) -> dict[str, At]:
    """The places of all steps, the innermost first, since a frame is as large as what is in it."""
    inside = rooms(flow, nesting)
    near = _lifted(joins, nesting)
    where: dict[str, At] = {}
    sizes: dict[str, Size] = {}
    for room, names in inside.items():
        sizes |= {name: sized(name, shapes, inside, where, sizes) for name in names}
        where.update(_filled(names, near.get(room, ()), sizes, placed))
    return where


def rooms(flow: Flow, nesting: Nesting) -> dict[Place, list[str]]:
    """The steps by where they stand, the innermost places first; the canvas itself is there in any case."""
    found: dict[Place, list[str]] = {ROOT: []}
    for name in flow.steps:
        found.setdefault(nesting.place(name), []).append(name)
    return dict(sorted(found.items(), key=lambda one: -sum(1 for _ in nesting.around(one[0]))))


def sized(
    name: str,
    shapes: Shapes,
    inside: Mapping[Place, Sequence[str]],
    where: Mapping[str, At],
    sizes: Mapping[str, Size],
) -> Size:
    """The size of a card, or of a frame of whose inside places and sizes are known. inside: as `rooms` gives it."""
    shape = shapes.get(name, Shape())
    return size(shape, {body: _reach(inside.get(Place(name, body), ()), where, sizes) for body in shape.bodies})


def _filled(names: Sequence[str], joins: Joins, sizes: Mapping[str, Size], placed: Mapping[str, At]) -> dict[str, At]:
    """The places in one room: those that are placed stay, the others stand below them."""
    there = {name: placed[name] for name in names if name in placed}
    loose = [name for name in names if name not in placed]
    left = min((x for x, _ in there.values()), default=0.0)
    top = max((y + sizes[name][1] + MARGIN for name, (_, y) in there.items()), default=0.0)
    return there | {name: (x + left, y + top) for name, (x, y) in arranged(loose, joins, sizes).items()}


def _reach(names: Iterable[str], where: Mapping[str, At], sizes: Mapping[str, Size]) -> Size:
    """How far to the right and down some steps reach."""
    corners = [(where[name][0] + sizes[name][0], where[name][1] + sizes[name][1]) for name in names]
    return max((x for x, _ in corners), default=0.0), max((y for _, y in corners), default=0.0)


def _lifted(joins: Joins, nesting: Nesting) -> dict[Place, list[tuple[str, str]]]:
    """The joins by the room in which they order steps: the innermost that holds both ends."""
    found: dict[Place, list[tuple[str, str]]] = {}
    for source, target in joins:
        around = list(nesting.around(nesting.place(target)))
        room = next(place for place in nesting.around(nesting.place(source)) if place in around)
        found.setdefault(room, []).append((nesting.upto(source, room), nesting.upto(target, room)))
    return found


def arranged(names: Sequence[str], joins: Joins, sizes: Mapping[str, Size] | None = None) -> dict[str, At]:
    """Columns from left to right around a common middle; the first begins at x = 0, the highest at y = 0.

    A flow of very many columns goes on in another line below, as a long text does.
    """
    before = _before(names, joins)
    columns = _columns(names, before)
    after: dict[str, list[str]] = {name: [] for name in names}
    for name, sources in before.items():
        for source in sources:
            after[source].append(name)
    for sweep in range(_SWEEPS):
        order = columns[1:] if sweep % 2 == 0 else columns[-2::-1]
        _sort(columns, order, before if sweep % 2 == 0 else after)
    where: dict[str, At] = {}
    top = 0.0
    for line in (columns[at : at + _LINE] for at in range(0, len(columns), _LINE)):
        top = _stand(line, top, sizes or {}, where) + MARGIN
    return where


def _stand(line: list[list[str]], top: float, sizes: Mapping[str, Size], where: dict[str, At]) -> float:
    """Place some columns beside one another; how far down they reach."""
    plain = (WIDTH, PLAIN)
    tall = [sum(sizes.get(name, plain)[1] for name in column) + GAP * (len(column) - 1) for column in line]
    x = 0.0
    for column, height in zip(line, tall, strict=True):
        y = top + (max(tall) - height) / 2
        for name in column:
            where[name] = (x, round(y / GRID) * GRID)
            y += sizes.get(name, plain)[1] + GAP
        x += max(sizes.get(name, plain)[0] for name in column) + COLUMN_GAP
    return top + max(tall)


def _joins(flow: Flow, more: Joins) -> list[tuple[str, str]]:
    wires = ((edge.source, edge.target) for edge in flow.edges)
    return [pair for pair in (*wires, *more) if pair[0] in flow.steps and pair[1] in flow.steps]


def _before(names: Sequence[str], joins: Joins) -> dict[str, list[str]]:
    before: dict[str, list[str]] = {name: [] for name in names}
    for source, target in joins:
        if source in before and target in before and source != target:
            before[target].append(source)
    return before


def _columns(names: Sequence[str], before: Mapping[str, list[str]]) -> list[list[str]]:
    """Each step one column after the last of those before it; within a cycle in the order they were drawn."""
    depth: dict[str, int] = {}
    after: dict[str, list[str]] = {name: [] for name in names}
    waits = {name: len(sources) for name, sources in before.items()}
    for name, sources in before.items():
        for source in sources:
            after[source].append(name)
    ready = [name for name in names if not waits[name]]
    rest = iter(names)
    while len(depth) < len(names):
        if not ready:  # a cycle: begin it at its first step
            ready = [next(name for name in rest if name not in depth)]
        name = ready.pop()
        if name in depth:
            continue
        depth[name] = max((depth[source] + 1 for source in before[name] if source in depth), default=0)
        for target in after[name]:
            waits[target] -= 1
            if waits[target] == 0:
                ready.append(target)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in names:
        columns[depth[name]].append(name)
    return columns


def _sort(columns: list[list[str]], order: list[list[str]], near: Mapping[str, list[str]]) -> None:
    """Put each step of some columns beside the middle of its neighbours (the barycentre rule)."""
    row = {name: number - len(column) / 2 for column in columns for number, name in enumerate(column)}
    for column in order:
        centre = {n: sum(row[m] for m in near[n]) / len(near[n]) if near[n] else row[n] for n in column}
        column.sort(key=centre.__getitem__)
        row.update((name, number - len(column) / 2) for number, name in enumerate(column))
