"""The words of a run that both pages use."""

from typing import Any

import reflex as rx

from builder.language import t
from builder.widgets import icon

# Where a run came from: the runtime's name, the icon, the word.
_SOURCES = (
    ("preview", "play"),
    ("endpoint", "globe"),
    ("chat", "message-circle"),
    ("webhook", "webhook"),
    ("cli", "terminal"),
    ("test", "flask-conical"),
)


def source(name: Any) -> rx.Component:
    """Where a run came from, as an icon and a word."""
    words = {
        "preview": t("Preview"),
        "endpoint": t("Endpoint"),
        "chat": t("Chat"),
        "webhook": t("Webhook"),
        "cli": t("Command line"),
        "test": t("Test"),
    }
    cases = ((known, rx.el.span(icon(mark), words[known], class_name="source")) for known, mark in _SOURCES)
    return rx.match(name, *cases, rx.el.span(name))


def version(number: Any) -> rx.Var[str]:
    """Which version of its flow ran."""
    return rx.cond(number > 0, t("v{version}", version=number), t("Draft"))
