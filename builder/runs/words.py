"""The words of a run that both pages use."""

from typing import Any

import reflex as rx

from builder.clock import moment, time_left
from builder.language import t
from builder.runs.lines import RunLine
from builder.widgets import icon

# Where a run came from: the runtime's name and the icon.
_SOURCES = {
    "preview": "play",
    "endpoint": "globe",
    "chat": "message-circle",
    "webhook": "webhook",
    "schedule": "calendar-clock",
    "cli": "terminal",
    "test": "flask-conical",
}


def source_words() -> dict[str, rx.Var[str]]:
    """Where runs come from, by the runtime's name for it."""
    return {
        "preview": t("Preview"),
        "endpoint": t("Endpoint"),
        "chat": t("Chat"),
        "webhook": t("Webhook"),
        "schedule": t("Schedule"),
        "cli": t("Command line"),
        "test": t("Test"),
    }


def state_words() -> dict[str, rx.Var[str]]:
    """How runs stand, by the runtime's name for it."""
    return {
        "queued": t("Queued"),
        "running": t("Running"),
        "waiting": t("Waiting"),
        "failed": t("Failed"),
        "done": t("Done"),
        "cancelled": t("Stopped"),
    }


def source(name: Any) -> rx.Component:
    """Where a run came from, as an icon and a word."""
    words = source_words()
    cases = ((known, rx.el.span(icon(mark), words[known], class_name="source")) for known, mark in _SOURCES.items())
    return rx.match(name, *cases, rx.el.span(name))


def version(number: Any) -> rx.Var[str]:
    """Which version of its flow ran."""
    return rx.cond(number > 0, t("v{version}", version=number), t("Draft"))


def goes_on(state: Any) -> rx.Var[bool]:
    """Has a run in this state not ended?"""
    return (state == "queued") | (state == "running") | (state == "waiting")


def standing(run: rx.Var[RunLine]) -> rx.Component:
    """What there is to say of a run that has not ended: where it runs, what it waits for, in which queue."""
    return rx.match(
        run["state"],
        ("running", rx.cond(run["worker"], _fine("server", run["worker"]))),
        ("waiting", _waits(run)),
        ("queued", _queued(run)),
        rx.fragment(),
    )


def _waits(run: rx.Var[RunLine]) -> rx.Component:
    more = rx.cond(run["more"] > 0, t("and {count} more", count=run["more"]), "")
    return rx.fragment(
        rx.cond(run["asks"], _fine("user-round", run["asks"], " ", more)),
        rx.cond(run["until"] > 0, _fine("timer", time_left(run["until"]))),
    )


def _queued(run: rx.Var[RunLine]) -> rx.Component:
    return rx.fragment(
        rx.cond(run["queue"], _fine("list-start", t("in {queue}", queue=run["queue"]))),
        rx.cond(
            run["until"] > run["since"],
            _fine("timer", time_left(run["until"])),
            _fine("clock", t("since"), " ", moment(run["since"])),
        ),
    )


def _fine(mark: str, *said: Any) -> rx.Component:
    return rx.el.span(icon(mark), rx.el.span(*said), class_name="fine standing")
