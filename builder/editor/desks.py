"""Everybody's open flows: edits are checked against the stored revision, saved, and answered with what changed."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from builder.editor.desk import Desk, Name, apply_what_fits, lay, one_of, reread, settled, tidied
from builder.editor.edits import Edit, apply
from builder.editor.following import with_followers
from builder.editor.history import History
from builder.editor.view import changes, plain
from runtime.errors import ConflictError
from runtime.graph.catalog import Catalog
from runtime.graph.check import check_reading
from runtime.graph.flow import Flow
from runtime.graph.library import Library
from runtime.graph.problems import Problem
from runtime.graph.reading import Reading, read_flow

_OPEN = 256  # desks kept in memory; a tab whose desk is gone opens the flow anew and loses what it could undo
_ANSWERED = 64  # batches a tab may send again because it did not hear the answer


class StaleError(ConflictError):
    """The flow was changed elsewhere since this tab saw it. revision: the newer one."""

    def __init__(self, revision: int) -> None:
        super().__init__("The flow was changed in another window", mend="Choose which version goes on.")
        self.revision = revision


class FlowStore(Protocol):
    """Where drafts are kept. `person`: whoever is signed in; a flow of another workspace is not found."""

    async def load(self, person: Any, flow_id: str) -> tuple[Flow, int]:
        """The draft and its revision. Raises: NotFoundError."""

    async def save(self, person: Any, flow_id: str, flow: Flow, expected: int, batch: str = "") -> int:
        """Store a draft when the stored revision is still `expected`; the new revision. Raises: ConflictError.

        batch: the id of the edits that made it.
        """

    async def last_batch(self, person: Any, flow_id: str) -> str:
        """The batch that the last save was given, empty when it was given none. Raises: NotFoundError."""

    async def create(self, person: Any, flow: Flow) -> str:
        """Store a new flow; its id."""

    async def library(self, person: Any, flow: Flow) -> Library:
        """The other flows that a flow runs, as they are deployed now."""

    async def problems(self, person: Any, reading: Reading) -> list[Problem]:
        """What keeps the flow from running although it is drawn right: a missing secret, a model without a key."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A flow as a tab gets it whole. view: plain values. undo, redo: what they would do, or None."""

    revision: int
    view: dict[str, Any]
    undo: Name | None = None
    redo: Name | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Saved:
    """What an edit made of a flow: what `view.changes` says about the revision `before`."""

    before: int
    revision: int
    changes: dict[str, Any]
    undo: Name | None = None
    redo: Name | None = None


