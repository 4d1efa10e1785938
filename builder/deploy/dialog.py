"""The deploy dialog: choose the address, publish, copy the line that calls it, keep the keys in order."""

from typing import Any

import reflex as rx

from builder.clock import moment
from builder.deploy.state import Deploying, KeyLine
from builder.language import t, tr
from builder.preview.inspector import failure
from builder.preview.step_link import step_link
from builder.widgets import badge, button, closing, dialog, field, icon_button, text_input


def deploy_button() -> rx.Component:
    """Opens the dialog; says whether the flow is live."""
    return rx.fragment(
        rx.cond(
            Deploying.live != "",
            rx.el.span(
                badge(t("Live, version {number}", number=Deploying.version), "success", "radio"), class_name="deployed"
            ),
        ),
        button(t("Deploy"), icon_name="rocket", kind="primary", on_click=Deploying.set_open(True), id="deploy-button"),
        _dialog(),
    )


def _dialog() -> rx.Component:
    return dialog(
        t("Deploy"),
        rx.el.form(
            field(
                "slug",
                t("Address"),
                text_input("slug", key=Deploying.slug, default_value=Deploying.slug, code=True, required=True),
                help=t("Small letters, digits and “-”. The flow answers at /api/flows/ and this."),
            ),
            button(
                rx.cond(Deploying.live == "", t("Deploy"), t("Deploy the draft as a new version")),
                kind="primary",
                icon_name="rocket",
                type="submit",
            ),
            on_submit=Deploying.deploy,
            class_name="publish",
        ),
        rx.cond(Deploying.failed != "", failure(Deploying.failed, Deploying.mend, where=_where())),
        rx.cond(Deploying.key != "", _fresh_key()),
        rx.cond(Deploying.live != "", _standing()),
        said=t("Publishes the draft as a version that never changes. Later edits wait for the next deploy."),
        actions=[closing(button(t("Close")))],
        wide=True,
        open=Deploying.is_open,
        on_open_change=Deploying.set_open,
    )


def _where() -> rx.Component:
    return step_link(Deploying.failed_step, on_go=Deploying.set_open(False))


def _fresh_key() -> rx.Component:
    return rx.el.section(
        rx.el.h3(t("The key, shown this once")),
        _copyable(Deploying.key, t("Copy the key"), "deploy-key"),
        rx.el.p(t("Keep it somewhere safe: Canevas stores only its fingerprint."), class_name="help"),
        class_name="fresh-key",
    )


def _standing() -> rx.Component:
    return rx.fragment(
        rx.el.section(
            rx.el.h3(t("Call it")),
            _copyable(Deploying.command, t("Copy the command"), "deploy-command"),
            rx.cond(
                Deploying.key == "",
                rx.el.p(t("Put one of your keys in the place of YOUR_KEY."), class_name="help"),
            ),
        ),
        rx.el.section(
            rx.el.h3(t("Keys")),
            rx.el.ul(rx.foreach(Deploying.keys, _key), class_name="keys"),
            rx.el.div(
                button(t("New key"), icon_name="key-round", on_click=Deploying.add_key),
                button(t("Take it down"), icon_name="power-off", kind="danger", on_click=Deploying.undeploy),
                class_name="buttons",
            ),
        ),
    )


def _key(key: rx.Var[KeyLine]) -> rx.Component:
    return rx.el.li(
        rx.el.code(key["prefix"], "…"),
        rx.el.span(
            rx.el.span(tr(key["name"])), rx.el.span(moment(key["created"]), class_name="when"), class_name="about"
        ),
        icon_button("trash-2", t("Revoke this key"), on_click=Deploying.revoke(key["id"])),
    )


def _copyable(text: Any, label: Any, id: str) -> rx.Component:
    return rx.el.div(
        rx.el.pre(text, class_name="value", id=id, tab_index=0),
        icon_button("copy", label, on_click=[rx.set_clipboard(text), Deploying.copied]),
        class_name="copyable",
    )
