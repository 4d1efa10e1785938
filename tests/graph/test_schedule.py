"""When schedules come: by the clock on the wall, over its changes, and what is made up for."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.graph.schedule import MOST, ON_TIME, Rule, due, read_cron, read_zone

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
# A day before clocks change in these zones, and an ordinary one.
DAYS = [
    "2026-03-07T12:00Z",
    "2026-03-28T12:00Z",
    "2026-04-04T00:00Z",
    "2026-06-01T00:00Z",
    "2026-10-03T00:00Z",
    "2026-10-24T12:00Z",
    "2026-10-31T12:00Z",
    "2026-12-31T00:00Z",
]


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def first(rule: Rule, after: str, count: int = 3) -> list[str]:
    return [rule.written(tick) for tick in itertools.islice(rule.after(at(after)), count)]


@pytest.mark.parametrize(
    ("rule", "after", "ticks"),
    [
        pytest.param(
            Rule(cron="30 2 * * *", zone="Europe/Berlin"),
            "2026-03-28T12:00Z",
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
            id="a time that is left out comes at the change",
        ),
        pytest.param(
            Rule(cron="10,40 2 * * *", zone="Europe/Berlin"),
            "2026-03-28T12:00Z",
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:10:00+02:00"],
            id="several that are left out come once",
        ),
        pytest.param(
            Rule(cron="30 1 * * *", zone="America/New_York"),
            "2026-10-31T12:00Z",
            ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
            id="a time that comes twice counts once",
        ),
        pytest.param(
            Rule(cron="30 1 * * *", zone="America/New_York"),
            "2026-11-01T06:10Z",
            ["2026-11-02T01:30:00-05:00"],
            id="also for who asks between the two",
        ),
        pytest.param(
            Rule(cron="0 * * * *", zone="Europe/Berlin"),
            "2026-10-24T23:30Z",
            ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"],
            id="every hour is every hour",
        ),
        pytest.param(
            Rule(cron="45 1 * * *", zone="Australia/Lord_Howe"),
            "2026-04-04T00:00Z",
            ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
            id="a change of half an hour",
        ),
        pytest.param(
            Rule(cron="15 2 * * *", zone="Australia/Lord_Howe"),
            "2026-10-03T00:00Z",
            ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
            id="half an hour left out",
        ),
        pytest.param(
            Rule(cron="0 9 * * *", zone="Pacific/Apia"),
            "2011-12-29T20:00Z",
            ["2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"],
            id="a whole day left out",
        ),
        pytest.param(
            Rule(cron="0 0 29 2 *", zone="Asia/Kolkata"),
            "2025-01-01T00:00Z",
            ["2028-02-29T00:00:00+05:30", "2032-02-29T00:00:00+05:30"],
            id="February 29",
        ),
        pytest.param(
            Rule(cron="59 23 31 12 *", zone="Asia/Kolkata"),
            "2026-12-31T18:28Z",
            ["2026-12-31T23:59:00+05:30", "2027-12-31T23:59:00+05:30"],
            id="the end of a year",
        ),
        pytest.param(
            Rule(cron="0 9 L * *"),
            "2028-01-31T10:00Z",
            ["2028-02-29T09:00:00+00:00", "2028-03-31T09:00:00+00:00"],
            id="the last day of a month",
        ),
        pytest.param(
            Rule(days=1, start="2001-01-01T02:30", zone="Europe/Berlin"),
            "2026-03-28T12:00Z",
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
            id="days follow the wall",
        ),
        pytest.param(
            Rule(days=3, start="2001-01-01T09:00", zone="America/New_York"),
            "2026-10-29T00:00Z",
            ["2026-10-29T09:00:00-04:00", "2026-11-01T09:00:00-05:00"],
            id="every third day",
        ),
        pytest.param(
            Rule(seconds=6 * 3600, zone="Europe/Berlin"),
            "2026-10-24T20:30Z",
            ["2026-10-25T01:00:00+02:00", "2026-10-25T06:00:00+01:00", "2026-10-25T12:00:00+01:00"],
            id="hours are hours",
        ),
    ],
)
def test_ticks(rule: Rule, after: str, ticks: list[str]) -> None:
    assert first(rule, after, len(ticks)) == ticks


def minutes(zone: ZoneInfo, start: float, count: int) -> list[tuple[float, datetime]]:
    """Each minute of some time, with what the clock on the wall shows."""
    moments = [start + 60.0 * number for number in range(count)]
    return [(moment, datetime.fromtimestamp(moment, zone).replace(tzinfo=None)) for moment in moments]


def looked_up(hours: set[int], marks: set[int], shown: list[tuple[float, datetime]]) -> Iterator[float]:
    """When a clock that is watched minute by minute says that a rule has come, as the rule's text has it."""
    if len(hours) == 24:
        yield from (moment for moment, wall in shown if wall.minute in marks)
        return
    wall, end, seen = shown[0][1], shown[-1][1], 0.0
    while wall <= end:
        if wall.hour in hours and wall.minute in marks:
            # The first time that the clock shows this, or else has gone past it.
            tick = next(moment for moment, clock in shown if clock >= wall)
            if tick > seen:
                yield tick
                seen = tick
        wall += timedelta(minutes=1)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(DAYS),
    st.one_of(st.just(set(range(24))), st.sets(st.integers(0, 4), min_size=1), st.sets(st.integers(0, 23), min_size=1)),
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
)
def test_cron_comes_as_a_watched_clock_shows_it(zone: str, day: str, hours: set[int], marks: set[int]) -> None:
    start = at(day)
    shown = minutes(ZoneInfo(zone), start, 36 * 60)
    hour = "*" if len(hours) == 24 else ",".join(map(str, hours))
    rule = Rule(cron=f"{','.join(map(str, marks))} {hour} * * *", zone=zone)
    end = shown[-1][0]
    assert rule.newest(start - 1, end, 10_000) == list(looked_up(hours, marks, shown))


