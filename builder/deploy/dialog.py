"""The deploy dialog: choose the address, publish, copy the line that calls it, keep the keys in order."""

from typing import Any

import reflex as rx

from builder.clock import moment, tick
from builder.deploy.state import Deploying, KeyLine
from builder.deploy.ticks import TickLine
from builder.language import t, tr
from builder.preview.inspector import failure
from builder.preview.step_link import step_link
from builder.widgets import badge, button, closing, dialog, field, icon, icon_button, text_input


def deploy_button() -> rx.Component:
    """Opens the dialog; says whether the flow is live."""
    return rx.fragment(
        rx.cond(
            Deploying.live != "",
            rx.el.span(
                rx.cond(
                    Deploying.paused > 0,
                    badge(t("Paused, version {number}", number=Deploying.version), "warning", "circle-pause"),
                    badge(t("Live, version {number}", number=Deploying.version), "success", "radio"),
                ),
                class_name="deployed",
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
        rx.cond(Deploying.paused > 0, _paused()),
        rx.cond(Deploying.ticks.length() > 0, _ticks()),
        rx.cond(Deploying.command != "", _call()),
        rx.el.section(
            rx.el.h3(t("Keys")),
            rx.el.ul(rx.foreach(Deploying.keys, _key), class_name="keys"),
            rx.el.div(
                button(t("New key"), icon_name="key-round", on_click=Deploying.add_key),
                rx.cond(
                    Deploying.paused > 0,
                    rx.fragment(),
                    button(t("Pause"), icon_name="circle-pause", on_click=Deploying.pause(True)),
                ),
                button(t("Take it down"), icon_name="power-off", kind="danger", on_click=Deploying.undeploy),
                class_name="buttons",
            ),
            rx.cond(
                Deploying.paused > 0,
                rx.fragment(),
                rx.el.p(
                    t("While it is paused, runs that are kept step by step stay queued and schedules start nothing."),
                    class_name="help",
                ),
            ),
        ),
    )


def _paused() -> rx.Component:
    """That nothing goes on, what becomes of calls, and the way to go on."""
    return rx.el.section(
        rx.el.div(
            rx.el.p(badge(t("Paused"), "warning", "circle-pause"), " ", moment(Deploying.paused)),
            button(t("Go on"), kind="primary", icon_name="circle-play", on_click=Deploying.pause(False)),
            class_name="buttons spread",
        ),
        rx.el.p(
            t("Calls are taken: runs that are kept step by step stay queued until then. Schedules start nothing."),
            class_name="help",
        ),
        class_name="paused",
        role="status",
    )


def _ticks() -> rx.Component:
    return rx.el.section(
        rx.el.h3(t("Comes by itself next")),
        rx.el.ul(rx.foreach(Deploying.ticks, _tick), class_name="ticks"),
    )


def _tick(one: rx.Var[TickLine]) -> rx.Component:
    return rx.el.li(icon("calendar-clock"), tick(one["at"], one["zone"]), rx.el.span(one["title"], class_name="fine"))


def _call() -> rx.Component:
    return rx.el.section(
        rx.el.h3(t("Call it")),
        _copyable(Deploying.command, t("Copy the command"), "deploy-command"),
        rx.cond(
            Deploying.key == "",
            rx.el.p(t("Put one of your keys in the place of YOUR_KEY."), class_name="help"),
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
