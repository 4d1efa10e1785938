"""The Reflex application: its pages, and the guard before every event."""

import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import reflex as rx
from reflex.event import EventSpec
from reflex_components_core.base.error_boundary import ErrorBoundary

from builder.deploy.dialog import deploy_button
from builder.deploy.state import Deploying
from builder.development import gated, opened
from builder.editor.page import ROUTE, editor_page
from builder.editor.state import Editing
from builder.guard import Guard, SignedOut
from builder.home.page import home
from builder.home.state import Home
from builder.inbox.page import ROUTE as INBOX
from builder.inbox.page import inbox
from builder.inbox.state import Inbox
from builder.language import t
from builder.notices import Notices
from builder.preview.again import step_again, value_dialog
from builder.preview.inspector import inspector
from builder.preview.panel import panel, run_button, run_state
from builder.preview.picker import picker
from builder.preview.replaying import Replaying
from builder.preview.state import Previewing
from builder.runs.opened import RunPage
from builder.runs.page import runs
from builder.runs.run_page import ROUTE as RUN_ROUTE
from builder.runs.run_page import run_page
from builder.runs.state import RunList
from builder.settings.page import settings
from builder.settings.state import SettingsPage
from builder.shell import Shell, broken, page, waiting
from builder.widgets import empty_state, link_button
from nodes.catalog import builtin
from runtime.graph.catalog import Catalog
from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.assembly import Runtime

logger = logging.getLogger("canevas")

guard = Guard()


def failed(exception: Exception) -> EventSpec | None:
    """An event handler raised: log it and tell the person; a session that ended is no error."""
    if isinstance(exception, SignedOut):
        return None
    logger.error("An event failed", exc_info=exception)
    return Notices.fail()


def icons(catalog: Catalog) -> list[str]:
    """The Lucide names of the nodes, which the bundle must hold."""
    return [node.icon for node in catalog]


def editor(catalog: Catalog) -> rx.Component:
    """The page on which a flow is drawn, run and deployed."""
    return editor_page(
        icons(catalog),
        overlay=Previewing.overlay,
        inspector=inspector(
            Previewing.inspected,
            Previewing.state != "idle",
            above=picker(Previewing.ways, Previewing.choose_pass),
            actions=step_again(Previewing.run_id, Previewing.inspected),
        ),
        preview=panel(),
        actions=rx.fragment(run_button(), deploy_button(), value_dialog()),
        beside_name=run_state(),
        scope=Previewing.scope,
        on_scope=Previewing.follow_passes,
        on_select=[Previewing.look],
        on_saved=[Previewing.refresh],
    )


def not_found() -> rx.Component:
    """The page for an address that leads nowhere."""
    return page(
        "",
        t("Page not found"),
        empty_state(
            "compass",
            t("There is nothing at this address"),
            t("It may have been renamed or deleted."),
            link_button(t("To your flows"), "/", kind="primary", icon_name="house"),
        ),
    )


def boundary(stateful: bool) -> rx.Component:
    """What catches a page that cannot be drawn; Reflex logs the error."""
    report = {} if stateful else {"on_error": rx.noop()}
    return ErrorBoundary.create(fallback_render=broken(), **report)


def whole_runtime() -> AbstractAsyncContextManager["Runtime"]:
    """The runtime for `reflex run`; `canevas up` brings its own."""
    from nodes.catalog import load
    from runtime.assembly import open_runtime

    return open_runtime(Settings.from_environment(), load())


app = rx.App(
    head_components=[
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.script(src="/choices.js"),
    ],
    html_lang="en",
    hydrate_fallback=waiting,
    toaster=None,
    backend_exception_handler=failed,
    api_transformer=gated(guard),
)
app.app_wraps.pop((5, "Overlay"))  # the frame has its own word for a lost connection
app.app_wraps[55, "ErrorBoundary"] = boundary
app.add_middleware(guard, index=0)
app.register_lifespan_task(opened(guard, whole_runtime))

app.add_page(home, route="/", title=t("Flows · Canevas"), on_load=[Shell.arrive, Home.load])
app.add_page(
    editor(builtin()),
    route=ROUTE,
    title=t("Editor · Canevas"),
    on_load=[Shell.arrive, Editing.open, Previewing.arrive, Deploying.arrive],
)
app.add_page(runs, route="/runs", title=t("Runs · Canevas"), on_load=[Shell.arrive, RunList.load])
app.add_page(
    run_page(icons(builtin())),
    route=RUN_ROUTE,
    title=t("Run · Canevas"),
    on_load=[Shell.arrive, Replaying.arrive, RunPage.open],
)
app.add_page(inbox, route=INBOX, title=t("Inbox · Canevas"), on_load=[Shell.arrive, Inbox.load])
app.add_page(settings, route="/settings", title=t("Settings · Canevas"), on_load=[Shell.arrive, SettingsPage.load])
app.add_page(not_found, route="/404", title=t("Page not found · Canevas"), on_load=Shell.arrive)
