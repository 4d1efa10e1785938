"""Inbox: what runs ask people, one to read and answer at a time."""

import reflex as rx

from builder.clock import moment, pulse, time_left
from builder.inbox.form import question
from builder.inbox.questions import Question
from builder.inbox.state import HEADING, Inbox
from builder.language import t, tr
from builder.shell import Shell, page
from builder.widgets import button, empty_state, icon, link_button

ROUTE = "/inbox"


def inbox() -> rx.Component:
    """The page at `ROUTE`; load it with `Inbox.load`."""
    return page(
        ROUTE,
        t("Inbox"),
        rx.match(
            Inbox.phase,
            ("loading", _loading()),
            ("failed", _failed()),
            rx.cond(Inbox.questions.length() > 0, _parts(), _nothing()),
        ),
        pulse(Inbox.every, Inbox.look),
        said=t("What your flows ask people, and wait for."),
    )


def _loading() -> rx.Component:
    rows = (rx.el.div(class_name="row-to-come") for _ in range(3))
    return rx.el.div(*rows, class_name="card", role="status", aria_label=t("Loading …"))


def _failed() -> rx.Component:
    return rx.el.div(
        empty_state(
            "unplug",
            t("The inbox cannot be shown now"),
            rx.fragment(tr(Inbox.failed), " ", tr(Inbox.mend)),
            button(t("Try again"), kind="primary", icon_name="rotate-cw", on_click=Inbox.load),
        ),
        role="alert",
    )


def _nothing() -> rx.Component:
    return empty_state(
        "inbox",
        t("Nobody is asked anything"),
        t("A flow with the step “Ask a person” stops here until somebody answers."),
    )


def _parts() -> rx.Component:
    one = rx.foreach(
        Inbox.questions,
        lambda asked: rx.cond(asked["id"] == Inbox.opened, _opened(asked), rx.fragment()),
    )
    return rx.el.div(
        rx.el.ol(rx.foreach(Inbox.questions, _line), class_name="card asked-list"),
        rx.el.div(
            rx.cond(Inbox.opened == "", rx.el.p(t("Choose a question to read and answer it."), class_name="fine"), one),
            class_name="asked-one",
        ),
        class_name=rx.cond(Inbox.opened == "", "inbox", "inbox reads"),
    )


def _line(asked: rx.Var[Question]) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(asked["title"], class_name="title"),
            rx.el.span(
                rx.el.span(icon("workflow"), _flow_name(asked)),
                rx.cond(asked["to"] != "", rx.el.span(icon("user"), asked["to"])),
                rx.el.span(moment(asked["asked"])),
                rx.cond(asked["until"] > 0, rx.el.span(icon("hourglass"), time_left(asked["until"]))),
                class_name="facts",
            ),
            type="button",
            on_click=Inbox.open(asked["id"]),
            aria_pressed=rx.cond(Inbox.opened == asked["id"], "true", "false"),
        ),
        key=asked["id"],
    )


def _opened(asked: rx.Var[Question]) -> rx.Component:
    return rx.el.article(
        button(t("Back to the list"), kind="quiet", icon_name="chevron-left", on_click=Inbox.open("")),
        question(asked, [Inbox.look, Shell.look], heading=_heading),
        rx.el.footer(
            link_button(t("See the run"), rx.Var.create(f"/runs/{asked['run']}"), icon_name="history"),
            button(
                t("Copy a link for answering"),
                icon_name="link",
                on_click=[rx.set_clipboard(Inbox.link), Inbox.copied],
                disabled=Inbox.link == "",
            ),
            class_name="buttons",
        ),
        class_name="card question",
        key=asked["id"],
    )


def _heading(*children: rx.Component, **props: object) -> rx.Component:
    return rx.el.h2(*children, id=HEADING, **props)


def _flow_name(asked: rx.Var[Question]) -> rx.Var[str]:
    return rx.cond(asked["flow_name"], asked["flow_name"], t("Untitled"))
