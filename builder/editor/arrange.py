"""Where steps stand when nobody has placed them: in columns by their order, wires crossing as little as is cheap."""

from collections.abc import Iterable, Mapping, Sequence

from builder.editor.document import At
from builder.editor.sizes import COLUMN, GAP, GRID, PLAIN
from runtime.graph.flow import Flow

MARGIN = 80.0  # below what is placed already, and between two lines of columns
_SWEEPS = 4
_LINE = 200  # columns beside one another; further to the right nobody finds a step again

Heights = Mapping[str, float]  # of each step's card; see `sizes`
Joins = Iterable[tuple[str, str]]  # (before, after) of steps that depend on each other by more than wires
_UNKNOWN: Heights = {}


def places(flow: Flow, joins: Joins = (), heights: Heights = _UNKNOWN) -> dict[str, At]:
    """Where every step stands: where its layout says, else below that, arranged."""
    loose = [name for name in flow.steps if name not in flow.layout]
    if not loose:
        return dict(flow.layout)
    left = min((x for x, _ in flow.layout.values()), default=0.0)
    top = max((y + heights.get(name, PLAIN) + MARGIN for name, (_, y) in flow.layout.items()), default=0.0)
    placed = {name: (x + left, y + top) for name, (x, y) in arranged(loose, _joins(flow, joins), heights).items()}
    return {name: flow.layout.get(name) or placed[name] for name in flow.steps}


def tidy(flow: Flow, joins: Joins = (), heights: Heights = _UNKNOWN) -> dict[str, At]:
    """Where every step would stand if all were arranged anew."""
    return arranged(list(flow.steps), _joins(flow, joins), heights)


def arranged(names: Sequence[str], joins: Joins, heights: Heights = _UNKNOWN) -> dict[str, At]:
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
        tall = [sum(heights.get(name, PLAIN) for name in column) + GAP * (len(column) - 1) for column in line]
        for index, column in enumerate(line):
            y = top + (max(tall) - tall[index]) / 2
            for name in column:
                where[name] = (index * COLUMN, round(y / GRID) * GRID)
                y += heights.get(name, PLAIN) + GAP
        top += max(tall) + MARGIN
    return where


def _joins(flow: Flow, more: Joins) -> list[tuple[str, str]]:
    return [*((edge.source, edge.target) for edge in flow.edges), *more]


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
