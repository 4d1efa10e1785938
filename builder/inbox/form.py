"""The form with which a person answers what a run asks, wherever it stands."""

from typing import Any

import reflex as rx

from builder.clock import moment, time_left
from builder.inbox.answering import Answering
from builder.inbox.questions import Question
from builder.language import t, tr
from builder.preview.fields import form_field
from builder.preview.inspected import Value
from builder.preview.inspector import written
from builder.widgets import button, icon, link

_SHOWN = 5  # questions in one place; a list of more is the inbox
_library = rx.asset("form.jsx", shared=True).importable_path


class _AnswerForm(rx.NoSSRComponent):
    library = _library
    tag = "AnswerForm"

    on_answer: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


class _Prose(rx.NoSSRComponent):
    library = _library
    tag = "Prose"

    text: rx.Var[str]


def questions(asked: rx.Var[list[Question]], then: Any = ()) -> rx.Component:
    """All that a run asks just now, each to be answered in place; announced when one comes. then: see `question`."""
    count = asked.length()
    said = rx.cond(
        count == 0,
        "",
        rx.cond(
            count == 1, t("The run asks: {title}", title=asked[0]["title"]), t("{count} questions wait", count=count)
        ),
    )
    return rx.fragment(
        rx.el.p(said, role="status", class_name="unseen"),
        rx.cond(
            count > 0,
            rx.el.div(
                rx.foreach(
                    asked[:_SHOWN], lambda one: rx.el.article(question(one, then), class_name="question", key=one["id"])
                ),
                rx.cond(count > _SHOWN, link(t("{count} more in the inbox", count=count - _SHOWN), href="/inbox")),
                class_name="questions",
            ),
        ),
    )


def question(asked: rx.Var[Question], then: Any = (), *, heading: Any = rx.el.h3) -> rx.Component:
    """One question with the data to judge and the form. then: events that look again once it is answered."""
    wrong = Answering.wrong[asked["id"]]
    more = list(then) if isinstance(then, list | tuple) else [then]
    return rx.fragment(
        heading(icon("user-round-check"), asked["title"], tab_index=-1),
        facts(asked),
        rx.cond(asked["text"] != "", _Prose.create(text=asked["text"])),
        rx.cond(asked["shown"].length() > 0, rx.el.div(rx.foreach(asked["shown"], _judged), class_name="values-of")),
        _AnswerForm.create(
            rx.foreach(
                asked["fields"], lambda field: form_field(field, wrong[field["name"]].to(str), f"answer-{asked['id']}")
            ),
            rx.cond(wrong[""], _wrong(wrong[""].to(str))),
            rx.cond(wrong[asked["choice"]] & (asked["choice"] != ""), _wrong(wrong[asked["choice"]].to(str))),
            rx.el.div(_buttons(asked), class_name="buttons"),
            on_answer=[lambda data: Answering.answer(asked["run"], asked["step"], data), *more],
            class_name="asked",
        ),
    )


def facts(asked: rx.Var[Question]) -> rx.Component:
    """Who is asked by which flow, since when, and how long there is time."""
    return rx.el.p(
        rx.cond(asked["flow_name"] != "", rx.el.span(icon("workflow"), asked["flow_name"])),
        rx.cond(asked["to"] != "", rx.el.span(icon("user"), asked["to"])),
        rx.el.span(moment(asked["asked"])),
        rx.cond(asked["until"] > 0, rx.el.span(icon("hourglass"), time_left(asked["until"]))),
        class_name="facts",
    )


def _judged(value: rx.Var[Value]) -> rx.Component:
    label = rx.cond(value["name"] != "", value["name"], t("Data to judge"))
    return rx.el.div(rx.cond(value["name"] != "", rx.el.h4(value["name"])), written(value, label))


def _wrong(said: Any) -> rx.Component:
    return rx.el.p(icon("circle-alert"), tr(said), class_name="wrong", role="alert")


def _buttons(asked: rx.Var[Question]) -> rx.Component:
    busy = Answering.busy == asked["id"]
    return rx.cond(
        asked["choices"].length() > 0,
        rx.foreach(
            asked["choices"],
            # Not called like the variable of a list around this one: the inner would stand for both.
            lambda option: button(
                option["label"], type="submit", name=asked["choice"], value=option["value"], disabled=busy
            ),
        ),
        button(t("Send the answer"), kind="primary", icon_name="send", type="submit", busy=busy),
    )
