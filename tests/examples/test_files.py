"""The example files: right, as the editor writes them, and drawn so that a person can read them."""

from itertools import combinations
from pathlib import Path

import pytest

from runtime.graph.check import check
from runtime.graph.flowfile import read, write
from tests.examples.flows import CATALOG, EXAMPLES

FILES = sorted(EXAMPLES.glob("*.yaml"))
CARD = (220, 100)  # canvas pixels that a card takes at least


def test_three_examples() -> None:
    assert [path.stem for path in FILES] == ["fan-out-research", "lead-to-quote", "support-desk"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_right_and_as_the_editor_writes_it(path: Path) -> None:
    flow, problems = read(path.read_text())
    assert flow is not None, problems
    assert check(flow, CATALOG) == []
    assert write(flow) == path.read_text()
    assert flow.description
    assert flow.notes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_cards_do_not_overlap_and_wires_run_to_the_right(path: Path) -> None:
    flow, _ = read(path.read_text())
    assert flow is not None
    assert flow.layout.keys() == flow.steps.keys()
    for (one, (x, y)), (other, (u, v)) in combinations(flow.layout.items(), 2):
        assert abs(x - u) >= CARD[0] or abs(y - v) >= CARD[1], (one, other)
    for edge in flow.edges:
        assert flow.layout[edge.source][0] < flow.layout[edge.target][0], str(edge)
