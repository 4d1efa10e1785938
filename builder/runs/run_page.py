"""One run: the flow as it went through it, and each step's real input and output."""

import reflex as rx

from builder.clock import duration, moment, pulse
from builder.language import t, tr
from builder.preview.inspector import inspector
from builder.runs.opened import RunPage
from builder.runs.report import SIZE, Card, StepLine
from builder.runs.words import source, version
from builder.shell import frame, header, navigation
from builder.widgets import button, empty_state, icon, link, link_button, run_state

ROUTE = "/runs/[run_id]"


def run_page() -> rx.Component:
    """The page at `ROUTE`; load it with `RunPage.open`."""
    inside = rx.match(
        RunPage.phase,
        ("loading", rx.el.div(rx.el.div(class_name="row-to-come"), role="status", aria_label=t("Loading …"))),
        ("missing", _missing()),
        rx.fragment(_headline(), _map(), rx.el.div(_steps(), _inspector(), class_name="run-parts")),
    )
    return frame(
        header(navigation("/runs")),
        rx.el.main(inside, pulse(RunPage.every, RunPage.look), id="main", class_name="main run-page", tab_index=-1),
    )


def _missing() -> rx.Component:
    return empty_state(
        "file-question",
        t("There is no such run"),
        t("It was removed, or it belongs to another workspace."),
        link_button(t("To the runs"), "/runs", kind="primary", icon_name="history"),
    )


def _headline() -> rx.Component:
    run = RunPage.run
    facts = (
        run_state(run["state"]),
        source(run["source"]),
        rx.el.span(version(run["version"])),
        rx.el.span(moment(run["started"])),
        rx.cond(run["ms"] > 0, rx.el.span(duration(run["ms"]))),
    )
    return rx.fragment(
        link(icon("chevron-left"), t("Runs"), href="/runs", class_name="back"),
        rx.el.div(
            rx.el.div(
                rx.el.h1(rx.cond(run["flow_name"], run["flow_name"], t("Untitled")), tab_index=-1),
                rx.el.p(*facts, class_name="facts", role="status"),
            ),
            rx.el.div(
                rx.cond(
                    run["state"] == "running",
                    button(t("Stop"), kind="danger", icon_name="circle-stop", on_click=RunPage.stop),
                ),
                rx.cond(run["flow"], link_button(t("Open the flow"), f"/flows/{run['flow']}", icon_name="workflow")),
                class_name="actions",
            ),
            class_name="headline",
        ),
    )


def _map() -> rx.Component:
    """The flow, for the eye and the pointer; the list below says the same and is what keyboards use."""
    drawn = RunPage.picture
    wires = rx.el.svg(
        rx.foreach(
            drawn["ways"], lambda way: rx.el.path(d=way["path"], class_name=rx.cond(way["went"], "wire went", "wire"))
        ),
        view_box=drawn["view"],
        width=drawn["width"],
        height=drawn["height"],
        class_name="wires",
    )
    return rx.cond(
        RunPage.incomplete,
        rx.el.p(t("The flow as it ran was not kept, so it cannot be drawn."), class_name="card notice-line"),
        rx.el.div(
            rx.el.div(
                wires,
                rx.foreach(drawn["cards"], _card),
                class_name="ground",
                style={"width": drawn["width"], "height": drawn["height"]},
            ),
            class_name="card run-map",
            tab_index=0,
            role="region",
            aria_label=t("The flow as it ran"),
        ),
    )


def _card(card: rx.Var[Card]) -> rx.Component:
    return rx.el.div(
        rx.el.span(card["title"], class_name="title"),
        run_state(card["state"]),
        class_name=f"ran-card {card['group']} {card['state']} " + rx.cond(RunPage.selected == card["id"], "chosen", ""),
        style={**SIZE, "transform": card["style"]},
        on_click=RunPage.select(card["id"]),
        custom_attrs={"aria-hidden": "true"},
    )


def _steps() -> rx.Component:
    whole = rx.el.li(
        rx.el.button(
            rx.el.span(t("The whole run"), class_name="title"),
            run_state(RunPage.run["state"]),
            type="button",
            on_click=RunPage.select(""),
            aria_pressed=rx.cond(RunPage.selected == "", "true", "false"),
        )
    )
    return rx.el.section(
        rx.el.h2(t("Steps")),
        rx.el.ol(whole, rx.foreach(RunPage.steps, _step), class_name="card run-steps"),
    )


def _step(step: rx.Var[StepLine]) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                rx.el.span(step["title"], class_name="title"),
                rx.el.span(tr(step["kind"]), class_name="fine"),
                class_name="names",
            ),
            rx.el.span(
                run_state(step["state"]),
                rx.cond(
                    (step["state"] == "done") | (step["state"] == "failed"),
                    rx.el.span(duration(step["ms"]), class_name="fine"),
                ),
                class_name="went",
            ),
            type="button",
            on_click=RunPage.select(step["id"]),
            aria_pressed=rx.cond(RunPage.selected == step["id"], "true", "false"),
        )
    )


def _inspector() -> rx.Component:
    chosen = rx.foreach(
        RunPage.steps, lambda step: rx.cond(step["id"] == RunPage.selected, step["title"], rx.fragment())
    )
    return rx.el.section(
        rx.el.h2(rx.cond(RunPage.selected == "", t("The whole run"), chosen)),
        rx.el.div(
            rx.cond(
                RunPage.shown["state"] == "",
                rx.el.p(t("The run did not come to this step."), class_name="fine"),
                inspector(RunPage.shown),
            ),
            class_name="card ran-through",
        ),
        custom_attrs={"aria-live": "polite"},
    )
