"""The preview's panel: a chat or a form, the run's state, its answer, and a way to stop it."""

import reflex as rx

from builder.clock import duration, pulse
from builder.inbox.form import questions
from builder.language import t, tr
from builder.preview.dock import dock
from builder.preview.fields import form_field
from builder.preview.inspector import failure, written
from builder.preview.replaying import Replaying
from builder.preview.saving import Saving
from builder.preview.state import Previewing
from builder.preview.step_link import step_link
from builder.preview.transcript import Turn
from builder.widgets import button, icon, icon_button, link
from builder.widgets import run_state as state_word

_FORM = "preview-form"


def run_button() -> rx.Component:
    """Opens and closes the panel; stands in the footer."""
    return button(
        t("Run"),
        icon_name="play",
        kind="plain",
        on_click=Previewing.toggle,
        aria_expanded=Previewing.is_open,
        aria_controls="preview",
        id="run-button",
    )


def run_state() -> rx.Component:
    """The state of the last run, beside the flow's name."""
    word = rx.cond(Previewing.state == "idle", rx.fragment(), state_word(Previewing.state))
    return rx.el.span(word, role="status", class_name="run-state")


def panel() -> rx.Component:
    """The panel; nothing while it is closed."""
    return dock(
        _head(),
        questions(Previewing.questions, Previewing.beat),
        pulse(Previewing.every, Previewing.beat),
        rx.cond(
            Previewing.starts.length() == 0,
            rx.el.p(t("The flow has no start yet. Add one from the palette."), class_name="none"),
            rx.cond(
                Previewing.form["trigger"] == "chat",
                _chat(),
                # Only hidden: what was filled in is there again when the questions are answered.
                rx.el.div(_form(), hidden=Previewing.questions.length() > 0, class_name="begins"),
            ),
        ),
    )


def _head() -> rx.Component:
    return rx.el.header(
        rx.el.h2(t("Preview")),
        rx.el.span(class_name="space"),
        rx.cond(
            Previewing.is_running,
            rx.fragment(
                rx.cond(
                    Previewing.state == "waiting",
                    icon_button("plus", t("Run another; this one goes on waiting"), on_click=Previewing.leave),
                ),
                button(t("Stop"), icon_name="square", kind="danger", on_click=Previewing.stop),
            ),
            rx.cond(
                Previewing.turns.length() > 0,
                icon_button("rotate-ccw", t("New conversation"), on_click=Previewing.forget),
            ),
        ),
        icon_button("x", t("Close the preview"), on_click=Previewing.toggle),
    )


def _start_choice() -> rx.Component:
    options = rx.foreach(
        Previewing.starts, lambda start, number: rx.el.option(start["title"], value=number.to_string())
    )
    return rx.cond(
        Previewing.starts.length() > 1,
        rx.el.label(
            t("Start"),
            rx.el.select(options, value=Previewing.start.to_string(), on_change=Previewing.choose, class_name="input"),
            class_name="field",
        ),
    )


# --- chat ------------------------------------------------------------------------------------------------------


def _chat() -> rx.Component:
    return rx.fragment(
        _start_choice(),
        rx.auto_scroll(
            rx.cond(
                Previewing.turns.length() == 0,
                rx.el.p(t("Write a message; the flow answers as it stands now."), class_name="none"),
                rx.foreach(Previewing.turns, _turn),
            ),
            _summary(),
            class_name="turns",
            role="log",
            aria_live="polite",
            tab_index=0,
            aria_label=t("Conversation"),
        ),
        rx.el.form(
            rx.el.textarea(
                name="message",
                id="preview-message",
                class_name="input",
                rows=2,
                placeholder=t("Message"),
                aria_label=t("Message"),
                enter_key_submit=True,
                required=True,
            ),
            button(t("Send"), icon_name="send", kind="primary", type="submit", busy=Previewing.is_running),
            on_submit=Previewing.send,
            reset_on_submit=True,
            class_name="say",
        ),
    )


def _turn(turn: rx.Var[Turn]) -> rx.Component:
    return rx.el.div(
        rx.el.p(rx.cond(turn.role == "user", t("You"), t("Flow")), class_name="who"),
        rx.el.p(
            rx.cond(
                (turn.state == "streaming") & (turn.text == ""),
                rx.el.span("…", class_name="coming"),
                rx.cond(turn.state == "waiting", rx.fragment(icon("hourglass"), t("Waiting")), _said(turn)),
            ),
            class_name="text",
        ),
        rx.cond(turn.mend != "", rx.el.p(tr(turn.mend), class_name="mend")),
        rx.cond(turn.note != "", rx.el.p(t("answered by {models}", models=turn.note), class_name="note")),
        class_name=f"turn {turn.role} {turn.state}",
    )


def _said(turn: rx.Var[Turn]) -> rx.Component:
    left = rx.el.span(t("{count} more characters", count=turn.cut), class_name="none")
    return rx.cond(turn.state == "failed", _why(turn), rx.fragment(turn.text, rx.cond(turn.cut > 0, left)))


def _why(turn: rx.Var[Turn]) -> rx.Component:
    return rx.cond(turn.text == "", t("Stopped"), rx.fragment(step_link(turn.step), tr(turn.text)))


# --- form ------------------------------------------------------------------------------------------------------


def _form() -> rx.Component:
    return rx.el.div(
        _start_choice(),
        rx.el.form(
            rx.foreach(
                Previewing.form["fields"], lambda field: form_field(field, Previewing.wrong[field["name"]].to(str))
            ),
            button(t("Run"), icon_name="play", kind="primary", type="submit", busy=Previewing.is_running),
            on_submit=Previewing.submit,
            id=_FORM,
            class_name="asked",
        ),
        _answer(),
        class_name="filled",
    )


def _answer() -> rx.Component:
    return rx.fragment(
        rx.cond(
            Previewing.told != "", failure(Previewing.told, Previewing.mend, where=step_link(Previewing.told_step))
        ),
        rx.cond(
            Previewing.state == "done",
            rx.el.section(
                rx.el.h3(t("Answer")),
                written(Previewing.output, t("Answer"), Saving.value("", "output", "output")),
                class_name="values-of",
            ),
        ),
        _summary(),
    )


def _summary() -> rx.Component:
    return rx.cond(
        Previewing.ms > 0,
        rx.fragment(_from_failed(), _facts()),
    )


def _from_failed() -> rx.Component:
    """The way on after a failure: steps that finished are not run again."""
    return rx.cond(
        (Previewing.state == "failed") & (Previewing.overlay.keys().length() > 0),
        button(
            t("Run again from the failed step"),
            icon_name="step-forward",
            on_click=Replaying.from_failed(Previewing.run_id),
        ),
    )


def _facts() -> rx.Component:
    return rx.el.p(
        duration(Previewing.ms),
        rx.cond(Previewing.tokens > 0, rx.fragment(" · ", t("{count} tokens", count=Previewing.tokens))),
        " · ",
        link(t("See the run"), href=f"/runs/{Previewing.run_id}"),
        rx.cond(
            Previewing.parent != "",
            rx.fragment(" · ", link(t("The run it repeats"), href=f"/runs/{Previewing.parent}")),
        ),
        class_name="summary",
    )
