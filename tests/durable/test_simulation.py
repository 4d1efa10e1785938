"""Driver, journal and scheduler on a virtual clock, under seeded faults: every accepted run comes to its right end."""

import logging
import os

import pytest

from tests.durable.people import story
from tests.durable.virtual import run

FEW = 500
MANY = int(os.environ.get("CANEVAS_EXAMPLES", "100000"))
PARTS = 10


def wrong(seeds: range) -> dict[int, list[str]]:
    """What was wrong, by seed."""
    logging.disable(logging.CRITICAL)  # processes that die complain
    try:
        return {seed: found for seed in seeds if (found := run(story(seed)))}
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_every_accepted_run_ends_right(part: int) -> None:
    assert wrong(range(part, FEW, PARTS)) == {}


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_many_times(part: int) -> None:
    assert wrong(range(FEW + part, FEW + MANY, PARTS)) == {}
