"""Moments and durations in the reader's own words, and a beat for pages that follow something alive."""

from typing import Any

import reflex as rx

rx.asset("clock.js", shared=True)
_library = rx.asset("clock.jsx", shared=True).importable_path


class _Moment(rx.Component):
    library = _library
    tag = "Moment"

    at: rx.Var[float]


class _Duration(rx.Component):
    library = _library
    tag = "Duration"

    ms: rx.Var[float]


class _TimeLeft(rx.Component):
    library = _library
    tag = "TimeLeft"

    until: rx.Var[float]


class _Elapsed(rx.Component):
    library = _library
    tag = "Elapsed"

    since: rx.Var[float]


class _Tick(rx.Component):
    library = _library
    tag = "Tick"

    at: rx.Var[float]
    zone: rx.Var[str]


class _Pulse(rx.Component):
    library = _library
    tag = "Pulse"

    every: rx.Var[int]
    on_beat: rx.EventHandler[rx.event.no_args_event_spec]


def moment(at: Any) -> rx.Component:
    """How long ago, the exact time on hover. at: seconds since the epoch; nothing for 0."""
    return _Moment.create(at=at)


def duration(ms: Any) -> rx.Component:
    """A span of milliseconds."""
    return _Duration.create(ms=ms)


def time_left(until: Any) -> rx.Component:
    """How long there is time until then, the exact time on hover. until: seconds since the epoch."""
    return _TimeLeft.create(until=until)


def elapsed(since: Any) -> rx.Component:
    """How long something has gone on, by the second in the first hour. since: seconds since the epoch."""
    return _Elapsed.create(since=since)


def tick(at: Any, zone: Any) -> rx.Component:
    """A moment on the clock of a time zone, and on the reader's own where that is another time of the day."""
    return _Tick.create(at=at, zone=zone)


def pulse(every: Any, on_beat: Any) -> rx.Component:
    """Sends an event every so many milliseconds while the page is seen; 0 is never."""
    return _Pulse.create(every=every, on_beat=on_beat)
