"""What is carried of a run, when it should have moved, and when one that rests is driven again."""

import pytest

from runtime.driving.orders import NEVER, Order, again, moved
from runtime.interpreter.driver import Rest
from tests.driving.conftest import record


@pytest.mark.parametrize(
    ("state", "told", "found"),
    [
        ("queued", 50.0, 50.0),  # delayed: whoever speaks of it
        ("running", 0.0, 0.0),
        ("waiting", 0.0, 70.0),  # somebody answered; or it was found, and its time is to come
    ],
)
def test_when_a_run_is_driven(state: str, told: float, found: float) -> None:
    run = record("r", "q", state=state, due=50.0, wake=70.0)
    assert (Order.told(run, 3.0).due, Order.found(run, 3.0).due) == (told, found)


def test_a_run_should_move_when_its_state_began_or_its_time_came() -> None:
    assert moved(record("r", "q", since=10.0, due=5.0)) == 10.0
    assert moved(record("r", "q", since=10.0, due=50.0)) == 50.0
    assert moved(record("r", "q", state="running", since=None, started=7.0, due=50.0)) == 7.0


@pytest.mark.parametrize(
    ("rest", "at"),
    [
        (Rest("waiting"), NEVER),
        (Rest("waiting", until=160.0), 160.0),
        (Rest("waiting", until=90.0), 100.0),
        (Rest("queued"), 100.0),
        (Rest("queued", until=160.0), 160.0),
        (Rest("queued", why="no node of kind Paint"), 101.0),
        (Rest("queued", until=160.0, why="no node of kind Paint"), 160.0),
    ],
)
def test_a_run_that_rests_is_driven_again_when_it_asked_for_that(rest: Rest, at: float) -> None:
    assert again(rest, 100.0, 0)[0] == at


def test_one_that_comes_to_nothing_again_and_again_is_driven_ever_less_often() -> None:
    pauses, idle = [], 0
    for _ in range(7):
        at, idle = again(Rest("queued"), 100.0, idle)
        pauses.append(at - 100.0)
    assert pauses == [0.0, 1.0, 2.0, 5.0, 10.0, 30.0, 30.0]
    assert again(Rest("waiting", until=101.0), 100.0, idle) == (101.0, 0)
