"""What stands under the list once runs are ticked, and the question before anything is done to them."""

from typing import Any

import reflex as rx

from builder.language import t, tr
from builder.runs.bulk import Deed, Refused
from builder.runs.many import Many
from builder.runs.state import RunList
from builder.widgets import ButtonKind, button, closing, dialog, icon_button, link


def many_bar() -> rx.Component:
    """What can be done to the runs that are ticked; nothing when none is."""
    return rx.cond(
        RunList.chosen.length() > 0,
        rx.el.section(
            rx.el.p(t("{count} selected", count=RunList.chosen.length()), role="status"),
            rx.cond(
                RunList.is_all_chosen,
                rx.fragment(),
                icon_button("list-checks", t("Select all that are shown"), on_click=RunList.choose_all(True)),
            ),
            icon_button("x", t("Select none"), on_click=RunList.choose_all(False)),
            rx.el.div(
                _deed("stop", t("Stop"), "circle-stop", kind="danger"),
                _deed("again", t("Run again"), "rotate-ccw"),
                _deed("go_on", t("Run again from the failed step"), "step-forward"),
                class_name="deeds",
            ),
            class_name="many-bar",
            aria_label=t("What to do with the selected runs"),
        ),
    )


def _deed(deed: Deed, label: Any, mark: str, kind: ButtonKind = "plain") -> rx.Component:
    """A button, where one of the chosen runs allows it."""
    return rx.cond(
        RunList.deeds.contains(deed), button(label, kind=kind, icon_name=mark, on_click=Many.ask(deed)), rx.fragment()
    )


def many_dialog() -> rx.Component:
    """Is it meant? And afterwards, if some could not be done, which and why."""
    title = rx.match(
        Many.deed,
        ("stop", t("Stop these runs?")),
        ("go_on", t("Run these again from where they failed?")),
        t("Run these again?"),
    )
    return dialog(
        rx.cond(Many.done < 0, title, t("Not all of it could be done")),
        rx.cond(Many.done < 0, _question(), _report()),
        actions=[
            closing(button(rx.cond(Many.done < 0, t("Cancel"), t("Close")))),
            rx.cond(
                (Many.done < 0) & (Many.count > 0),
                rx.cond(
                    Many.deed == "stop",
                    button(t("Stop them"), kind="danger", icon_name="circle-stop", on_click=Many.do),
                    button(t("Run them again"), kind="primary", icon_name="rotate-ccw", on_click=Many.do),
                ),
            ),
        ],
        open=Many.deed != "",
        on_open_change=Many.close,
    )


def _question() -> rx.Component:
    stops = rx.cond(
        Many.count > 0,
        t("Runs that will be stopped: {count}. What they did stays done.", count=Many.count),
        t("None of the selected runs goes on, so there is nothing to stop."),
    )
    again = rx.cond(
        Many.count > 0,
        t("Runs that will be started: {count}, each with the input and the flow of the earlier one.", count=Many.count),
        t("None of the selected runs has ended."),
    )
    goes_on = rx.cond(
        Many.count > 0,
        t("Runs that will be started: {count}. What had finished is taken over, only the rest runs.", count=Many.count),
        t("None of the selected runs has failed."),
    )
    left_out = rx.match(
        Many.deed,
        ("stop", t("Left out, because they have ended: {count}.", count=Many.left_out)),
        ("go_on", t("Left out, because they have not failed: {count}.", count=Many.left_out)),
        t("Left out, because they still go on: {count}.", count=Many.left_out),
    )
    return rx.fragment(
        rx.el.p(rx.match(Many.deed, ("stop", stops), ("go_on", goes_on), again)),
        rx.cond((Many.left_out > 0) & (Many.count > 0), rx.el.p(left_out, class_name="help")),
    )


def _report() -> rx.Component:
    return rx.el.div(
        rx.el.p(t("Done: {count}. Not done: {failed}.", count=Many.done, failed=Many.refused.length())),
        rx.el.ul(rx.foreach(Many.refused, _refused), class_name="refused"),
        role="status",
    )


def _refused(one: rx.Var[Refused]) -> rx.Component:
    return rx.el.li(
        link(rx.cond(one["flow_name"], one["flow_name"], t("Untitled")), href=rx.Var.create(f"/runs/{one['id']}")),
        rx.el.span(tr(one["what"]), ". ", tr(one["mend"])),
    )
