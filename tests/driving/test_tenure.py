"""How long a worker may believe that a run is its own."""

import asyncio
import time

import pytest

from runtime.driving.tenure import Tenure

PATIENCE = 0.6


class Giver:
    """Answers the beats: at once, late, with a no, or never."""

    def __init__(self) -> None:
        self.beats, self.answer, self.late, self.stall = 0, True, 0.0, 0.0

    async def beat(self) -> bool:
        self.beats += 1
        await asyncio.sleep(self.late)
        time.sleep(self.stall)  # The process stands still, as by SIGSTOP, while the answer is on its way.
        return self.answer


def nothing() -> None:
    """The other thing that wants to be told of every beat."""


@pytest.fixture
def giver() -> Giver:
    return Giver()


async def test_there_is_no_right_before_the_first_answer(giver: Giver) -> None:
    tenure = Tenure(giver.beat, PATIENCE)
    assert not tenure.lease.held
    assert await tenure.begin()


@pytest.mark.parametrize("wrong", [{"answer": False}, {"late": 10.0}, {"stall": PATIENCE}])
async def test_what_is_not_confirmed_in_time_does_not_begin(giver: Giver, wrong: dict[str, float]) -> None:
    vars(giver).update(wrong)
    tenure = Tenure(giver.beat, PATIENCE)
    assert not await tenure.begin()
    assert tenure.gone == ("answer" in wrong)


async def test_it_lasts_as_long_as_the_beats_are_answered(giver: Giver) -> None:
    tenure = Tenure(giver.beat, PATIENCE)
    await tenure.begin()
    keeping = asyncio.create_task(tenure.keep(nothing))
    await asyncio.sleep(2 * PATIENCE)
    assert tenure.lease.held
    giver.late = 10.0
    async with asyncio.timeout(PATIENCE):
        await keeping
    assert not tenure.lease.held


async def test_a_no_ends_it_at_once(giver: Giver) -> None:
    tenure = Tenure(giver.beat, PATIENCE)
    await tenure.begin()
    giver.answer = False
    async with asyncio.timeout(PATIENCE / 2):
        await tenure.keep(nothing)
    assert tenure.gone


async def test_after_a_long_stop_nothing_is_renewed(giver: Giver) -> None:
    """The beat may be the first that runs after SIGCONT: it must not make the lease good before the step asks."""
    tenure = Tenure(giver.beat, PATIENCE)
    await tenure.begin()
    keeping = asyncio.create_task(tenure.keep(nothing))
    await asyncio.sleep(0)
    beats = giver.beats
    time.sleep(PATIENCE)
    assert not tenure.lease.held
    await keeping
    assert giver.beats == beats
    assert not tenure.lease.held
