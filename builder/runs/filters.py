"""What the list of runs is filtered by: states with how many there are of each, words, flow and origin."""

import reflex as rx

from builder.language import t
from builder.runs.lines import STATES
from builder.runs.state import RunList
from builder.runs.words import source_words, state_words
from builder.widgets import icon, segmented, select


def filters() -> rx.Component:
    """The filters, above the list."""
    words = {**state_words(), "": t("All")}
    counts = {"": RunList.total, **{state: RunList.counts[state] for state in STATES}}
    states = [
        (state, rx.fragment(words[state], rx.el.b(counts[state].to(int), class_name="many")), "")
        for state in ("", *STATES)
    ]
    sources = [("", t("All origins")), *source_words().items()]
    return rx.el.div(
        segmented("run-state", t("State"), states, RunList.standing, lambda value: RunList.filter_state(value)),
        rx.el.div(
            _search(),
            rx.el.div(
                rx.el.label(t("Flow"), html_for="run-flow"),
                _flows(),
                class_name="field",
            ),
            rx.el.div(
                rx.el.label(t("From"), html_for="run-source"),
                select("run-source", sources, value=RunList.source, on_change=RunList.filter_source),
                class_name="field",
            ),
            class_name="narrow",
        ),
        rx.cond(
            RunList.standing == "failed",
            rx.el.p(
                icon("info"),
                t("What failed stays here. Mend the cause, select the runs, and let them go on where they failed."),
                class_name="aside",
            ),
        ),
        class_name="run-filters",
    )


def _flows() -> rx.Component:
    return rx.el.span(
        rx.el.select(
            rx.el.option(t("All flows"), value=""),
            rx.foreach(RunList.flows, lambda one: rx.el.option(one["label"], value=one["value"])),
            id="run-flow",
            value=RunList.flow,
            on_change=RunList.filter_flow,
            class_name="input",
        ),
        icon("chevron-down"),
        class_name="chosen",
    )


def _search() -> rx.Component:
    return rx.el.div(
        rx.el.label(t("Search"), html_for="run-search"),
        rx.el.div(
            icon("search"),
            rx.el.input(
                id="run-search",
                type="search",
                class_name="input",
                placeholder=t("Flow, run or error"),
                default_value="",
                key=RunList.cleared.to_string(),
                on_change=RunList.search.debounce(250),
            ),
            rx.el.span(
                rx.cond(RunList.words, t("{count} found", count=RunList.found), ""), role="status", class_name="unseen"
            ),
            class_name="search",
        ),
        class_name="field",
    )
