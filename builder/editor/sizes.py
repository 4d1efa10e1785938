"""How large cards and frames are: the numbers by which the browser draws them, for whoever places them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_sizes: dict[str, float] = json.loads((Path(__file__).parent / "browser" / "sizes.json").read_text(encoding="utf-8"))

Size = tuple[float, float]  # width and height, in canvas pixels

WIDTH = _sizes["width"]
COLUMN = WIDTH + _sizes["columnGap"]  # from one column of cards to the next
COLUMN_GAP = _sizes["columnGap"]
GAP = _sizes["rowGap"]  # between two cards in a column
GRID = _sizes["grid"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the size of a card depends on. line: it shows a line of its settings.

    bodies: of each by name, how many ports it gives and takes; a card with bodies is a frame.
    """

    ports_in: int = 1
    ports_out: int = 1
    line: bool = True
    bodies: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def height(ports_in: int, ports_out: int, line: bool) -> float:
    """The height of a card, or of a frame above its bodies."""
    rows = max(ports_in, ports_out) * _sizes["row"]
    return _sizes["head"] + (_sizes["line"] if line else 0) + rows + _sizes["foot"]


def size(shape: Shape, contents: Mapping[str, Size]) -> Size:
    """The size of a card, or of a frame around its contents. contents: how far the steps of each body reach."""
    tall, wide = height(shape.ports_in, shape.ports_out, shape.line), WIDTH
    for name, (gives, takes) in shape.bodies.items():
        right, bottom = contents[name]
        sides = _sizes["gutter" if gives else "pad"] + _sizes["gutter" if takes else "pad"]
        wide = max(wide, 2 * _sizes["inset"] + sides + max(right, _sizes["roomWidth"]))
        ports = max(gives, takes) * _sizes["row"]
        tall += _sizes["caption"] + max(bottom, ports, _sizes["roomHeight"]) + _sizes["pad"] + _sizes["inset"]
    return wide, tall


PLAIN = height(1, 1, True)  # of a card one knows nothing of
