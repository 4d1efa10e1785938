"""Settings: how Canevas looks and speaks, the secrets it keeps, and what the operator has set."""

from typing import Any

import reflex as rx

from builder.clock import pulse
from builder.language import t, tr
from builder.settings.lines import ModelLine
from builder.settings.secrets import secrets
from builder.settings.state import SettingsPage
from builder.shell import language_choice, page, theme_choice
from builder.widgets import badge, card

_SOON = 3_000  # ms between looks while models are being fetched


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
        section(
            t("Secrets"),
            rx.fragment(
                rx.el.span(t("Keys and passwords that flows use by name. No value is ever shown again or exported.")),
                rx.el.span(
                    t(
                        "They are encrypted in the database with the master key in {file}; keep a copy of that file.",
                        file=SettingsPage.master_key,
                    )
                ),
            ),
            *secrets(),
        ),
        section(
            t("Built-in models"),
            t("They run on this machine and need no key. Which model answered is always shown."),
            rx.el.ul(rx.foreach(SettingsPage.models, _model), class_name="rows"),
            _mend(),
        ),
        section(
            t("Private hosts"),
            t("Flows reach no private or loopback address, unless whoever runs Canevas allows it."),
            _hosts(),
        ),
        pulse(rx.cond(SettingsPage.fetching, _SOON, 0), SettingsPage.load),
    )


def section(title: Any, said: Any, *content: Any) -> rx.Component:
    """A part of the page: what it is about beside what one can set."""
    return rx.el.section(
        rx.el.div(rx.el.h2(title), rx.el.p(said)),
        card(*content),
        class_name="settings-section",
    )


def _model(model: rx.Var[ModelLine]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h3(tr(model["title"])),
            rx.el.p(tr(model["said"])),
            rx.el.p(model["package"], " · ", t("{count} MB", count=model["megabytes"]), class_name="fine"),
        ),
        rx.match(
            model["state"],
            ("there", badge(t("Installed"), "success")),
            ("fetching", badge(t("Being fetched"), "info", "loader-circle")),
            badge(t("Missing"), "warning"),
        ),
    )


def _mend() -> rx.Component:
    """How missing models are had."""
    return rx.cond(
        SettingsPage.missing,
        rx.fragment(
            rx.el.p(t("To fetch what is missing, type this in a terminal on the machine that runs Canevas:")),
            rx.el.pre(rx.el.code("canevas weights")),
        ),
    )


def _hosts() -> rx.Component:
    return rx.fragment(
        rx.cond(
            SettingsPage.allowed_hosts.length() > 0,
            rx.el.ul(
                rx.foreach(SettingsPage.allowed_hosts, lambda host: rx.el.li(rx.el.code(host))), class_name="hosts"
            ),
            rx.el.p(t("None is allowed.")),
        ),
        rx.el.p(
            t("To change it, set this where Canevas is started, hosts or ranges with commas between, and start again:"),
            class_name="fine",
        ),
        rx.el.pre(rx.el.code("CANEVAS_ALLOWED_HOSTS=nas.local,10.0.0.0/8")),
    )
