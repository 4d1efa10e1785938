"""A flow at a glance: every step is on it, within the frame, and steps that are wired are joined once."""

from pathlib import Path

import pytest

from builder.editor.view import view
from builder.home.examples import EXAMPLES
from builder.sketch import HEIGHT, WIDTH, sketch
from nodes.catalog import builtin
from runtime.graph.flow import Flow
from runtime.graph.flowfile import read
from runtime.graph.reading import read_flow


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_step_is_in_the_frame_and_every_wire_ends_at_boxes(path: Path) -> None:
    flow, problems = read(path.read_text(encoding="utf-8"))
    assert flow is not None, problems
    drawn = sketch(view(read_flow(flow, builtin()), []))
    left, top, width, height = (float(number) for number in drawn["view"].split())
    assert [box["id"] for box in drawn["boxes"]] == list(flow.steps)
    for box in drawn["boxes"]:
        assert left <= box["x"] <= left + width - WIDTH
        assert top <= box["y"] <= top + height - HEIGHT
    joined = [(line["source"], line["target"]) for line in drawn["lines"]]
    assert len(joined) == len(set(joined))
    assert {(edge.source, edge.target) for edge in flow.edges} <= set(joined)


def test_a_flow_without_steps_has_a_frame() -> None:
    drawn = sketch(view(read_flow(Flow(), builtin()), []))
    assert (drawn["boxes"], drawn["lines"]) == ([], [])
    assert len(drawn["view"].split()) == 4
