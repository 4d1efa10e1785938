"""Settings: how Canevas looks and speaks."""

from typing import Any

import reflex as rx

from builder.language import t
from builder.shell import language_choice, page, theme_choice
from builder.widgets import card


def settings() -> rx.Component:
    """The page at `/settings`."""
    return page(
        "/settings",
        t("Settings"),
        section(
            t("Appearance"),
            t("High contrast makes everything as readable as it can be. System follows your computer."),
            theme_choice("theme"),
        ),
        section(
            t("Language"),
            t("The language of the interface. Your flows keep their own words."),
            language_choice("language"),
        ),
    )


def section(title: Any, said: Any, *content: Any) -> rx.Component:
    """A part of the page: what it is about beside what one can set."""
    return rx.el.section(
        rx.el.div(rx.el.h2(title), rx.el.p(said)),
        card(*content),
        class_name="settings-section",
    )
