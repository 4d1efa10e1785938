"""The editor in Reflex: each event reads, calls the desks once, and hands their answer to the browser."""

import itertools
import time
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from builder.backend import Backend
from builder.editor.desks import Opened, Saved, StaleError
from builder.editor.document import EditError
from builder.editor.edits import Edit, decode
from builder.editor.kinds import kinds_view
from builder.guard import backend, person
from builder.notices import said
from runtime.errors import CanevasError, NotFoundError

# One count for all tabs that does not begin at 0: a browser remembers the last number it heard, and after a restart of
# this process, or under another token, would take the same one for what it has heard already.
_WORDS = itertools.count(time.time_ns() // 1000)


class Editing(rx.State):
    """What the open editor shows. The flow itself lives on the desk; here are only the last words about it.

    opened, answer, catalog, choices: for the `Editor` component. selected: the ids of the chosen steps. missing: there
    is no such flow. failed, mend: why it could not be opened, and what to do.
    """

    opened: dict[str, Any] = {}
    answer: dict[str, Any] = {}
    catalog: dict[str, Any] = {}
    choices: dict[str, Any] = {}
    selected: list[str] = []
    missing: bool = False
    failed: str = ""
    mend: str = ""

    @rx.event
    async def open(self) -> None:
        """Open the flow that the address names."""
        who, back = await person(), backend()
        if not self.catalog:
            self.catalog = kinds_view(back.catalog)
        self.choices = await _choices(who, back)
        flow = str(self.flow_id)  # the part of the address that varies
        try:
            self._opened(flow, await back.desks.open(who, flow, self._tab))
        except NotFoundError:
            self.missing = True
        except CanevasError as error:
            # An empty canvas would say "Saved", and invite to draw over a flow that is only not to be had now.
            self.failed, self.mend = error.what, error.mend

    @rx.event
    async def save(self, flow: str, edits: list[dict[str, Any]], base: int, batch: str) -> None:
        """Apply what the person did, also to a flow that they are just leaving."""
        who, desks = await person(), backend().desks
        try:
            self._answer(flow, await desks.edit(who, flow, self._tab, base, _decoded(edits), batch), batch)
        except CanevasError as error:
            self._refuse(flow, error, batch)

    @rx.event
    async def walk(self, flow: str, way: str) -> EventSpec | None:
        """Undo, redo, tidy up, look for changes made elsewhere, or open anew."""
        who, desks = await person(), backend().desks
        ways = {"undo": desks.undo, "redo": desks.redo, "look": desks.look, "tidy": desks.tidy}
        if way not in ways:
            return Editing.open()
        try:
            self._answer(flow, await ways[way](who, flow, self._tab))
        except CanevasError as error:
            self._refuse(flow, error)
        return None

    @rx.event
    async def resolve(self, flow: str, way: str, edits: list[dict[str, Any]]) -> EventSpec | None:
        """Go on after somebody else changed the flow: with theirs, with mine on top, or with mine as a copy."""
        who, desks = await person(), backend().desks
        try:
            if way == "copy":
                return rx.redirect(f"/flows/{await desks.keep_as_copy(who, flow, self._tab, _decoded(edits))}")
            mine = _decoded(edits) if way == "mine" else []
            self._opened(flow, await desks.put_on_top(who, flow, self._tab, mine), resolved=True)
        except CanevasError as error:
            self._refuse(flow, error)
        return None

    @rx.event
    def select(self, steps: list[str]) -> None:
        """Remember which steps the person has chosen."""
        self._shown()
        self.selected = steps

    @property
    def _tab(self) -> str:
        return self.router.session.client_token

    def _opened(self, flow: str, opened: Opened, resolved: bool = False) -> None:
        self.missing, self.failed, self.selected = False, "", []
        self.answer = {}  # a page loaded anew would take the answer from before, such as a conflict, for its own
        self.opened = {
            **self._word(flow),
            "tab": self._tab,
            "revision": opened.revision,
            "view": opened.view,
            "undo": opened.undo,
            "redo": opened.redo,
            "skipped": opened.skipped,
            "resolved": resolved,
        }

    def _answer(self, flow: str, saved: Saved | None, batch: str = "") -> None:
        self._shown()
        self.answer = self._word(flow, batch)
        if saved is not None:  # else there was nothing to undo, or nothing changed elsewhere
            self.answer |= {
                "before": saved.before,
                "revision": saved.revision,
                "changes": saved.changes,
                "undo": saved.undo,
                "redo": saved.redo,
            }

    def _refuse(self, flow: str, error: CanevasError, batch: str = "") -> None:
        words, word = list(said(error)), self._word(flow, batch)
        if isinstance(error, StaleError):
            self.answer = {**word, "stale": error.revision}
        elif isinstance(error, EditError):
            self.answer = {**word, "refused": words}
        else:
            self.answer = {**word, "failed": words}

    def _word(self, flow: str, batch: str = "") -> dict[str, Any]:
        """What every word to the browser begins with: a number that rises, the flow and the batch it is about."""
        return {"n": next(_WORDS), "flow": flow, "batch": batch}

    def _shown(self) -> None:
        """Let go of a flow that the browser has by now: a page that is loaded anew would first be sent the old one."""
        if self.opened:
            self.opened = {}


def _decoded(edits: list[dict[str, Any]]) -> list[Edit]:
    return [decode(edit) for edit in edits]


async def _choices(who: Any, back: Backend) -> dict[str, Any]:
    return {
        "models": back.models(who),
        "secrets": [entry.name for entry in await back.secrets(who)],
        "flows": [
            {"name": entry.id, "label": entry.name, "deployed": entry.slug is not None}
            for entry in await back.flows(who)
        ],
    }
