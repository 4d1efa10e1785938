"""What opens over the list of flows: a new name, the way in for a file, and what an import has to tell."""

import reflex as rx

from builder.home.importing import MigratedLine, ProblemLine
from builder.home.state import Home
from builder.language import t, told, tr
from builder.widgets import badge, button, closing, dialog, field, link_button, text_input
from runtime.graph.markup import MAX_BYTES


class _FileDrop(rx.NoSSRComponent):
    library = rx.asset("drop.jsx", shared=True).importable_path
    tag = "FileDrop"

    most: rx.Var[int]
    on_part: rx.EventHandler[rx.event.passthrough_event_spec(str, int, str, bool)]


def drop() -> rx.Component:
    """A button for a flow's file; one can drop it anywhere on the page as well."""
    return _FileDrop.create(most=MAX_BYTES, on_part=Home.receive)


def rename_dialog() -> rx.Component:
    """Another name for a flow."""
    name = text_input("flow-name", error=Home.name_error, default_value=Home.name, auto_focus=True, max_length=200)
    return dialog(
        t("Rename the flow"),
        rx.el.form(
            field("flow-name", t("Name"), name, error=tr(Home.name_error)),
            rx.el.div(
                closing(button(t("Cancel"), kind="quiet")),
                button(t("Rename"), kind="primary", type="submit"),
                class_name="actions",
            ),
            on_submit=Home.rename,
        ),
        open=Home.renaming != "",
        on_open_change=Home.leave_name,
    )


def import_dialog() -> rx.Component:
    """What an import has to tell: why it failed, or what was done to older steps."""
    return rx.fragment(
        dialog(
            t("This file cannot be imported"),
            rx.el.ul(rx.foreach(Home.problems, _problem), class_name="problems-found"),
            rx.cond(Home.unshown > 0, rx.el.p(t("And {count} more.", count=Home.unshown))),
            said=t("Nothing was changed. This is what is wrong with {file}:", file=Home.file),
            actions=[closing(button(t("Close"), kind="primary"))],
            wide=True,
            open=Home.problems.length() > 0,
            on_open_change=Home.leave_import,
        ),
        dialog(
            t("Imported, with older steps brought up to date"),
            rx.el.ul(rx.foreach(Home.migrated, _migrated), class_name="problems-found"),
            said=t("{file} was made with earlier versions of these nodes.", file=Home.file),
            actions=[
                closing(button(t("Close"), kind="quiet")),
                link_button(t("Open the flow"), f"/flows/{Home.imported}", kind="primary"),
            ],
            wide=True,
            open=Home.imported != "",
            on_open_change=Home.leave_import,
        ),
    )


def _problem(problem: rx.Var[ProblemLine]) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.cond(
                problem["line"] > 0,
                t("Line {line}", line=problem["line"]),
                rx.cond(problem["step"], t("Step {step}", step=problem["step"]), t("The file")),
            ),
            class_name="place",
        ),
        rx.el.p(told(problem["what"], problem["values"]), class_name="what"),
        rx.el.p(told(problem["mend"], problem["values"]), class_name="mend"),
    )


def _migrated(line: rx.Var[MigratedLine]) -> rx.Component:
    return rx.el.li(
        rx.el.span(line["step"], class_name="place"),
        rx.el.p(line["versions"], class_name="what"),
        rx.match(
            line["verdict"],
            ("safe", badge(t("Up to date"), "success")),
            ("review", badge(t("Have a look"), "warning")),
            badge(t("Needs a decision"), "error"),
        ),
        rx.cond(line["detail"], rx.el.p(tr(line["detail"]), class_name="mend")),
    )