@dataclass(slots=True)
class _Seat:
    """One tab's desk.

    floor: the revision in which this tab last took over somebody else's changes; what it drew before that was drawn
    without them. answers: by batch, so that a batch sent twice is applied once.
    """

    desk: Desk
    floor: int
    answers: OrderedDict[str, Saved] = field(default_factory=OrderedDict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def remember(self, batch: str, saved: Saved) -> Saved:
        """Keep what a batch was answered with."""
        if batch:
            self.answers[batch] = saved
            while len(self.answers) > _ANSWERED:
                self.answers.popitem(last=False)
        return saved


class Desks:
    """The desks of this process. clock: seconds, for what counts as one thing to undo."""

    def __init__(self, store: FlowStore, catalog: Catalog, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._catalog, self._clock = store, catalog, clock
        self._seats: OrderedDict[tuple[str, str, str], _Seat] = OrderedDict()

    async def open(self, person: Any, flow_id: str, tab: str) -> Opened:
        """Open a flow in a tab, or load it anew. Raises: NotFoundError."""
        flow, revision = await self._store.load(person, flow_id)
        reading = read_flow(flow, self._catalog, await self._store.library(person, flow))
        if (whole := settled(reading)) is not flow:
            batch = await self._store.last_batch(person, flow_id)  # which this does not undo
            revision = await self._store.save(person, flow_id, whole, revision, batch)
            reading = reread(whole, self._catalog, reading)
        desk = lay(reading, await self._problems(person, reading), revision)
        seat = self._sit(person, flow_id, tab, desk)
        return _opened(seat.desk)

    async def edit(
        self, person: Any, flow_id: str, tab: str, base: int, edits: Sequence[Edit], batch: str = ""
    ) -> Saved:
        """Apply edits and save. batch: an id of the tab's own; the same one again is applied once and answered again.

        base: the last revision the tab has seen. Raises: EditError (nothing has changed), StaleError, NotFoundError.
        """
        seat = await self._seat(person, flow_id, tab)
        async with seat.lock:
            if answer := await self._answered(person, flow_id, seat, batch):
                return answer
            try:
                if not seat.floor <= base <= seat.desk.revision:
                    raise StaleError(seat.desk.revision)
                edit = one_of(seat.desk.with_room(with_followers(seat.desk.flow, edits, self._catalog)))
                history = seat.desk.history.record(seat.desk.flow, edit, self._clock())
                saved = await self._save(person, flow_id, seat, apply(seat.desk.flow, edit), history, batch)
            except StaleError:
                if answer := await self._answered(person, flow_id, seat, batch):  # saved by another desk just now
                    return answer
                raise
            return seat.remember(batch, saved)

    async def undo(self, person: Any, flow_id: str, tab: str) -> Saved | None:
        """Take back what this tab did last; None when there is nothing. Raises: StaleError, NotFoundError."""
        return await self._walk(person, flow_id, tab, History.undo)

    async def redo(self, person: Any, flow_id: str, tab: str) -> Saved | None:
        """Do again what this tab took back last; None when there is nothing. Raises: StaleError, NotFoundError."""
        return await self._walk(person, flow_id, tab, History.redo)

    async def tidy(self, person: Any, flow_id: str, tab: str) -> Saved | None:
        """Put every step into columns; None when they stand so already. Raises: StaleError, NotFoundError."""
        seat = await self._seat(person, flow_id, tab)
        async with seat.lock:
            edit = tidied(seat.desk.reading)
            if edit is None:
                return None
            history = seat.desk.history.record(seat.desk.flow, edit, self._clock())
            return await self._save(person, flow_id, seat, apply(seat.desk.flow, edit), history)

    async def look(self, person: Any, flow_id: str, tab: str) -> Saved | None:
        """What changed elsewhere since this tab saw the flow, None when nothing did. Raises: NotFoundError."""
        seat = await self._seat(person, flow_id, tab)
        async with seat.lock:
            flow, revision = await self._store.load(person, flow_id)
            if revision == seat.desk.revision:
                return None
            return await self._take_over(person, seat, flow, revision)

    async def put_on_top(self, person: Any, flow_id: str, tab: str, edits: Sequence[Edit]) -> Opened:
        """Load the newest revision and apply on it those of the edits that still fit; says how many did not."""
        await self.open(person, flow_id, tab)
        seat = await self._seat(person, flow_id, tab)
        async with seat.lock:
            flow, fitting, skipped = apply_what_fits(seat.desk.flow, edits)
            if fitting:
                history = seat.desk.history.record(seat.desk.flow, one_of(fitting), self._clock())
                await self._save(person, flow_id, seat, flow, history)
            return replace(_opened(seat.desk), skipped=skipped)

    async def keep_as_copy(self, person: Any, flow_id: str, tab: str, edits: Sequence[Edit]) -> str:
        """A new flow: what this tab last saw, and its edits. The id of the new flow."""
        seat = await self._seat(person, flow_id, tab)
        flow, _, _ = apply_what_fits(seat.desk.flow, edits)
        return await self._store.create(person, flow.model_copy(update={"name": f"{flow.name[:198]} 2"}))

    def flow(self, person: Any, flow_id: str, tab: str) -> Flow | None:
        """The document as this tab last saw it, None when the tab has no desk here."""
        seat = self._seats.get((person.id, flow_id, tab))
        return seat.desk.flow if seat else None

    def close(self, person: Any, flow_id: str, tab: str) -> None:
        """Forget a tab's desk."""
        self._seats.pop((person.id, flow_id, tab), None)

    async def _seat(self, person: Any, flow_id: str, tab: str) -> _Seat:
        key = (person.id, flow_id, tab)
        if key not in self._seats:
            await self.open(person, flow_id, tab)
        self._seats.move_to_end(key)
        return self._seats[key]

    def _sit(self, person: Any, flow_id: str, tab: str, desk: Desk) -> _Seat:
        seat = self._seats.setdefault((person.id, flow_id, tab), _Seat(desk, desk.revision))
        seat.desk, seat.floor = desk, desk.revision
        while len(self._seats) > _OPEN:
            self._seats.popitem(last=False)
        return seat

    async def _problems(self, person: Any, reading: Reading) -> list[Problem]:
        return [*check_reading(reading), *await self._store.problems(person, reading)]

    async def _walk(self, person: Any, flow_id: str, tab: str, step: Any) -> Saved | None:
        seat = await self._seat(person, flow_id, tab)
        async with seat.lock:
            found = step(seat.desk.history, seat.desk.flow)
            if found is None:
                return None
            history, edit = found
            return await self._save(person, flow_id, seat, apply(seat.desk.flow, edit), history)

    async def _answered(self, person: Any, flow_id: str, seat: _Seat, batch: str) -> Saved | None:
        """What a batch was answered with, None when it is new.

        Who saved it may have died before the answer, or had the tab on another desk; then the store knows it, and
        a tab that was not shown what it made of the flow sees by `before` that it has to open the flow anew.
        """
        if not batch:
            return None
        if answer := seat.answers.get(batch):
            return answer
        if await self._store.last_batch(person, flow_id) != batch:
            return None
        flow, revision = await self._store.load(person, flow_id)
        if revision != seat.desk.revision:
            await self._take_over(person, seat, flow, revision)
        undo, redo = seat.desk.names
        return seat.remember(batch, Saved(revision, revision, {}, undo, redo))

    async def _take_over(self, person: Any, seat: _Seat, flow: Flow, revision: int) -> Saved:
        """Put on the desk what was saved elsewhere."""
        seat.floor = revision
        return await self._show(person, seat, flow, revision, seat.desk.history)

    async def _save(
        self, person: Any, flow_id: str, seat: _Seat, flow: Flow, history: History, batch: str = ""
    ) -> Saved:
        try:
            revision = await self._store.save(person, flow_id, flow, seat.desk.revision, batch)
        except ConflictError:
            _, newer = await self._store.load(person, flow_id)
            raise StaleError(newer) from None
        return await self._show(person, seat, flow, revision, history)

    async def _show(self, person: Any, seat: _Seat, flow: Flow, revision: int, history: History) -> Saved:
        before = seat.desk
        library = await self._store.library(person, flow)
        reading = reread(flow, self._catalog, replace(before.reading, library=library))
        seat.desk = lay(reading, await self._problems(person, reading), revision, history)
        undo, redo = seat.desk.names
        return Saved(before.revision, revision, changes(before.view, seat.desk.view), undo, redo)


def _opened(desk: Desk) -> Opened:
    undo, redo = desk.names
    return Opened(desk.revision, plain(desk.view), undo, redo)
