"""The journal in the database: runs, and their events as entries of consecutive ones."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import and_, select
from sqlmodel import col

from runtime.errors import ConflictError
from runtime.interpreter.events import Durable, encode_all
from runtime.interpreter.journal import STANDING, RunRecord
from runtime.interpreter.kept import LARGE, NOTHING, abridged, fill, read
from runtime.interpreter.memory_journal import follow, taken, unknown
from runtime.interpreter.waits import Wait
from runtime.storage.changes import Change, Place, RowValues
from runtime.storage.database import Database
from runtime.storage.scope import EVERYWHERE, Found
from runtime.storage.tables import EntryRow, RunRow, UseRow, ValueRow
from runtime.storage.writer import RunWriter

_COLUMNS = [col(getattr(RunRow, name)) for name in RunRecord.__struct_fields__]
_LISTED = [col(getattr(RunRow, name)) for name in RunRecord.__struct_fields__ if name != "document"]
_SEQ_MAX = 2**31 - 1
_USED = select(col(ValueRow.digest), col(ValueRow.body)).join(
    UseRow, and_(col(UseRow.workspace) == col(ValueRow.workspace), col(UseRow.digest) == col(ValueRow.digest))
)


class SqlJournal:
    """Keeps runs in a database; closing the database first writes what is still on its way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer = RunWriter(database)
        database.closing.push_async_callback(self._writer.drain)

    async def open(self, record: RunRecord) -> None:
        """Begin the record of a run. Raises ConflictError when the id is taken."""
        try:
            await self._writer.put(Change(_place(record), run=_row(record)), hurry=True)
        except ConflictError:
            raise taken(record.id) from None

    async def append(self, workspace: str, run: str, events: Sequence[Durable]) -> None:
        """Add consecutive events. Raises ConflictError when their seq does not follow the last one, NotFoundError."""
        if events:
            follows = partial(follow, run, events)
            await self._writer.put(_change((workspace, run), events, follows=follows), hurry=True)

    async def close(self, record: RunRecord, events: Sequence[Durable] = ()) -> None:
        """Write how the run stands now, with its next events. Raises ConflictError, NotFoundError; then neither."""
        place, row = _place(record), _row(record)
        standing = {name: row[name] for name in STANDING}
        follows = partial(follow, record.id, events)
        await self._writer.put(_change(place, events, standing=standing, follows=follows), hurry=True)

    def keep(self, record: RunRecord, events: Sequence[Durable]) -> asyncio.Future[None]:
        """A whole run at once. The future ends when it is durable; ConflictError when the id is taken.

        It is written whether somebody waits or not, in company of what comes within about ten milliseconds.
        """
        follow(record.id, events, 0)
        return self._writer.put(_change(_place(record), events, _row(record)))

    async def room(self) -> None:
        """Wait while `keep` has more on its way than memory should hold."""
        await self._writer.room()

    async def events(self, workspace: str, run: str, after: int = 0) -> list[Durable]:
        """The events with a seq above `after`, in order. Raises NotFoundError."""
        after = min(after, _SEQ_MAX)
        wanted = select(col(EntryRow.body)).where(col(EntryRow.run) == run, col(EntryRow.last) > after)
        async with self._database.reading(workspace) as scope:
            found = await scope.rows(wanted.order_by(col(EntryRow.first)))
            if not found and await scope.first(select(col(RunRow.id)).where(col(RunRow.id) == run)) is None:
                raise unknown(run)
            entries = [read(row.body) for row in found]
            if gaps := [gap for _, inside in entries for gap in inside]:
                values = await scope.rows(_USED.where(col(UseRow.run) == run))
                fill(gaps, {each.digest: each.body for each in values})
        return [event for events, _ in entries for event in events if event.seq > after]

    async def record(self, workspace: str, run: str) -> RunRecord:
        """One run. Raises NotFoundError."""
        async with self._database.reading(workspace) as scope:
            found = await scope.first(select(*_COLUMNS).where(col(RunRow.id) == run))
        if found is None:
            raise unknown(run)
        return _record(found)

    async def records(
        self, workspace: str, *, flow: str = "", state: str = "", limit: int = 50, before: float | None = None
    ) -> list[RunRecord]:
        """The newest runs first, without their documents; flow, state: only those; before: that started earlier."""
        wanted = select(*_LISTED).order_by(col(RunRow.started).desc(), col(RunRow.id).desc()).limit(limit)
        if flow:
            wanted = wanted.where(col(RunRow.flow) == flow)
        if state:
            wanted = wanted.where(col(RunRow.state) == state)
        if before is not None:
            wanted = wanted.where(col(RunRow.started) < before)
        async with self._database.reading(workspace) as scope:
            return [_record(found) for found in await scope.rows(wanted)]

    async def unfinished(self) -> list[RunRecord]:
        """Runs still marked as running, of every workspace, the oldest first."""
        wanted = select(*_COLUMNS).where(col(RunRow.state) == "running").order_by(col(RunRow.started))
        async with self._database.reading(EVERYWHERE) as scope:
            return [_record(found) for found in await scope.rows(wanted)]

    async def wakes(self) -> list[tuple[str, str, float]]:
        """Workspace, id and `wake` of the waiting runs that go on by themselves."""
        wanted = select(col(RunRow.workspace), col(RunRow.id), col(RunRow.wake))
        wanted = wanted.where(col(RunRow.state) == "waiting", col(RunRow.wake).is_not(None))
        async with self._database.reading(EVERYWHERE) as scope:
            return [(found.workspace, found.id, found.wake) for found in await scope.rows(wanted)]


def _place(record: RunRecord) -> Place:
    return record.workspace, record.id


def _change(
    place: Place,
    events: Sequence[Durable],
    run: RowValues | None = None,
    standing: RowValues | None = None,
    follows: Callable[[int], object] = int,
) -> Change:
    if not events:
        return Change(place, run, standing=standing)
    body, values = encode_all(list(events)), NOTHING
    if len(body) > LARGE:
        body, values = abridged(events, body)
    entry = {"workspace": place[0], "run": place[1], "first": events[0].seq, "last": events[-1].seq, "body": body}
    return Change(place, run, entry, values, standing, follows)


def _row(record: RunRecord) -> dict[str, Any]:
    return {**msgspec.structs.asdict(record), "waits": msgspec.to_builtins(record.waits)}


def _record(found: Found) -> RunRecord:
    waits = msgspec.convert(found.waits, tuple[Wait, ...]) if found.waits else ()
    return RunRecord(**{**found._mapping, "waits": waits})
