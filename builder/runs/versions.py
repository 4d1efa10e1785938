"""Which version of its flow a run is to repeat: the one that ran, the draft, or one that was published."""

from typing import TypedDict

import reflex as rx

from builder.language import t
from builder.preview.replaying import DRAFT, Replaying
from builder.widgets import icon

_NAME = "again-version"


class VersionLine(TypedDict):
    """A published version. created: when, in seconds since the epoch."""

    number: int
    created: float


class _VersionOption(rx.Component):
    library = rx.asset("version_option.jsx", shared=True).importable_path
    tag = "VersionOption"

    number: rx.Var[int]
    created: rx.Var[float]


def version_choice(versions: rx.Var[list[VersionLine]]) -> rx.Component:
    """With which version it runs again. versions: to choose from, besides the one that ran and the draft."""
    return rx.el.div(
        rx.el.label(t("With"), html_for=_NAME),
        rx.el.span(
            rx.el.select(
                rx.el.option(t("the flow as it ran"), value=""),
                rx.el.option(t("the draft of today"), value=DRAFT),
                rx.foreach(versions, lambda one: _VersionOption.create(number=one["number"], created=one["created"])),
                id=_NAME,
                value=Replaying.version,
                on_change=Replaying.take_version,
                class_name="input",
                aria_describedby=f"{_NAME}-help",
            ),
            icon("chevron-down"),
            class_name="chosen",
        ),
        class_name="again-with",
    )


def version_help() -> rx.Component:
    """What the choice means, once another version than the one that ran is taken."""
    said = t("Steps that finished and are the same there are taken over from this run; only the others run.")
    return rx.el.p(rx.cond(Replaying.version, said, ""), id=f"{_NAME}-help", role="status", class_name="version-help")
