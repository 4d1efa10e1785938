"""The ways to run again: buttons for the whole run, for one step, and the dialog for another value."""

from typing import Any

import reflex as rx

from builder.language import t, told
from builder.preview.inspected import Inspected
from builder.preview.replaying import Replaying
from builder.widgets import button, closing, dialog, field, text_area


def run_again(run: Any, failed: Any) -> rx.Component:
    """The whole run again, or from where it failed. failed: a step of it did."""
    return rx.fragment(
        rx.cond(
            failed,
            button(
                t("Run again from the failed step"),
                icon_name="step-forward",
                kind="primary",
                on_click=Replaying.from_failed(run),
            ),
        ),
        button(t("Run again"), icon_name="rotate-ccw", on_click=Replaying.whole(run)),
    )


def step_again(run: Any, shown: rx.Var[Inspected]) -> rx.Component:
    """Run again from the step that is shown, or with another value for what it gave; for a step that has ended."""
    ended = (shown["state"] == "done") | (shown["state"] == "failed")
    return rx.cond(
        (shown["path"] != "") & ended,
        rx.el.div(
            button(
                t("Run again from here"), icon_name="step-forward", on_click=Replaying.from_step(run, shown["path"])
            ),
            button(t("Use another value …"), icon_name="pencil", on_click=Replaying.edit(run, shown["path"])),
            class_name="again",
        ),
    )


def value_dialog() -> rx.Component:
    """The dialog for another value; once on a page."""
    return dialog(
        t("Use another value"),
        rx.el.form(
            field(
                "other-value",
                t("What {step} gave", step=Replaying.step),
                text_area(
                    "other-value",
                    error=Replaying.wrong,
                    code=True,
                    default_value=Replaying.text,
                    rows=12,
                    spell_check=False,
                    key=Replaying.step,
                ),
                help=t("JSON, with a value for each output. What comes after this step runs again with it."),
                error=rx.cond(Replaying.wrong != "", told(Replaying.wrong, Replaying.values), ""),
            ),
            rx.el.div(
                closing(button(t("Cancel"))),
                button(t("Run again with it"), kind="primary", icon_name="step-forward", type="submit"),
                class_name="actions",
            ),
            on_submit=Replaying.use,
        ),
        open=Replaying.step != "",
        on_open_change=Replaying.close,
        wide=True,
    )
