"""The editor in Reflex: each event reads, calls the desks once, and hands their answer to the browser."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from builder.backend import Backend
from builder.editor.desks import Opened, Saved, StaleError
from builder.editor.document import EditError
from builder.editor.edits import Edit, decode
from builder.editor.kinds import kinds_view
from builder.guard import backend, person
from runtime.errors import CanevasError, NotFoundError


class Editing(rx.State):
    """What the open editor shows. The flow itself lives on the desk; here are only the last words about it.

    opened, answer, catalog, choices: for the `Editor` component. selected: the ids of the chosen steps. missing: there
    is no such flow.
    """

    opened: dict[str, Any] = {}
    answer: dict[str, Any] = {}
    catalog: dict[str, Any] = {}
    choices: dict[str, Any] = {}
    selected: list[str] = []
    missing: bool = False
    _said: int = 0

    @rx.event
    async def open(self) -> None:
        """Open the flow that the address names."""
        who, back = await person(), backend()
        if not self.catalog:
            self.catalog = kinds_view(back.catalog)
        self.choices = await _choices(who, back)
        try:
            self._opened(await back.desks.open(who, self._flow, self._tab))
        except NotFoundError:
            self.missing = True

    @rx.event
    async def save(self, edits: list[dict[str, Any]], base: int, batch: str) -> None:
        """Apply what the person did."""
        who, desks = await person(), backend().desks
        try:
            self._answer(await desks.edit(who, self._flow, self._tab, base, _decoded(edits), batch))
        except CanevasError as error:
            self._refuse(error)

    @rx.event
    async def walk(self, way: str) -> EventSpec | None:
        """Undo, redo, tidy up, look for changes made elsewhere, or open anew."""
        who, desks = await person(), backend().desks
        ways = {"undo": desks.undo, "redo": desks.redo, "look": desks.look, "tidy": desks.tidy}
        if way not in ways:
            return Editing.open()
        try:
            self._answer(await ways[way](who, self._flow, self._tab))
        except CanevasError as error:
            self._refuse(error)
        return None

    @rx.event
    async def resolve(self, way: str, edits: list[dict[str, Any]]) -> EventSpec | None:
        """Go on after somebody else changed the flow: with theirs, with mine on top, or with mine as a copy."""
        who, desks = await person(), backend().desks
        try:
            if way == "copy":
                name = f"{self.opened['view']['name']} 2"
                return rx.redirect(
                    f"/flows/{await desks.keep_as_copy(who, self._flow, self._tab, _decoded(edits), name)}"
                )
            mine = _decoded(edits) if way == "mine" else []
            self._opened(await desks.put_on_top(who, self._flow, self._tab, mine), resolved=True)
        except CanevasError as error:
            self._refuse(error)
        return None

    @rx.event
    def select(self, steps: list[str]) -> None:
        """Remember which steps the person has chosen."""
        self.selected = steps

    @property
    def _flow(self) -> str:
        return str(self.flow_id)  # the dynamic part of the address

    @property
    def _tab(self) -> str:
        return self.router.session.client_token

    def _opened(self, opened: Opened, resolved: bool = False) -> None:
        self.missing, self.selected = False, []
        self.opened = {
            "n": self._next(),
            "flow": self._flow,
            "tab": self._tab,
            "revision": opened.revision,
            "view": opened.view,
            "undo": opened.undo,
            "redo": opened.redo,
            "skipped": opened.skipped,
            "resolved": resolved,
        }

    def _answer(self, saved: Saved | None) -> None:
        if saved is None:  # nothing to undo, or nothing changed elsewhere
            self.answer = {"n": self._next()}
            return
        self.answer = {
            "n": self._next(),
            "before": saved.before,
            "revision": saved.revision,
            "changes": saved.changes,
            "undo": saved.undo,
            "redo": saved.redo,
        }

    def _refuse(self, error: CanevasError) -> None:
        said = [f"{error.what} {error.mend}".strip(), {}]
        if isinstance(error, StaleError):
            self.answer = {"n": self._next(), "stale": error.revision}
        elif isinstance(error, EditError):
            self.answer = {"n": self._next(), "refused": said}
        else:
            self.answer = {"n": self._next(), "failed": said}

    def _next(self) -> int:
        self._said += 1
        return self._said


def _decoded(edits: list[dict[str, Any]]) -> list[Edit]:
    return [decode(edit) for edit in edits]


async def _choices(who: Any, back: Backend) -> dict[str, Any]:
    return {"models": back.models(who), "secrets": [entry.name for entry in await back.secrets(who)]}
