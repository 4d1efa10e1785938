"""The way from one pass of the steps inside a step to another: of each item, each round."""

from typing import Any

import reflex as rx

from builder.language import t
from builder.preview.shown import Call, Picker
from builder.widgets import badge, icon, icon_button


def picker(ways: rx.Var[list[Picker]], choose: Any) -> rx.Component:
    """Which pass is shown, from the outside in; nothing where there is one only. choose: event of a body and a key."""
    return rx.cond(
        ways.length() > 0,
        rx.el.div(
            rx.foreach(ways, lambda one: _way(one, choose)),
            class_name="passes",
            role="group",
            aria_label=t("Which pass is shown"),
        ),
    )


def _way(one: rx.Var[Picker], choose: Any) -> rx.Component:
    name = rx.cond(one["name"] != "", f"{one['step']}.{one['name']}", one["step"])
    return rx.el.div(
        rx.el.span(icon("repeat-2"), rx.el.code(name), class_name="of"),
        rx.el.span(
            icon_button(
                "chevron-left",
                t("Previous pass"),
                on_click=choose(one["body"], one["before"]),
                disabled=one["place"] == 1,
            ),
            rx.el.select(
                rx.foreach(one["calls"], _option),
                value=one["key"],
                on_change=lambda key: choose(one["body"], key),
                class_name="input",
                aria_label=t("Pass of {step}", step=name),
            ),
            rx.el.span(t("of {count}", count=one["count"])),
            icon_button(
                "chevron-right",
                t("Next pass"),
                on_click=choose(one["body"], one["after"]),
                disabled=one["place"] == one["count"],
            ),
            class_name="ways",
        ),
        rx.cond(one["failed"] > 0, badge(t("{count} failed", count=one["failed"]), "error")),
        rx.cond(one["waiting"] > 0, badge(t("{count} waiting", count=one["waiting"]), "info", "hourglass")),
        class_name="pass",
        key=one["body"],
    )


def _option(call: rx.Var[Call]) -> rx.Component:
    place = call["place"].to_string()
    label = rx.match(
        call["state"],
        ("failed", t("{place} · failed", place=place)),
        ("waiting", t("{place} · waits", place=place)),
        ("running", t("{place} · runs", place=place)),
        place,
    )
    return rx.el.option(label, value=call["key"])
