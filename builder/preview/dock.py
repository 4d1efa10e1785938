"""Where the preview stands: under the properties, or on a phone in a tab of its own."""

import reflex as rx

from builder.preview.state import Previewing


class _Dock(rx.NoSSRComponent):
    library = rx.asset("dock.jsx", shared=True).importable_path
    tag = "Dock"

    open: rx.Var[bool]
    on_toggle: rx.EventHandler[rx.event.no_args_event_spec]


def dock(*content: rx.Component) -> rx.Component:
    """The preview's place in the editor; nothing while it is closed. content: a header first."""
    return _Dock.create(*content, open=Previewing.is_open, on_toggle=Previewing.toggle)
