"""Short messages to the person: what was done, with a way to undo it, or what went wrong."""

from typing import Any, TypedDict

import reflex as rx

from builder.widgets import Tone
from runtime.errors import CanevasError

_KEPT = 4  # more than that nobody reads at once


class Notice(TypedDict):
    """One message. text and action: English texts of the catalogue, or of the runtime. values: fill the text."""

    id: int
    text: str
    values: dict[str, Any]
    tone: str
    action: str


def said(error: CanevasError) -> tuple[str, dict[str, Any]]:
    """An error as a template and its values, each a text of the catalogue: what happened and what to do."""
    return "{what}. {mend}" if error.mend else "{what}.", {"what": error.what.rstrip("."), "mend": error.mend}


class Notices(rx.State):
    """What stands in the corner now. From another state: `(await self.get_state(Notices))._say("Saved.")`."""

    shown: list[Notice] = []
    _last: int = 0
    _events: dict[int, rx.event.EventSpec] = {}

    def _say(
        self,
        text: str,
        tone: Tone = "info",
        *,
        action: tuple[str, rx.event.EventSpec] | None = None,
        **values: Any,
    ) -> None:
        """Show a message. action: a button's text and the event it sends, such as an undo."""
        self._last += 1
        if action:
            self._events[self._last] = action[1]
        self._show(Notice(id=self._last, text=text, values=values, tone=tone, action=action[0] if action else ""))

    def _tell(self, error: CanevasError) -> None:
        """Show an error in its own words: what happened and what to do."""
        self._last += 1
        text, values = said(error)
        self._show(Notice(id=self._last, text=text, values=values, tone="error", action=""))

    def _show(self, notice: Notice) -> None:
        """A message that is said again stands there once; one with a button is about a thing of its own."""
        same = ("text", "values", "tone", "action")
        again = [one["id"] for one in self.shown if not one["action"] and all(one[k] == notice[k] for k in same)]
        self.shown = [*(one for one in self.shown if one["id"] not in again), notice][-_KEPT:]

    @rx.event
    def fail(self) -> None:
        """Say that something broke which nobody foresaw."""
        self._say("Something went wrong here. It was written to the log; try once more.", "error")

    @rx.event
    def close(self, id: int) -> None:
        """Take a message away."""
        self.shown = [notice for notice in self.shown if notice["id"] != id]
        self._events.pop(id, None)

    @rx.event
    def act(self, id: int) -> rx.event.EventSpec | None:
        """Send the event of a message's button, once."""
        event = self._events.pop(id, None)
        self.close(id)
        return event


class _Corner(rx.NoSSRComponent):
    library = rx.asset("notices.jsx", shared=True).importable_path
    tag = "Notices"

    notices: rx.Var[list[Notice]]
    on_act: rx.EventHandler[rx.event.passthrough_event_spec(int)]
    on_close: rx.EventHandler[rx.event.passthrough_event_spec(int)]


def notices() -> rx.Component:
    """The corner where messages appear; the page frame has it."""
    return _Corner.create(notices=Notices.shown, on_act=Notices.act, on_close=Notices.close)
