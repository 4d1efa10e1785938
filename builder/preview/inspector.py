"""What the selected step got and gave, as the editor and the page of a run show it."""

from typing import Any

import reflex as rx

from builder.clock import duration
from builder.language import t, tr
from builder.preview.inspected import Inspected, Value
from builder.widgets import badge, icon, run_state


def inspector(inspected: rx.Var[Inspected], ran: Any = True) -> rx.Component:
    """The step's state, what answered, its input and output, its error with the mend, its log. ran: there is a run."""
    nothing = rx.cond(
        ran,
        t("The run did not come to this step."),
        t("Run the flow, and what this step got and gave stands here."),
    )
    return rx.cond(
        inspected["state"] == "",
        rx.el.p(nothing, class_name="none"),
        rx.el.div(
            rx.el.div(run_state(inspected["state"]), _facts(inspected), class_name="inspected-head"),
            rx.cond(inspected["error"] != "", failure(inspected["error"], inspected["mend"])),
            rx.cond(inspected["streaming"] != "", rx.el.pre(inspected["streaming"], class_name="value")),
            _values(t("Got"), inspected["input"]),
            _values(t("Gave"), inspected["output"]),
            rx.cond(inspected["logs"].length() > 0, _logs(inspected)),
            class_name="inspected",
        ),
    )


def failure(what: Any, mend: Any, *, where: rx.Component | None = None) -> rx.Component:
    """What went wrong, and what to do. where: the step at which it did."""
    return rx.el.div(
        icon("circle-x"),
        rx.el.div(rx.el.p(where or rx.fragment(), tr(what)), rx.cond(mend != "", rx.el.p(tr(mend), class_name="mend"))),
        class_name="failure",
        role="alert",
    )


def _facts(inspected: rx.Var[Inspected]) -> rx.Component:
    return rx.fragment(
        rx.cond(inspected["ms"] > 0, rx.el.span(duration(inspected["ms"]))),
        rx.cond(inspected["model"] != "", rx.el.span(icon("sparkles"), inspected["model"])),
        rx.cond(inspected["demo"], badge(t("demo model"), "warning")),
        rx.cond(inspected["tokens"] > 0, rx.el.span(t("{count} tokens", count=inspected["tokens"]))),
        rx.cond(inspected["tries"] > 0, rx.el.span(t("{count} failed tries", count=inspected["tries"]))),
    )


def _values(title: Any, values: rx.Var[list[Value]]) -> rx.Component:
    return rx.cond(
        values.length() > 0,
        rx.el.section(rx.el.h3(title), rx.foreach(values, _value), class_name="values-of"),
    )


def _value(value: rx.Var[Value]) -> rx.Component:
    return rx.el.div(
        rx.el.h4(value["name"]),
        rx.el.pre(value["text"], class_name="value", tab_index=0, aria_label=value["name"]),
        rx.cond(value["cut"] > 0, rx.el.p(t("{count} more characters", count=value["cut"]), class_name="none")),
    )


def _logs(inspected: rx.Var[Inspected]) -> rx.Component:
    lines = rx.foreach(inspected["logs"], lambda line: rx.el.li(tr(line)))
    return rx.el.section(rx.el.h3(t("Log")), rx.el.ul(lines), class_name="values-of")
