"""kill -9 before and after every write, effect, acknowledgement, timer and park: nothing is lost, nothing doubled."""

import os
import random

import pytest

from tests.durable.scenes import Place

POINTS = (
    *(f"{when} {what}" for what in ("open", "append", "close", "park", "signal") for when in ("before", "after")),
    *(f"{when} {what}" for what in ("effect", "segment", "acknowledgement") for when in ("before", "after")),
    *(f"{when} answer's acknowledgement" for when in ("before", "after")),
    "timer",
)
KILLS = int(os.environ.get("CANEVAS_EXAMPLES", "4200"))
IN_A_ROW = 3  # kills in one story


async def test_every_point_is_there(place: Place) -> None:
    assert (await place.points()).keys() == set(POINTS)


@pytest.mark.parametrize("part", range(4))
async def test_killed_at_every_point(place: Place, part: int) -> None:
    kills = [(point, 1) for point in POINTS[part::4]]
    for row in (kills[:IN_A_ROW], kills[IN_A_ROW:]):
        killed, wrong = await place.story(row)
        assert wrong == [], row
        assert killed, row


@pytest.mark.parametrize("after", [0.03, 0.09, 0.2])
async def test_killed_wherever_it_is(place: Place, after: float) -> None:
    killed, wrong = await place.story([("nowhere", 1)], after=after)
    assert (killed, wrong) == (1, [])


async def test_stopped_for_a_while(place: Place) -> None:
    assert await place.stopped(0.4) == []


@pytest.mark.soak
async def test_killed_thousands_of_times(place: Place) -> None:
    chance = random.Random(4200)
    often = await place.points()
    killed = 0
    while killed < KILLS // 2:
        points = [chance.choice(POINTS) for _ in range(chance.randint(1, IN_A_ROW))]
        kills = [(point, chance.randint(1, often[point])) for point in points]
        after = chance.uniform(0.0, 0.4) if chance.random() < 0.3 else 0.0
        more, wrong = await place.story(kills, after=after)
        assert wrong == [], (kills, after)
        killed += max(more, 1)
