"""How large cards are: the numbers by which the browser draws them, for whoever places them."""

import json
from pathlib import Path

_sizes: dict[str, float] = json.loads((Path(__file__).parent / "browser" / "sizes.json").read_text(encoding="utf-8"))

COLUMN = _sizes["width"] + _sizes["columnGap"]  # canvas pixels from one column of cards to the next
GAP = _sizes["rowGap"]  # between two cards in a column
GRID = _sizes["grid"]


def height(ports_in: int, ports_out: int, line: bool) -> float:
    """The height of a card, in canvas pixels. line: it shows a line of its settings."""
    rows = max(ports_in, ports_out) * _sizes["row"]
    return _sizes["head"] + (_sizes["line"] if line else 0) + rows + _sizes["foot"]


PLAIN = height(1, 1, True)  # of a card one knows nothing of
