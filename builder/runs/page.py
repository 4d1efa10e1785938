"""Runs: what was run, how it stands, and how it went."""

import reflex as rx

from builder.clock import duration, elapsed, moment, pulse
from builder.language import t, tr
from builder.runs.filters import filters
from builder.runs.lines import RunLine
from builder.runs.many_dialog import many_bar, many_dialog
from builder.runs.state import RunList
from builder.runs.words import goes_on, source, standing, version
from builder.shell import page
from builder.widgets import button, empty_state, link, run_state


class _TickBox(rx.Component):
    library = rx.asset("tick_box.jsx", shared=True).importable_path
    tag = "TickBox"

    label: rx.Var[str]
    ticked: rx.Var[bool]
    on_tick: rx.EventHandler[rx.event.passthrough_event_spec(bool)]


def runs() -> rx.Component:
    """The page at `/runs`."""
    return page(
        "/runs",
        t("Runs"),
        rx.match(
            RunList.phase,
            ("loading", _loading()),
            ("failed", _failed()),
            rx.fragment(filters(), rx.cond(RunList.runs.length() > 0, _list(), _nothing()), many_bar(), many_dialog()),
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


def _nothing() -> rx.Component:
    return rx.cond(
        RunList.is_filtered,
        rx.el.div(
            rx.el.p(t("No run is like that.")),
            button(t("Show all runs"), icon_name="x", on_click=RunList.clear),
            class_name="nothing-found",
            role="status",
        ),
        empty_state(
            "history",
            t("Nothing has run yet"),
            t("Each run appears here, from the preview and from outside."),
        ),
    )


def _list() -> rx.Component:
    heads = (t("Flow"), t("State"), t("From"), t("Started"), t("Took"), t("Steps"))
    return rx.fragment(
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th(
                            _TickBox.create(
                                label=t("Select all that are shown"),
                                ticked=RunList.is_all_chosen,
                                on_tick=RunList.choose_all,
                            ),
                            scope="col",
                            class_name="tick",
                        ),
                        *(rx.el.th(head, scope="col") for head in heads),
                    )
                ),
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
    name = rx.cond(run["flow_name"], run["flow_name"], t("Untitled"))
    ticked = RunList.chosen.contains(run["id"])
    return rx.el.tr(
        rx.el.td(
            _TickBox.create(
                label=t("Select the run of {name}", name=name), ticked=ticked, on_tick=RunList.choose(run["id"])
            ),
            class_name="tick",
        ),
        rx.el.td(
            link(name, href=f"/runs/{run['id']}"),
            rx.el.span(version(run["version"]), class_name="fine"),
            rx.cond(run["parent"] != "", rx.el.span(" · ", t("run again"), class_name="fine")),
            rx.cond(run["error"], rx.el.p(tr(run["error"]), class_name="why")),
            class_name="what",
        ),
        rx.el.td(run_state(run["state"]), standing(run), class_name="stands"),
        rx.el.td(source(run["source"])),
        rx.el.td(moment(run["started"])),
        rx.el.td(rx.cond(goes_on(run["state"]), _so_far(run), duration(run["ms"])), class_name="number"),
        rx.el.td(rx.cond(goes_on(run["state"]), "…", run["steps"].to_string()), class_name="number steps"),
        custom_attrs={"data-ticked": rx.cond(ticked, "true", "false")},
    )


def _so_far(run: rx.Var[RunLine]) -> rx.Component:
    return rx.cond(run["state"] == "running", elapsed(run["started"]), "…")
