"""What the selected step got and gave, as the editor and the page of a run show it."""

from typing import Any

import reflex as rx

from builder.clock import duration, time_left
from builder.language import t, tr
from builder.preview.inspected import Inspected, Value
from builder.widgets import badge, icon, run_state


def inspector(
    inspected: rx.Var[Inspected],
    ran: Any = True,
    *,
    above: rx.Component | None = None,
    actions: rx.Component | None = None,
) -> rx.Component:
    """The step's state, what answered, its input and output, its error with the mend, its log.

    ran: there is a run. above: stands before it in any case, such as the way to other passes. actions: what one can do
    with a step that has run.
    """
    nothing = rx.cond(
        ran,
        t("The run did not come to this step."),
        t("Run the flow, and what this step got and gave stands here."),
    )
    said = rx.cond(
        inspected["state"] == "",
        rx.el.p(nothing, class_name="none"),
        rx.el.div(
            rx.el.div(run_state(inspected["state"]), _facts(inspected), class_name="inspected-head"),
            actions or rx.fragment(),
            rx.cond(inspected["error"] != "", failure(inspected["error"], inspected["mend"])),
            rx.cond(inspected["streaming"] != "", rx.el.pre(inspected["streaming"], class_name="value")),
            _values(t("Got"), inspected["input"]),
            _values(
                t("Gave"),
                inspected["output"],
                rx.cond(inspected["reused"], badge(t("from the earlier run"), "info", "history")),
            ),
            rx.cond(inspected["logs"].length() > 0, _logs(inspected)),
            class_name="inspected",
        ),
    )
    return rx.fragment(above, said) if above is not None else said


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
        rx.cond(inspected["until"] > 0, rx.el.span(icon("hourglass"), time_left(inspected["until"]))),
        rx.cond(
            inspected["by"] != "", rx.el.span(icon("user-round-check"), t("answered by {name}", name=inspected["by"]))
        ),
    )


def _values(title: Any, values: rx.Var[list[Value]], mark: rx.Component | None = None) -> rx.Component:
    return rx.cond(
        values.length() > 0,
        rx.el.section(rx.el.h3(title, mark or rx.fragment()), rx.foreach(values, _value), class_name="values-of"),
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
