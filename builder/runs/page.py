"""Runs: what was run, and how it went."""

import reflex as rx

from builder.clock import duration, moment, pulse
from builder.language import t, tr
from builder.runs.lines import RunLine
from builder.runs.state import RunList
from builder.runs.words import source, version
from builder.shell import page
from builder.widgets import button, empty_state, link, run_state, segmented


def runs() -> rx.Component:
    """The page at `/runs`."""
    return page(
        "/runs",
        t("Runs"),
        rx.match(
            RunList.phase,
            ("loading", _loading()),
            ("failed", _failed()),
            rx.fragment(_filters(), rx.cond(RunList.runs.length() > 0, _list(), _nothing())),
        ),
        pulse(RunList.every, RunList.look),
        said=t("Everything that ran, with its steps."),
    )


def _loading() -> rx.Component:
    rows = (rx.el.div(class_name="row-to-come") for _ in range(4))
    return rx.el.div(*rows, class_name="card", role="status", aria_label=t("Loading …"))


def _failed() -> rx.Component:
    return rx.el.div(
        empty_state(
            "unplug",
            t("The runs cannot be shown now"),
            rx.fragment(tr(RunList.failed), " ", tr(RunList.mend)),
            button(t("Try again"), kind="primary", icon_name="rotate-cw", on_click=RunList.load),
        ),
        role="alert",
    )


def _filters() -> rx.Component:
    states = [
        ("", t("All"), ""),
        ("running", t("Running"), ""),
        ("waiting", t("Waiting"), ""),
        ("done", t("Done"), ""),
        ("failed", t("Failed"), ""),
        ("cancelled", t("Stopped"), ""),
    ]
    return rx.el.div(
        segmented("run-state", t("State"), states, RunList.standing, lambda value: RunList.filter_state(value)),
        rx.el.div(
            rx.el.label(t("Flow"), html_for="run-flow"),
            rx.el.span(
                rx.el.select(
                    rx.el.option(t("All flows"), value=""),
                    rx.foreach(RunList.flows, lambda one: rx.el.option(one["label"], value=one["value"])),
                    id="run-flow",
                    value=RunList.flow,
                    on_change=RunList.filter_flow,
                    class_name="input",
                ),
                rx.icon("chevron-down", size=16, custom_attrs={"aria-hidden": "true"}),
                class_name="chosen",
            ),
            class_name="field",
        ),
        class_name="run-filters",
    )


def _nothing() -> rx.Component:
    return rx.cond(
        (RunList.flow == "") & (RunList.standing == ""),
        empty_state(
            "history",
            t("Nothing has run yet"),
            t("Each run appears here, from the preview and from outside."),
        ),
        rx.el.p(t("No run is like that."), class_name="nothing-found", role="status"),
    )


def _list() -> rx.Component:
    heads = (t("Flow"), t("State"), t("From"), t("Started"), t("Took"), t("Steps"))
    return rx.fragment(
        rx.el.div(
            rx.el.table(
                rx.el.thead(rx.el.tr(*(rx.el.th(head, scope="col") for head in heads))),
                rx.el.tbody(rx.foreach(RunList.runs, _run)),
                class_name="runs",
            ),
            class_name="card",
        ),
        rx.cond(
            RunList.more,
            rx.el.div(button(t("Load more"), on_click=RunList.load_more), class_name="load-more"),
        ),
    )


def _run(run: rx.Var[RunLine]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(rx.cond(run["flow_name"], run["flow_name"], t("Untitled")), href=f"/runs/{run['id']}"),
            rx.el.span(version(run["version"]), class_name="fine"),
            rx.cond(run["parent"] != "", rx.el.span(" · ", t("run again"), class_name="fine")),
            rx.cond(run["error"], rx.el.p(tr(run["error"]), class_name="why")),
            class_name="what",
        ),
        rx.el.td(run_state(run["state"])),
        rx.el.td(source(run["source"])),
        rx.el.td(moment(run["started"])),
        rx.el.td(rx.cond(_goes_on(run), "…", duration(run["ms"])), class_name="number"),
        rx.el.td(rx.cond(_goes_on(run), "…", run["steps"].to_string()), class_name="number steps"),
    )


def _goes_on(run: rx.Var[RunLine]) -> rx.Var[bool]:
    return (run["state"] == "running") | (run["state"] == "waiting")
