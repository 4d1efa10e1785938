"""When a flow starts by itself: a rule in a time zone, its ticks, and which of those that were missed still count."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from itertools import takewhile
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from cronsim import CronSim, CronSimError

Missed = Literal["latest", "all", "none"]

ON_TIME = 60.0  # seconds; a tick that is no later than this was not missed
MOST = 1_000  # ticks that are caught up at once, the newest
_DAY = 86_400.0
_LONG_AGO = 10 * 366 * _DAY  # a tick that comes at all came within this time: February 29, over a year without one
_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")  # as cronsim calls them
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cron line, or an interval in seconds or in days, counted from `start`; moments are seconds since the epoch.

    start: a time on the wall in `zone`. missed: what becomes of ticks at which nothing ran.

    On days when the clock changes: seconds count the time that passes. Days, and cron lines that name hours, follow the
    clock on the wall: a time that is left out comes once, at the change, and one that comes twice counts the first
    time. Cron lines for every hour take the clock as it shows: nothing is made up, and an hour that comes twice counts
    twice.
    """

    cron: str = ""
    seconds: int = 0
    days: int = 0
    start: str = "2001-01-01T00:00"
    zone: str = "UTC"
    missed: Missed = "latest"

    def after(self, moment: float) -> Iterator[float]:
        """The ticks after a moment, one by one; without end, unless the rule comes no more."""
        zone = ZoneInfo(self.zone)
        if self.cron:
            hours = CronSim(self.cron, datetime(2001, 1, 1)).hours
            return _shown(self.cron, zone, moment) if len(hours) == 24 else _named(self.cron, zone, moment)
        start = datetime.fromisoformat(self.start)
        if self.days:
            return _by_days(self.days, start, zone, moment)
        return _by_seconds(self.seconds, _moment(start, zone), moment)

    def next(self, moment: float) -> float | None:
        """The first tick after a moment."""
        return next(self.after(moment), None)

    def newest(self, after: float, until: float, most: int = 1) -> list[float]:
        """The newest ticks after one moment, up to and with another, in order."""
        span = 3600.0
        while True:  # from near `until` backwards: a year of minutes is not counted to find the last one
            since = max(after, until - span)
            found = deque(takewhile(lambda tick: tick <= until, self.after(since)), maxlen=most)
            if len(found) == most or since == after:
                return list(found)
            span *= 4

    def before(self, moment: float) -> float | None:
        """The last tick before a moment, whether anything ran then or not."""
        # Ticks are whole seconds, so nothing lies between a moment and half a second before it.
        found = self.newest(moment - _LONG_AGO, moment - 0.5)
        return found[0] if found else None

    def written(self, moment: float) -> str:
        """A moment in the rule's zone as ISO 8601, to the second."""
        return datetime.fromtimestamp(moment, ZoneInfo(self.zone)).isoformat(timespec="seconds")


def due(rule: Rule, next: float, now: float) -> tuple[list[float], float | None]:
    """The ticks to run now, oldest first, and the one to wait for. next: the one that was waited for.

    Of several that have come since, `all` are the newest MOST, `latest` is one, and `none` is the last if it is still
    on time.
    """
    if next > now:  # also when the clock was set back: what ran does not run again
        return [], next
    ticks = rule.newest(next - 0.5, now, MOST if rule.missed == "all" else 1)
    if rule.missed == "none":
        ticks = [tick for tick in ticks if now - tick <= ON_TIME]
    return ticks, rule.next(now)


# --- what people write -----------------------------------------------------------------------------------------------


def read_cron(text: str) -> str:
    """A cron line in five fields. Raises: ValueError."""
    line = _NAMED.get(text.strip().lower(), " ".join(text.upper().split()))
    if line.startswith("@") or len(line.split()) != 5 or len(line) > 200:
        raise ValueError("a cron line has five fields, minute hour day month weekday, such as 0 9 * * 1-5")
    try:
        ticks = CronSim(line, datetime(2001, 1, 1))
    except CronSimError as error:
        part = line.split()[_FIELDS.index(str(error).removeprefix("Bad "))]
        raise ValueError(f"it cannot be read at `{part}`; write one such as 0 9 * * 1-5") from None
    if next(ticks, None) is None:
        raise ValueError("no day is like that; change its day, month or weekday")
    return line


def read_zone(name: str) -> str:
    """The name of a time zone. Raises: ValueError."""
    name = name.strip()
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # the last for a folder of zones, such as `Europe`
        near = get_close_matches(name, available_timezones(), 1, 0.5)
        meant = near[0] if near else "Europe/Paris"
        raise ValueError(f"there is no such time zone; write one such as {meant}") from None
    return name


# --- ticks -----------------------------------------------------------------------------------------------------------


def _named(cron: str, zone: ZoneInfo, last: float) -> Iterator[float]:
    """Of a line that names hours: each time on the wall once."""
    for wall in CronSim(cron, _wall(last, zone)):
        tick = _moment(wall, zone)
        if tick > last:  # several times that a change of the clock leaves out are one moment
            yield tick
            last = tick


def _shown(cron: str, zone: ZoneInfo, last: float) -> Iterator[float]:
    """Of a line for every hour: whenever the clock on the wall shows one of its times."""
    wall, offset = _wall(last, zone), _offset(last, zone)
    while True:
        for shown in CronSim(cron, wall):
            tick = (shown - offset).replace(tzinfo=UTC).timestamp()
            if change := _change(zone, last, tick):
                break
            yield tick
            last = tick
        else:
            return
        # From here on the clock is another one; what it shows in this second counts, too.
        last, offset = change, _offset(change, zone)
        wall = _wall(change, zone) - timedelta(seconds=1)


def _by_days(days: int, start: datetime, zone: ZoneInfo, moment: float) -> Iterator[float]:
    count = (_wall(moment, zone) - start).days // days
    while True:
        tick = _moment(start + timedelta(days=count * days), zone)
        if tick > moment:
            yield tick
        count += 1


def _by_seconds(seconds: int, start: float, moment: float) -> Iterator[float]:
    tick = start + ((moment - start) // seconds + 1) * seconds
    while True:
        yield tick
        tick += seconds


# --- clocks on the wall ----------------------------------------------------------------------------------------------


def _wall(moment: float, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows, without its zone."""
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


def _offset(moment: float, zone: ZoneInfo) -> timedelta:
    return datetime.fromtimestamp(moment, zone).utcoffset() or timedelta(0)


def _moment(wall: datetime, zone: ZoneInfo) -> float:
    """When the clock shows this: the first time if it does so twice, and if never, when it jumps over it."""
    moment = wall.replace(tzinfo=zone).timestamp()
    if _wall(moment, zone) == wall:
        return moment
    before = wall.replace(tzinfo=zone, fold=1).timestamp()
    return _change(zone, before, moment) or moment


def _change(zone: ZoneInfo, start: float, end: float) -> float | None:
    """The first second after `start`, up to `end`, from which the clock runs differently; None: it does not."""
    offset, low = _offset(start, zone), start
    while True:
        high = min(low + _DAY, end)
        if _offset(high, zone) != offset:
            break
        if high >= end:
            return None
        low = high
    first, last = int(low), int(high)
    while last - first > 1:
        middle = (first + last) // 2
        if _offset(middle, zone) == offset:
            first = middle
        else:
            last = middle
    return float(last)
