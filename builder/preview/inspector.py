"""What the selected step got and gave, as the editor and the page of a run show it."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from builder.clock import duration, time_left
from builder.language import t, tr
from builder.preview.inspected import Inspected, Value
from builder.preview.saving import Saving
from builder.widgets import badge, button, icon, run_state


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
            rx.cond(inspected["error"] != "", failure(inspected["error"], inspected["mend"])),
            actions or rx.fragment(),
            rx.cond(inspected["streaming"] != "", rx.el.pre(inspected["streaming"], class_name="value")),
            _values(t("Got"), inspected, "input"),
            _values(
                t("Gave"),
                inspected,
                "output",
                rx.cond(inspected["reused"], taken_over(inspected["given"])),
            ),
            rx.cond(inspected["logs"].length() > 0, _logs(inspected)),
            class_name="inspected",
        ),
    )
    return rx.fragment(above, said) if above is not None else said


def taken_over(given: Any) -> rx.Component:
    """A mark of what was not made in this run. given: somebody said what it is to be."""
    return rx.cond(
        given,
        badge(t("given by you"), "info", "pencil"),
        badge(t("from the earlier run"), "info", "history"),
    )


def written(value: rx.Var[Value], label: Any, save: EventSpec | None = None) -> rx.Component:
    """A value: a text as one reads it, anything else as code. label: its name for screen readers.

    save: what hands over the whole of it, where only its beginning is shown.
    """
    left = rx.el.p(t("{count} more characters", count=value["cut"]), class_name="none")
    whole = button(t("Save the whole"), icon_name="download", on_click=save) if save is not None else rx.fragment()
    look = rx.cond(value["plain"], "value plain", "value")
    return rx.fragment(
        rx.el.pre(value["text"], class_name=look, tab_index=0, aria_label=label, role="region"),
        rx.cond(value["cut"] > 0, rx.fragment(left, whole)),
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
        rx.cond(inspected["until"] > 0, rx.el.span(icon("hourglass"), time_left(inspected["until"]))),
        rx.cond(
            inspected["by"] != "", rx.el.span(icon("user-round-check"), t("answered by {name}", name=inspected["by"]))
        ),
    )


def _values(title: Any, inspected: rx.Var[Inspected], side: str, mark: rx.Component | None = None) -> rx.Component:
    def value(one: rx.Var[Value]) -> rx.Component:
        name = one["name"]
        return rx.el.div(rx.el.h4(name), written(one, name, Saving.value(inspected["path"], side, name)))

    return rx.cond(
        inspected[side].length() > 0,
        rx.el.section(
            rx.el.h3(title, mark or rx.fragment()), rx.foreach(inspected[side], value), class_name="values-of"
        ),
    )


def _logs(inspected: rx.Var[Inspected]) -> rx.Component:
    lines = rx.foreach(inspected["logs"], lambda line: rx.el.li(tr(line)))
    return rx.el.section(rx.el.h3(t("Log")), rx.el.ul(lines), class_name="values-of")
