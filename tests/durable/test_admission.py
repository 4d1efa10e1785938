"""Whose turn it is: no limit is ever exceeded, nobody is forgotten, and a long queue costs no more than a short one."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.driving.admission import Admission, Limit, Limits, Order

QUEUES, WORKSPACES = ("a", "b"), ("w1", "w2")
LIMITS: Limits = {
    ("w1", "queue:a"): Limit(at_once=2),
    ("w1", "queue:b"): Limit(starts=3, per=10.0),
    ("w2", "queue:a"): Limit(at_once=1, starts=2, per=5.0),
    ("w1", "deployment:desk"): Limit(at_once=1),
}


def order(run: str, workspace: str = "w1", queue: str = "a", priority: int = 0, slug: str = "") -> Order:
    names = (f"queue:{queue}", *((f"deployment:{slug}",) if slug else ()))
    return Order(workspace, run, slug, priority, ("workspace", *names))


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(("offer", "offer", "offer", "done", "withdraw", "free", "later", "back", "due", "due")),
        st.integers(0, 30),
        st.sampled_from(WORKSPACES),
        st.sampled_from(QUEUES),
        st.sampled_from(("", "desk")),
        st.integers(-2, 2),
        st.floats(0.0, 20.0),
    ),
    max_size=80,
)


class Watch:
    """What has started and not ended, and when each limit let something start."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.going: dict[str, Order] = {}
        self.waiting: set[str] = set()
        self.starts: dict[tuple[str, str], list[float]] = {}

    def began(self, taken: Order, at: float) -> None:
        self.going[taken.run] = taken
        self.waiting.discard(taken.run)
        for name in taken.limits:
            self.starts.setdefault((taken.workspace, name), []).append(at)

    def check(self, at_once: int) -> None:
        assert len(self.going) <= at_once
        for (workspace, name), limit in LIMITS.items():
            here = [each for each in self.going.values() if each.workspace == workspace and name in each.limits]
            assert limit.at_once is None or len(here) <= limit.at_once
            for first, when in enumerate(times := self.starts.get((workspace, name), [])):
                # A bucket of tokens that refills: a burst of `starts`, and its rate besides.
                last = len([at for at in times[first:] if at <= when + limit.per])
                assert limit.starts is None or last <= 2 * limit.starts


@given(DEEDS, st.integers(1, 5))
@settings(deadline=None)
def test_no_limit_is_ever_exceeded_and_nobody_is_forgotten(deeds: list[tuple], at_once: int) -> None:  # type: ignore[type-arg]
    admission, watch, now = Admission(at_once), Watch(), 1_000.0
    admission.set(LIMITS)
    for deed, number, workspace, queue, slug, priority, seconds in deeds:
        run = str(number)
        if deed == "offer":
            offered = order(run, workspace, queue, priority, slug)
            assert admission.offer(offered) == (run not in watch.waiting and run not in watch.going)
            if run not in watch.going:
                watch.waiting.add(run)
        elif deed == "done":
            admission.done(run)
            watch.going.pop(run, None)
        elif deed == "withdraw":
            admission.withdraw(run)
            watch.waiting.discard(run)
        elif deed == "free" and run not in watch.going and run not in watch.waiting:
            wanted = order(run, workspace, queue, priority, slug)
            if admission.free(wanted, now):
                assert not watch.waiting, "it would pass those who came before"
                admission.begin(wanted, now)
                watch.began(wanted, now)
        elif deed == "later":
            now += seconds
        else:
            for taken in admission.due(now):
                assert taken.run in watch.waiting
                watch.began(taken, now)
        watch.check(at_once)
        assert (len(admission), admission.going) == (len(watch.waiting), len(watch.going))
    while watch.waiting:
        for run in [*watch.going]:
            admission.done(run)
            del watch.going[run]
        now += admission.wait(now) or 0.0
        came = list(admission.due(now))
        assert came, "somebody would wait for ever"
        for taken in came:
            watch.began(taken, now)
        watch.check(at_once)


def test_a_rate_holds_over_time() -> None:
    admission, now = Admission(), 0.0
    admission.set({("w1", "queue:a"): Limit(starts=5, per=10.0)})
    for number in range(100):
        admission.offer(order(str(number)))
    starts = []
    while len(starts) < 100:
        starts += [now for _ in admission.due(now)]
        now += admission.wait(now) or 0.0
    assert starts[:5] == [0.0] * 5, "a burst at the beginning"
    assert 189.9 <= starts[-1] <= 190.1, "then one in two seconds"


def test_a_clock_that_is_set_back_gives_nothing_away() -> None:
    admission = Admission()
    admission.set({("w1", "queue:a"): Limit(starts=1, per=10.0)})
    for number in range(3):
        admission.offer(order(str(number)))
    assert len(list(admission.due(1_000.0))) == 1
    assert list(admission.due(500.0)) == []
    assert len(list(admission.due(510.0))) == 1


def test_the_higher_priority_comes_first_and_equals_in_turn() -> None:
    admission = Admission()
    for run, priority in (("low", -1), ("one", 0), ("urgent", 2), ("two", 0)):
        admission.offer(order(run, priority=priority))
    assert [taken.run for taken in admission.due(0.0)] == ["urgent", "one", "two", "low"]


def test_a_workspace_with_many_runs_does_not_keep_another_waiting() -> None:
    admission = Admission(at_once=4)
    for number in range(50):
        admission.offer(order(f"many-{number}", "w1"))
    first = [taken.run for taken in admission.due(0.0)]
    for number in range(3):
        admission.offer(order(f"few-{number}", "w2"))
    came = []
    for run in first:
        admission.done(run)
        came += [taken.workspace for taken in admission.due(0.0)]
    assert came.count("w2") == 2, "as many as the other has"


def test_a_paused_deployment_waits_and_keeps_nobody_else() -> None:
    admission = Admission()
    admission.set({}, {("w1", "desk")})
    admission.offer(order("paused", slug="desk"))
    admission.offer(order("other", slug="shop"))
    admission.offer(order("else", "w2", slug="desk"))
    assert {taken.run for taken in admission.due(0.0)} == {"other", "else"}
    assert admission.wait(0.0) is None
    admission.set({})
    assert [taken.run for taken in admission.due(0.0)] == ["paused"]


def test_who_has_withdrawn_does_not_come_and_may_come_back() -> None:
    admission = Admission()
    admission.offer(order("one"))
    admission.withdraw("one")
    assert list(admission.due(0.0)) == []
    assert admission.offer(order("one"))
    assert [taken.run for taken in admission.due(0.0)] == ["one"]
    assert not admission.offer(order("one")), "it is going on"


def spent(count: int) -> float:
    """Seconds for the whole life of a queue."""
    admission = Admission(at_once=100)
    admission.set({("w1", "queue:a"): Limit(at_once=50)})
    began = time.process_time()
    for number in range(count):
        admission.offer(order(str(number), WORKSPACES[number % 2], priority=number % 3))
    left = count
    while left:
        for taken in list(admission.due(0.0)):
            admission.done(taken.run)
            left -= 1
    return time.process_time() - began


def test_a_long_queue_costs_no_more_for_each() -> None:
    short, long = min(spent(2_000) for _ in range(3)) / 2_000, spent(100_000) / 100_000
    assert long < 5 * short
