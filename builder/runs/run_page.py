"""One run: the flow as it went through it, and each step's real input and output."""

from collections.abc import Sequence

import reflex as rx

from builder.clock import duration, moment, pulse
from builder.editor.browser.component import Viewer, icon_set
from builder.inbox.form import questions
from builder.language import t, tr
from builder.preview.again import run_again, step_again, value_dialog
from builder.preview.inspector import inspector
from builder.preview.picker import picker
from builder.runs.opened import RunPage
from builder.runs.recovery import Recovery
from builder.runs.report import StepLine
from builder.runs.versions import version_choice, version_help
from builder.runs.words import source, standing, version
from builder.shell import frame, header, navigation
from builder.widgets import button, empty_state, icon, link, link_button, run_state, step_name

ROUTE = "/runs/[run_id]"


def run_page(icons: Sequence[str] = ()) -> rx.Component:
    """The page at `ROUTE`; load it with `RunPage.open`. icons: the Lucide names of the catalog's nodes."""
    inside = rx.match(
        RunPage.phase,
        ("loading", rx.el.div(rx.el.div(class_name="row-to-come"), role="status", aria_label=t("Loading …"))),
        ("missing", _missing()),
        rx.fragment(
            _headline(),
            rx.foreach(RunPage.recovered, _recovered),
            questions(RunPage.questions, RunPage.look),
            _flow(icons),
            rx.el.div(_steps(), _inspector(), class_name="run-parts"),
            value_dialog(),
        ),
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
        rx.cond(RunPage.questions.length() > 0, rx.fragment(), standing(run)),
        rx.cond(run["parent"] != "", _repeats()),
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
                    RunPage.is_going_on,
                    button(t("Stop"), kind="danger", icon_name="circle-stop", on_click=RunPage.stop),
                    rx.cond(RunPage.incomplete, rx.fragment(), _again()),
                ),
                rx.cond(run["flow"], link_button(t("Open the flow"), f"/flows/{run['flow']}", icon_name="workflow")),
                class_name="actions",
            ),
            class_name="headline",
        ),
        rx.cond(RunPage.is_going_on | RunPage.incomplete, rx.fragment(), version_help()),
    )


def _recovered(one: rx.Var[Recovery]) -> rx.Component:
    """Where and when the run went on after its process had died, and which steps were cut off."""
    went_on = t("The process that drove this run died, and {worker} went on with it.", worker=one["worker"])
    return rx.el.div(
        icon("life-buoy"),
        rx.el.div(
            rx.el.p(went_on, " ", rx.el.span(moment(one["at"]), class_name="fine")),
            rx.cond(
                one["again"] != "",
                rx.el.p(t("Cut off in its middle and run again:"), " ", rx.el.code(one["again"])),
            ),
            rx.cond(
                one["asked"] != "",
                rx.el.p(t("Cut off in its middle; a person decides:"), " ", rx.el.code(one["asked"])),
            ),
            rx.cond(
                (one["again"] == "") & (one["asked"] == ""),
                rx.el.p(t("No step was cut off; nothing ran twice.")),
            ),
        ),
        class_name="card recovered",
        role="note",
    )


def _repeats() -> rx.Component:
    """The run that this one repeats."""
    name = rx.cond(RunPage.repeated > 0, moment(RunPage.repeated), RunPage.run["parent"])
    return rx.el.span(
        icon("history"), t("Repeats an earlier run:"), link(name, href=rx.Var.create(f"/runs/{RunPage.run['parent']}"))
    )


def _again() -> rx.Component:
    return rx.fragment(
        run_again(RunPage.run["id"], RunPage.run["state"] == "failed"),
        rx.cond(RunPage.run["flow"] != "", version_choice(RunPage.versions)),
    )


def _flow(icons: Sequence[str]) -> rx.Component:
    """The flow as the run went through it; the list below says the same."""
    return rx.cond(
        RunPage.incomplete,
        rx.el.p(t("The flow as it ran was not kept, so it cannot be drawn."), class_name="card notice-line"),
        rx.el.section(
            Viewer.create(
                name=RunPage.run["id"],
                view=RunPage.view,
                overlay=RunPage.overlay,
                selected=RunPage.selected,
                scope=RunPage.scope,
                on_scope=RunPage.follow_passes,
                icons=icon_set(list(icons)),
                on_select=RunPage.select,
            ),
            class_name="card run-flow",
            aria_label=t("The flow as it ran"),
        ),
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
                rx.el.span(
                    rx.cond(step["title"], step["title"], rx.cond(step["kind"], tr(step["kind"]), step["name"])),
                    class_name="title",
                ),
                rx.el.span(
                    rx.cond(step["title"], tr(step["kind"]) + " · ", ""),
                    rx.cond(step["kind"], rx.el.code(step["name"]), t("in another flow")),
                    rx.cond(step["calls"] > 1, rx.fragment(" · ", t("{count} passes", count=step["calls"]))),
                    rx.cond(
                        step["reused"],
                        rx.fragment(" · ", rx.cond(step["given"], t("given by you"), t("from the earlier run"))),
                    ),
                    class_name="fine",
                ),
                class_name="names",
            ),
            rx.el.span(
                run_state(step["state"]),
                rx.cond(
                    ((step["state"] == "done") | (step["state"] == "failed")) & ~step["reused"],
                    rx.el.span(duration(step["ms"]), class_name="fine"),
                ),
                class_name="went",
            ),
            type="button",
            on_click=RunPage.select(step["id"]),
            aria_pressed=rx.cond(RunPage.selected == step["id"], "true", "false"),
            style={"--depth": step["depth"].to_string()},
        )
    )


def _inspector() -> rx.Component:
    chosen = rx.foreach(
        RunPage.steps,
        lambda step: rx.cond(
            step["id"] == RunPage.selected, rx.cond(step["kind"], step_name(step), step["name"]), rx.fragment()
        ),
    )
    return rx.el.section(
        rx.el.h2(rx.cond(RunPage.selected == "", t("The whole run"), chosen)),
        rx.el.div(
            inspector(
                RunPage.shown,
                above=picker(RunPage.ways, RunPage.choose_pass),
                actions=rx.cond(RunPage.incomplete, rx.fragment(), step_again(RunPage.run["id"], RunPage.shown)),
            ),
            class_name="card ran-through",
        ),
        custom_attrs={"aria-live": "polite"},
    )
