"""The page on which a flow is drawn."""

from typing import Any

import reflex as rx

from builder.editor.browser.component import Editor, FlowName, icon_set
from builder.editor.state import Editing
from builder.language import t, tr
from builder.shell import frame, header
from builder.widgets import button, empty_state, icon, link, link_button

ROUTE = "/flows/[flow_id]"


def editor_page(
    icons: list[str],
    *,
    overlay: rx.Var[dict[str, Any]] | None = None,
    inspector: rx.Component | None = None,
    preview: rx.Component | None = None,
    actions: rx.Component | None = None,
    beside_name: rx.Component | None = None,
    scope: rx.Var[dict[str, Any]] | None = None,
    on_scope: rx.event.EventType[dict[str, str]] = (),
    on_select: rx.event.EventType[list[str]] = (),
    on_saved: rx.event.EventType[()] = (),
) -> rx.Component:
    """The page at `ROUTE`; load it with `Editing.open`.

    icons: the Lucide names of the catalog's nodes. overlay: what a run says of the steps. inspector: what the
    selected step (`Editing.selected`) got and gave. preview: stands under the properties. actions: buttons at the end
    of the footer. beside_name: the state of the run. scope, on_scope: of the `Editor`. on_select, on_saved: what else
    wants to know of the selection, and that an edit was saved.
    """
    top = header(
        link(
            icon("chevron-left"),
            rx.el.span(t("Flows"), class_name="word"),
            href="/",
            class_name="button quiet to-flows",
            aria_label=t("Flows"),
        ),
        rx.cond(Editing.missing | (Editing.failed != ""), rx.fragment(), FlowName.create()),
        beside_name or rx.fragment(),
    )
    editor = Editor.create(
        inspector or rx.fragment(),
        preview or rx.fragment(),
        actions or rx.fragment(),
        opened=Editing.opened,
        answer=Editing.answer,
        overlay=overlay if overlay is not None else {},
        catalog=Editing.catalog,
        choices=Editing.choices,
        icons=icon_set(icons),
        on_edits=[Editing.save, *on_saved],
        on_walk=Editing.walk,
        on_resolve=Editing.resolve,
        scope=scope if scope is not None else {},
        on_scope=on_scope,
        on_select=[Editing.select, *on_select],
    )
    return frame(
        top,
        rx.el.main(
            rx.cond(Editing.missing, _missing(), rx.cond(Editing.failed, _failed(), editor)),
            id="main",
            class_name="editor-main",
        ),
    )


def _failed() -> rx.Component:
    return empty_state(
        "cloud-off",
        tr(Editing.failed),
        tr(Editing.mend),
        button(t("Try again"), kind="primary", icon_name="refresh-cw", on_click=Editing.open),
    )


def _missing() -> rx.Component:
    return empty_state(
        "file-question",
        t("There is no such flow"),
        t("It was deleted, or it belongs to another workspace."),
        link_button(t("To your flows"), "/", kind="primary", icon_name="house"),
    )
