"""Runs: what was run, and how it went."""

import reflex as rx

from builder.language import t
from builder.shell import page
from builder.widgets import empty_state


def runs() -> rx.Component:
    """The page at `/runs`."""
    return page(
        "/runs",
        t("Runs"),
        empty_state(
            "history", t("Nothing has run yet"), t("Each run appears here, from the preview and from outside.")
        ),
        said=t("Everything that ran, with its steps."),
    )
