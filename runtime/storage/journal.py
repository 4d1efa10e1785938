"""The journal in the database: runs, and their events as entries of consecutive ones."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlmodel import col

from runtime.errors import ConflictError
from runtime.interpreter.events import Durable, RunState, encode_all
from runtime.interpreter.journal import STANDING, RunRecord, Signal
from runtime.interpreter.kept import LARGE, NOTHING, abridged, fill, read
from runtime.interpreter.memory_journal import follow, stays, taken, unknown
from runtime.interpreter.waits import Wait
from runtime.storage.changes import Change, Place, RowValues
from runtime.storage.database import Database
from runtime.storage.scope import EVERYWHERE, Found
from runtime.storage.tables import EntryRow, RunKeyRow, RunRow, SignalRow, UseRow, ValueRow
from runtime.storage.writer import RunWriter

_COLUMNS = [col(getattr(RunRow, name)) for name in RunRecord.__struct_fields__]
_LISTED = [col(getattr(RunRow, name)) for name in RunRecord.__struct_fields__ if name != "document"]
_SIGNAL = [col(getattr(SignalRow, name)) for name in Signal.__struct_fields__]
_SIGNALS = and_(col(SignalRow.workspace) == col(RunRow.workspace), col(SignalRow.run) == col(RunRow.id))
_SEQ_MAX = 2**31 - 1
_SOME = 2_000  # runs in one look at what is due
_USED = select(col(ValueRow.digest), col(ValueRow.body)).join(
    UseRow, and_(col(UseRow.workspace) == col(ValueRow.workspace), col(UseRow.digest) == col(ValueRow.digest))
)


class SqlJournal:
    """Keeps runs in a database; closing the database first writes what is still on its way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer = RunWriter(database)
        database.closing.push_async_callback(self._writer.drain)

    async def open(self, record: RunRecord, events: Sequence[Durable] = (), key: str = "") -> None:
        """Begin the record of a run. Raises ConflictError when the id or the key is taken."""
        follow(record.id, events, 0)
        place, keyed = _place(record), None
        if key:
            at = record.started
            keyed = {"workspace": place[0], "flow": record.flow, "key": key, "run": record.id, "at": at}
        try:
            await self._writer.put(change_of(place, events, run=row_of(record), key=keyed), hurry=True)
        except ConflictError:
            raise taken(record.id) from None

    async def append(self, workspace: str, run: str, events: Sequence[Durable], read: Collection[str] = ()) -> None:
        """Add consecutive events. Raises ConflictError when their seq does not follow the last one, NotFoundError."""
        if events:
            follows = partial(follow, run, events)
            await self._writer.put(change_of((workspace, run), events, follows=follows, read=read), hurry=True)

    async def close(
        self,
        record: RunRecord,
        events: Sequence[Durable] = (),
        *,
        after: int | None = None,
        read: Collection[str] = (),
        parks: bool = False,
    ) -> None:
        """Write how the run stands now, with its next events. Raises ConflictError, NotFoundError, Signalled."""
        row = row_of(record)
        standing = {name: row[name] for name in STANDING}
        follows = partial(follow, record.id, events) if events or after is None else partial(stays, record.id, after)
        change = change_of(_place(record), events, standing=standing, follows=follows, read=read, parks=parks)
        await self._writer.put(change, hurry=True)

    def keep(self, record: RunRecord, events: Sequence[Durable]) -> asyncio.Future[None]:
        """A whole run at once. The future ends when it is durable; ConflictError when the id is taken.

        It is written whether somebody waits or not, in company of what comes within about ten milliseconds.
        """
        follow(record.id, events, 0)
        return self._writer.put(change_of(_place(record), events, row_of(record)))

    async def signal(self, workspace: str, run: str, signal: Signal, after: int | None = None) -> None:
        """Leave a signal for who drives the run. Raises ConflictError, NotFoundError."""
        row = {"workspace": workspace, "run": run, **msgspec.structs.asdict(signal)}
        follows = None if after is None else partial(stays, run, after)
        await self._writer.put(Change((workspace, run), signal=row, follows=follows), hurry=True)

    async def signals(self, workspace: str, run: str) -> list[Signal]:
        """The signals of a run that nobody has read, the oldest first."""
        wanted = select(*_SIGNAL).where(col(SignalRow.run) == run).order_by(col(SignalRow.at), col(SignalRow.name))
        async with self._database.reading(workspace) as scope:
            return [Signal(*found) for found in await scope.rows(wanted)]

    async def signalled(self, worker: str) -> list[tuple[str, str]]:
        """Workspace and id of the runs of a worker that have signals."""
        wanted = select(col(SignalRow.workspace), col(SignalRow.run)).distinct().join(RunRow, _SIGNALS)
        async with self._database.reading(EVERYWHERE) as scope:
            return [(*found,) for found in await scope.rows(wanted.where(col(RunRow.worker) == worker))]

    async def keyed(self, workspace: str, flow: str, key: str) -> str | None:
        """The id of the run that was started with a key of its caller's."""
        wanted = select(col(RunKeyRow.run)).where(col(RunKeyRow.flow) == flow, col(RunKeyRow.key) == key)
        async with self._database.reading(workspace) as scope:
            found = await scope.first(wanted)
        return None if found is None else found.run

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
        self,
        workspace: str,
        *,
        flow: str = "",
        state: str = "",
        source: str = "",
        search: str = "",
        limit: int = 50,
        before: float | None = None,
    ) -> list[RunRecord]:
        """The newest runs first, without their documents; only those that `is_meant` tells, started before that."""
        wanted = select(*_LISTED).where(*_meant(flow, source, search))
        wanted = wanted.order_by(col(RunRow.started).desc(), col(RunRow.id).desc()).limit(limit)
        if state:
            wanted = wanted.where(col(RunRow.state) == state)
        if before is not None:
            wanted = wanted.where(col(RunRow.started) < before)
        async with self._database.reading(workspace) as scope:
            return [_record(found) for found in await scope.rows(wanted)]

    async def counts(
        self, workspace: str, *, flow: str = "", source: str = "", search: str = ""
    ) -> dict[RunState, int]:
        """How many runs are in each state, of those that `is_meant` tells."""
        counted = select(col(RunRow.state), func.count()).group_by(col(RunRow.state))
        async with self._database.reading(workspace) as scope:
            return dict(map(tuple, await scope.rows(counted.where(*_meant(flow, source, search)))))

    async def unfinished(self) -> list[RunRecord]:
        """Runs of every workspace that are going on, or queued; without their documents, the oldest first."""
        wanted = select(*_LISTED).where(col(RunRow.state).in_(("running", "queued"))).order_by(col(RunRow.started))
        async with self._database.reading(EVERYWHERE) as scope:
            return [_record(found) for found in await scope.rows(wanted)]

    async def due(self, now: float) -> list[RunRecord]:
        """Some thousand runs of every workspace that wait for nothing any more, without their documents."""
        queued, waiting = col(RunRow.state) == "queued", col(RunRow.state) == "waiting"
        soon = select(*_LISTED).where(queued, or_(col(RunRow.due).is_(None), col(RunRow.due) <= now))
        woken = select(*_LISTED).where(waiting, col(RunRow.wake) <= now).order_by(col(RunRow.wake))
        told = select(*_LISTED).where(waiting, exists().where(_SIGNALS))
        async with self._database.reading(EVERYWHERE) as scope:
            found = [
                *await scope.rows(told.limit(_SOME)),
                *await scope.rows(woken.limit(_SOME)),
                *await scope.rows(soon.order_by(col(RunRow.due), col(RunRow.started)).limit(_SOME)),
            ]
        return [_record(each) for each in found]

    async def next_due(self) -> float | None:
        """When the next run that waits, or is queued for later, goes on by itself, in seconds since the epoch."""
        waiting = select(func.min(col(RunRow.wake))).where(col(RunRow.state) == "waiting")
        queued = select(func.min(col(RunRow.due))).where(col(RunRow.state) == "queued")
        async with self._database.reading(EVERYWHERE) as scope:
            times = [(await scope.first(each) or [None])[0] for each in (waiting, queued)]
        return min((at for at in times if at is not None), default=None)


