"""What Reflex is told before anything else: no telemetry, no badge, loopback only, exact origins."""

import reflex as rx

from builder.bundle import Bundle

# `reflex run` serves the pages on one port and the events on another; `canevas up` has one port, and its gate
# has compared the origin before Reflex sees a request.
DEVELOPMENT = ("http://localhost:3000", "http://127.0.0.1:3000")

config = rx.Config(
    app_name="builder",
    app_module_import="builder.app",
    backend_host="127.0.0.1",
    cors_allowed_origins=DEVELOPMENT,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    # In memory: what a tab shows is loaded from storage, and never pickled to a disk.
    state_manager_mode=rx.constants.StateManagerMode.MEMORY,
    frontend_lazy_bundled_libraries=True,
    plugins=[
        rx.plugins.RadixThemesPlugin(
            theme=rx.theme(appearance="inherit", accent_color="blue", gray_color="gray", has_background=False)
        ),
        Bundle(),
    ],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
