"""The frame of every page: header, navigation, account, connection, notices."""

from typing import Any

import reflex as rx
from reflex_components_core.core.banner import connect_error_var_data, has_too_many_connection_errors
from reflex_components_core.el.elements.base import BaseHTML
from reflex_components_core.el.elements.inline import A  # a plain link; `rx.el.a` never leaves the page

from builder.clock import pulse
from builder.guard import backend, person
from builder.language import LANGUAGES, choice, choose, t
from builder.notices import notices
from builder.theme import THEMES
from builder.widgets import button, empty_state, icon, link, segmented

_library = rx.asset("shell.js", shared=True).importable_path

# What one may choose; `choices.js` knows the same.
CHOICES = {"theme": ("system", *THEMES), "language": ("system", *LANGUAGES)}


_LOOK = 15_000  # ms between two looks at how many questions wait


class Shell(rx.State):
    """What the frame shows about the person. preferences: `theme` and `language`, once they have chosen.

    asked: how many questions wait for people of the workspace.
    """

    name: str = ""
    preferences: dict[str, str] = {}
    asked: int = 0

    @rx.event
    async def arrive(self) -> None:
        """Load it; every page does this first."""
        who = await person()
        self.name = who.name
        kept = await backend().preferences(who)
        self.preferences = {name: kept[name] for name in CHOICES if name in kept}
        self.asked = len(await backend().waiting(who))

    @rx.event
    async def look(self) -> None:
        """See how many questions wait now."""
        self.asked = len(await backend().waiting(await person()))

    @rx.event
    async def prefer(self, name: str, value: str) -> None:
        """Keep a choice with the account, so that it holds in every browser."""
        who = await person()
        if value in CHOICES.get(name, ()):
            await backend().prefer(who, name, value)
            self.preferences = {**self.preferences, name: value}


class _Habits(rx.Fragment):
    """The hooks of shell.js, which need a component to live in."""

    def add_imports(self) -> dict[str, Any]:
        return {_library: ["useArrival", "usePreferences", "useSession"]}

    def add_hooks(self) -> list[Any]:
        preferences = Shell.preferences
        return [
            "useArrival();",
            rx.Var("useSession(connectErrors);", _var_data=connect_error_var_data),
            rx.Var(f"usePreferences({preferences!s});", _var_data=preferences._get_all_var_data()),
        ]


class _PlainForm(BaseHTML):
    """A form that the browser sends; Reflex's own keeps its content for events."""

    tag = "form"


def page(
    here: str, title: Any, *content: Any, said: Any = None, actions: list[rx.Component] | None = None
) -> rx.Component:
    """A page with a heading. here: its address in the navigation. said: a sentence under the heading."""
    heading = rx.el.div(
        rx.el.h1(title, tab_index=-1),
        rx.el.p(said) if said is not None else rx.fragment(),
    )
    headline = rx.el.div(heading, rx.el.div(*(actions or []), class_name="actions"), class_name="headline")
    return frame(header(navigation(here)), rx.el.main(headline, *content, id="main", class_name="main", tab_index=-1))


def frame(top: rx.Component, main: rx.Component) -> rx.Component:
    """What surrounds even a page that fills the window; `main` has the id `main` for the skip link."""
    return rx.fragment(
        _Habits.create(),
        A.create(t("Skip to the content"), href="#main", class_name="skip"),
        connection(),
        top,
        main,
        notices(),
    )


def header(*middle: rx.Component, end: list[rx.Component] | None = None) -> rx.Component:
    """The top of a page: logo, what the page puts in the middle and at the end, and the account."""
    return rx.el.header(
        link(
            rx.el.img(src="/logo.svg", alt="", width="28", height="28"),
            rx.el.span("Canevas"),
            href="/",
            class_name="brand",
            aria_label=t("Canevas, home"),
        ),
        rx.el.div(*middle, class_name="middle"),
        rx.el.div(*(end or []), account(), class_name="end"),
        class_name="header",
    )


def navigation(here: str) -> rx.Component:
    """The ways to the other pages; on a phone at the bottom."""
    places = (
        ("/", t("Home"), "house", rx.fragment()),
        ("/inbox", t("Inbox"), "inbox", _count()),
        ("/runs", t("Runs"), "history", rx.fragment()),
        ("/settings", t("Settings"), "settings", rx.fragment()),
    )
    return rx.el.nav(
        pulse(_LOOK, Shell.look),
        rx.el.ul(
            *(
                rx.el.li(
                    link(icon(mark), label, count, href=to, **({"aria_current": "page"} if to == here else {})),
                )
                for to, label, mark, count in places
            )
        ),
        class_name="navigation",
        aria_label=t("Main"),
    )


def _count() -> rx.Component:
    """How many questions wait; nothing when none does."""
    return rx.cond(
        Shell.asked > 0,
        rx.el.span(
            rx.el.span(Shell.asked, custom_attrs={"aria-hidden": "true"}),
            rx.el.span(t("{count} waiting", count=Shell.asked), class_name="unseen"),
            class_name="count",
        ),
    )


def account() -> rx.Component:
    """Who is signed in, theme and language at hand, and the way out."""
    initial = rx.el.span(Shell.name[:1], class_name="initial", custom_attrs={"aria-hidden": "true"})
    return rx.popover.root(
        rx.popover.trigger(
            rx.el.button(initial, class_name="button quiet only-icon", aria_label=t("Your account"), type="button")
        ),
        rx.popover.content(
            rx.el.div(
                rx.el.p(initial, Shell.name, class_name="who"),
                theme_choice("account-theme"),
                language_choice("account-language"),
                _PlainForm.create(
                    button(t("Sign out"), icon_name="log-out", type="submit"),
                    custom_attrs={"action": "/leave", "method": "post"},
                ),
                class_name="account",
            ),
            class_name="menu",
            align="end",
            side_offset=8,
        ),
    )


def theme_choice(name: str) -> rx.Component:
    """The themes; takes effect at once. name: unique on the page."""
    options = [
        ("system", t("System"), "monitor"),
        ("dark", t("Dark"), "moon"),
        ("light", t("Light"), "sun"),
        ("contrast", t("High contrast"), "contrast"),
    ]
    return segmented(name, t("Theme"), options, choice("theme"), lambda value: _choose("theme", value))


def language_choice(name: str) -> rx.Component:
    """The languages, each in its own words; takes effect at once. name: unique on the page."""
    options = [("system", t("System"), ""), *((code, own, "") for code, own in LANGUAGES.items())]
    return segmented(name, t("Language"), options, choice("language"), lambda value: _choose("language", value))


def _choose(name: str, value: str) -> list[Any]:
    """At once in the browser, then for good on the server."""
    return [choose(name, value), Shell.prefer(name, value)]


def connection() -> rx.Component:
    """Says that the server does not answer, while it does not."""
    return rx.el.div(
        rx.cond(
            has_too_many_connection_errors,
            rx.el.div(
                icon("wifi-off"),
                t("The server does not answer. What you see is kept; trying again."),
                class_name="connection",
            ),
        ),
        role="status",
    )


def broken() -> rx.Component:
    """What stands there when a page could not be drawn."""
    return rx.el.main(
        empty_state(
            "unplug",
            t("This page broke"),
            t("What you did before is saved. Load the page again; if it breaks again, the log says why."),
            A.create(icon("rotate-cw"), t("Load it again"), href="", class_name="button primary"),
        ),
        class_name="arriving",
    )


def waiting() -> rx.Component:
    """What stands there until the first page is drawn."""
    return rx.el.div(rx.el.img(src="/logo.svg", alt="", width="48", height="48"), class_name="arriving")