@given(
    st.sampled_from([Rule(cron="*/7 * * * *"), Rule(cron="30 2 * * *"), Rule(seconds=97), Rule(days=2)]),
    st.sampled_from(ZONES),
    st.sampled_from(DAYS),
    st.integers(0, 200_000),
    st.floats(0, 100_000),
)
def test_ticks_go_on_from_any_moment(rule: Rule, zone: str, day: str, skipped: int, more: float) -> None:
    rule = Rule(cron=rule.cron, seconds=rule.seconds, days=rule.days, zone=zone)
    moment = at(day) + skipped + more
    ticks = list(itertools.islice(rule.after(moment), 20))
    assert all(one < other for one, other in itertools.pairwise([moment, *ticks]))
    assert list(itertools.islice(rule.after(ticks[4]), 15)) == ticks[5:]
    assert list(itertools.islice(rule.after(ticks[4] - 0.25), 15)) == ticks[4:19]
    assert rule.before(ticks[5]) == ticks[4]
    assert rule.newest(moment, ticks[9], 3) == ticks[7:10]


def test_a_rule_that_never_came_has_no_tick_before() -> None:
    assert Rule(cron="0 0 * 2 SUN#5").before(at("2026-01-01T00:00Z")) is None


HOURLY = Rule(cron="0 * * * *")
NOON = at("2026-11-22T12:00Z")


@pytest.mark.parametrize(
    ("missed", "late", "ticks"),
    [
        ("latest", 0, [0]),
        ("latest", 59 * 60, [0]),
        ("latest", 3 * 3600 + 5, [3]),
        ("all", 0, [0]),
        ("all", 3 * 3600 + 5, [0, 1, 2, 3]),
        ("none", 0, [0]),
        ("none", ON_TIME, [0]),
        ("none", ON_TIME + 1, []),
        ("none", 3 * 3600 + 5, [3]),
        ("none", 3 * 3600 + ON_TIME + 1, []),
    ],
)
def test_missed_ticks_are_made_up_for_as_the_rule_says(missed: str, late: float, ticks: list[int]) -> None:
    rule = Rule(cron=HOURLY.cron, missed=missed)  # type: ignore[arg-type]
    now = NOON + late
    following = NOON + 3600 * (late // 3600 + 1)
    assert due(rule, NOON, now) == ([NOON + 3600 * tick for tick in ticks], following)


def test_the_newest_thousand_are_made_up_for() -> None:
    ticks, following = due(Rule(cron="* * * * *", missed="all"), NOON - 365 * 86400, NOON + 1)
    assert len(ticks) == MOST
    assert (ticks[-1], following) == (NOON, NOON + 60)


def test_a_clock_that_is_set_back_runs_nothing_twice() -> None:
    _, following = due(HOURLY, NOON, NOON + 1)
    assert due(HOURLY, following or 0, NOON - 86400) == ([], NOON + 3600)


@given(st.lists(st.floats(-5_000, 20_000), max_size=30))
def test_every_tick_comes_once_however_the_clock_is_set(steps: list[float]) -> None:
    rule, wait, now, ran = Rule(cron="*/10 * * * *", missed="all"), NOON, NOON - 1, []
    for step in steps:
        now += step
        ticks, following = due(rule, wait, now)
        ran += ticks
        assert following is not None
        wait = following
    latest = max([NOON - 1, *itertools.accumulate(steps, initial=NOON - 1)])
    assert ran == rule.newest(NOON - 1, latest, 10_000)


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        (" 0   9 * *  mon-fri ", "0 9 * * MON-FRI"),
        ("@daily", "0 0 * * *"),
        ("@Hourly", "0 * * * *"),
        ("*/5 8-18 1,15 * *", "*/5 8-18 1,15 * *"),
    ],
)
def test_cron_lines_are_read(text: str, cron: str) -> None:
    assert read_cron(text) == cron


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "five fields"),
        ("0 9 * *", "five fields"),
        ("0 0 9 * * *", "five fields"),
        ("@reboot", "five fields"),
        ("1," * 200 + "1 * * * *", "five fields"),
        ("60 9 * * *", "`60`"),
        ("0 24 * * *", "`24`"),
        ("0 9 32 * *", "`32`"),
        ("0 9 30 2 *", "`30`"),
        ("0 9 * FOO *", "`FOO`"),
        ("0 9 * * 8", "`8`"),
        ("*/0 * * * *", "`*/0`"),
        ("٣ * * * *", "`٣`"),
    ],
)
def test_cron_lines_that_are_wrong_say_where(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("*", r"\*")):
        read_cron(text)


@pytest.mark.parametrize("name", ["Europe/Paris", " UTC ", "America/Argentina/Buenos_Aires"])
def test_zones_are_read(name: str) -> None:
    assert ZoneInfo(read_zone(name)).utcoffset(datetime.now(UTC)) is not None


@pytest.mark.parametrize(
    ("name", "says"), [("Europe/Pari", "Europe/Paris"), ("", "such as"), ("Europe", "such as"), ("../UTC", "such as")]
)
def test_zones_that_are_none_say_which_is_meant(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_zone(name)
