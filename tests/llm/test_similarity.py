"""Nearest entries and classes, as plain arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.memory.similarity import Match, centre, classified, nearest

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]
NORTHEAST = [math.sqrt(0.5), math.sqrt(0.5)]


def test_nearest_first() -> None:
    assert nearest(EAST, [WEST, NORTHEAST, EAST], 2) == [Match(2, 1.0), Match(1, pytest.approx(math.sqrt(0.5)))]


def test_fewer_entries_than_asked() -> None:
    assert nearest(EAST, [], 3) == []
    assert nearest(EAST, [EAST], 0) == []
    assert len(nearest(EAST, [EAST, WEST], 9)) == 2


def test_equal_entries_keep_their_order() -> None:
    assert [match.index for match in nearest(EAST, [NORTH, EAST, EAST], 3)] == [1, 2, 0]


def test_centre() -> None:
    assert centre([EAST, NORTH]) == pytest.approx(NORTHEAST)
    assert centre([EAST, WEST]) in (EAST, WEST)


def test_classes_by_their_centre() -> None:
    verdicts = classified(NORTHEAST, {"west": [WEST, NORTH], "east": [EAST, NORTH]})
    assert [verdict.label for verdict in verdicts] == ["east", "west"]
    assert verdicts[0].score == pytest.approx(1.0)
    assert verdicts[0].share > 0.99
    assert classified(EAST, {}) == []


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda v: math.hypot(*v) > 0.1), min_size=2, max_size=8))
def test_shares_add_up_and_fall(vectors: list[tuple[float, ...]]) -> None:
    unit = [[value / math.hypot(*vector) for value in vector] for vector in vectors]
    verdicts = classified(unit[0], {str(i): [vector] for i, vector in enumerate(unit)})
    assert sum(verdict.share for verdict in verdicts) == pytest.approx(1.0)
    shares = [verdict.share for verdict in verdicts]
    assert shares == sorted(shares, reverse=True)
    assert verdicts[0].score == pytest.approx(1.0)
