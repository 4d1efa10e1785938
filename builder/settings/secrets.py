"""The secrets on the settings page: which there are, a form for one more, and the way out of each."""

from typing import Any

import reflex as rx

from builder.clock import moment
from builder.language import t, tr
from builder.settings.lines import ANTHROPIC, SecretLine
from builder.settings.state import SettingsPage
from builder.widgets import badge, button, closing, dialog, field, text_input


def secrets() -> list[rx.Component]:
    """The rows, the button for a new one, and the dialogs."""
    return [
        rx.el.ul(_anthropic(), rx.foreach(SettingsPage.secrets, _secret), class_name="rows"),
        rx.el.div(button(t("Add a secret"), icon_name="plus", on_click=SettingsPage.enter(""))),
        _form(),
        _question(),
    ]


def _anthropic() -> rx.Component:
    """The key for Claude has a row of its own, set or not."""
    there = SettingsPage.anthropic > 0
    return rx.el.li(
        rx.el.div(
            rx.el.h3(t("Anthropic key")),
            rx.el.p(t("Claude answers with it. It is the secret called {name}.", name=ANTHROPIC)),
            rx.cond(there, rx.el.p(t("Set"), " ", moment(SettingsPage.anthropic), class_name="fine")),
        ),
        rx.el.div(
            rx.cond(there, badge(t("Set"), "success"), badge(t("Not set"), "neutral")),
            rx.cond(
                there,
                _commands(ANTHROPIC),
                rx.el.div(
                    button(t("Set the key"), kind="primary", on_click=SettingsPage.enter(ANTHROPIC)),
                    class_name="commands",
                ),
            ),
            class_name="end",
        ),
    )


def _secret(secret: rx.Var[SecretLine]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h3(rx.el.code(secret["name"])),
            rx.el.p(t("Set"), " ", moment(secret["updated"]), class_name="fine"),
        ),
        rx.el.div(_commands(secret["name"]), class_name="end"),
    )


def _commands(name: Any) -> rx.Component:
    return rx.el.div(
        button(
            t("Replace"), kind="quiet", on_click=SettingsPage.enter(name), aria_label=t("Replace {name}", name=name)
        ),
        button(
            t("Delete"),
            kind="quiet",
            on_click=SettingsPage.ask_delete(name),
            aria_label=t("Delete {name}", name=name),
        ),
        class_name="commands",
    )


def _form() -> rx.Component:
    """Name and value; the browser keeps neither, and the fields are gone with the dialog."""
    name = rx.cond(
        SettingsPage.replaces,
        rx.fragment(),
        field(
            "secret-name",
            t("Name"),
            text_input(
                "secret-name",
                error=SettingsPage.name_error,
                code=True,
                auto_focus=True,
                auto_complete="off",
                spell_check=False,
            ),
            help=t("Flows name it so; for example the service it opens."),
            error=tr(SettingsPage.name_error),
        ),
    )
    value = field(
        "secret-value",
        t("Value"),
        text_input(
            "secret-value",
            error=SettingsPage.value_error,
            code=True,
            type="password",
            auto_focus=SettingsPage.replaces,
            auto_complete="new-password",
            spell_check=False,
        ),
        help=t("Paste it here. It is encrypted at once and never shown again."),
        error=tr(SettingsPage.value_error),
    )
    return dialog(
        rx.match(
            SettingsPage.entering,
            ("new", t("Add a secret")),
            (ANTHROPIC, t("Anthropic key")),
            t("Replace {name}", name=SettingsPage.entering),
        ),
        rx.el.form(
            name,
            value,
            rx.el.div(
                closing(button(t("Cancel"), kind="quiet")),
                button(t("Keep it"), kind="primary", type="submit"),
                class_name="actions",
            ),
            on_submit=SettingsPage.keep,
            custom_attrs={"autoComplete": "off"},
        ),
        open=SettingsPage.entering != "",
        on_open_change=SettingsPage.leave_form,
    )


def _question() -> rx.Component:
    """Deleting a secret cannot be undone, so it is asked about."""
    return dialog(
        t("Delete {name}?", name=SettingsPage.leaving),
        said=rx.cond(
            SettingsPage.leaves_anthropic,
            t("Flows that ask Claude will not run any more. The value cannot be brought back."),
            t("Flows that use it will not run any more. The value cannot be brought back."),
        ),
        actions=[
            closing(button(t("Cancel"), kind="quiet")),
            button(t("Delete it"), kind="danger", on_click=SettingsPage.delete),
        ],
        open=SettingsPage.leaving != "",
        on_open_change=SettingsPage.leave_delete,
    )
