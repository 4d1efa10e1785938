"""A reel puts in order whatever comes in whatever order, and keeps no more than its room."""

import random

import pytest

from runtime.relay.reel import Gap, Piece, Reel
from tests.relay.stations import delta


def piece(number: int, epoch: int = 1, text: str = "x") -> Piece:
    return Piece(epoch, number, number, delta(text))


def all_of(reel: Reel, epoch: int = 0, number: int = 0) -> list[Piece | Gap]:
    found: list[Piece | Gap] = []
    while (following := reel.next(epoch, number)) is not None:
        epoch, number = following.epoch, following.number
        found.append(following)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_what_comes_in_disorder_twice_or_in_parts_is_read_once_in_order(seed: int) -> None:
    chance = random.Random(seed)
    reel, told = Reel(), [piece(number) for number in range(1, 60)]
    parts = [told[start : start + chance.randrange(1, 9)] for start in range(0, 60, 3)]
    chance.shuffle(parts)
    for part in [*parts, told]:
        reel.hear(part, 1)
    assert all_of(reel) == told
    assert not reel.misses


def test_what_is_missing_is_waited_for_until_it_is_given_up() -> None:
    reel = Reel()
    reel.hear([piece(1), piece(2)], 1)
    reel.hear([piece(5), piece(6)], 1)
    assert reel.misses
    assert all_of(reel) == [piece(1), piece(2)]
    reel.give_up()
    assert all_of(reel, 1, 2) == [Gap(1, 4, 5), piece(5), piece(6)]


def test_who_tells_and_has_it_no_more_says_so() -> None:
    reel = Reel()
    reel.hear([piece(8), piece(9)], 8)
    assert all_of(reel) == [Gap(1, 7, 8), piece(8), piece(9)]


def test_a_driver_that_lost_the_run_has_no_say_in_what_is_missing() -> None:
    reel = Reel()
    reel.hear([piece(1, epoch=5), piece(3, epoch=5)], 1)
    assert reel.hear([piece(900)], 900) is False
    assert reel.misses
    reel.hear([piece(2, epoch=5)], 1)
    assert all_of(reel) == [piece(number, epoch=5) for number in (1, 2, 3)]
    assert reel.tell(1, 1, None) is None
    assert all_of(reel, 6, 0) == []  # who knows of a later epoch is not given an earlier one


def test_a_reel_forgets_its_beginning() -> None:
    reel = Reel(room=10_000)
    for number in range(1, 1_000):
        reel.tell(1, number, delta("x" * 100))
    gap, *rest = all_of(reel)
    assert isinstance(gap, Gap)
    assert 10 < len(rest) < 40
    assert rest == [piece(number, text="x" * 100) for number in range(1_000 - len(rest), 1_000)]
    reel.tell(1, 1_000, delta("x" * 20_000))  # more than its room, and still told
    assert len(all_of(reel, 1, 999)) == 1


def test_what_comes_too_early_takes_no_more_than_the_room() -> None:
    reel = Reel(room=10_000)
    for number in range(2, 100):
        reel.hear([piece(number, text="x" * 100)], 1)
    assert isinstance(all_of(reel)[0], Gap)
    assert all_of(reel)[-1] == piece(99, text="x" * 100)
