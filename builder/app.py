"""The Reflex application: its pages, and the guard before every event."""

import logging

import reflex as rx
from reflex.event import EventSpec
from reflex_components_core.base.error_boundary import ErrorBoundary

from builder.development import gated, opened
from builder.guard import Guard, SignedOut
from builder.home.page import home
from builder.language import t
from builder.notices import Notices
from builder.runs.page import runs
from builder.settings.page import settings
from builder.shell import Shell, broken, page, waiting
from builder.widgets import empty_state, link_button

logger = logging.getLogger("canevas")

guard = Guard()


def failed(exception: Exception) -> EventSpec | None:
    """An event handler raised: log it and tell the person; a session that ended is no error."""
    if isinstance(exception, SignedOut):
        return None
    logger.error("An event failed", exc_info=exception)
    return Notices.fail()


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
app.register_lifespan_task(opened(guard))

app.add_page(home, route="/", title=t("Flows · Canevas"), on_load=Shell.arrive)
app.add_page(runs, route="/runs", title=t("Runs · Canevas"), on_load=Shell.arrive)
app.add_page(settings, route="/settings", title=t("Settings · Canevas"), on_load=Shell.arrive)
app.add_page(not_found, route="/404", title=t("Page not found · Canevas"), on_load=Shell.arrive)