def _meant(flow: str, source: str, search: str) -> list[ColumnElement[bool]]:
    """What `journal.is_meant` tells, but for the state."""
    told = (col(RunRow.id), col(RunRow.flow_name), col(RunRow.error))
    same = [column == value for column, value in ((col(RunRow.flow), flow), (col(RunRow.source), source)) if value]
    words = [or_(*(text.icontains(word, autoescape=True) for text in told)) for word in search.split()]
    return [*same, *words]


def _place(record: RunRecord) -> Place:
    return record.workspace, record.id


def change_of(
    place: Place,
    events: Sequence[Durable],
    run: RowValues | None = None,
    standing: RowValues | None = None,
    follows: Callable[[int], object] | None = None,
    **more: Any,
) -> Change:
    """What is to be written of a run and its next events."""
    if not events:
        return Change(place, run, standing=standing, follows=follows, **more)
    body, values = encode_all(list(events)), NOTHING
    if len(body) > LARGE:
        body, values = abridged(events, body)
    entry = {"workspace": place[0], "run": place[1], "first": events[0].seq, "last": events[-1].seq, "body": body}
    return Change(place, run, entry, values, standing, follows, **more)


def row_of(record: RunRecord) -> dict[str, Any]:
    """The row of a record."""
    return {**msgspec.structs.asdict(record), "waits": msgspec.to_builtins(record.waits)}


def _record(found: Found) -> RunRecord:
    waits = msgspec.convert(found.waits, tuple[Wait, ...]) if found.waits else ()
    told = {**found._mapping, "waits": waits, "labels": tuple(found.labels), "providers": tuple(found.providers)}
    return RunRecord(**told)
