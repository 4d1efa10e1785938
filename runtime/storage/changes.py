"""What the journal writes: changes of many runs in one transaction, and how each kind of database takes them."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.dialects import sqlite
from sqlmodel import col

from runtime.errors import CanevasError
from runtime.interpreter.journal import STANDING, Signalled
from runtime.interpreter.kept import NOTHING
from runtime.interpreter.memory_journal import signal_taken, taken, unknown
from runtime.storage.columns import AnyText
from runtime.storage.scope import Scope
from runtime.storage.tables import EntryRow, Row, RunKeyRow, RunRow, SignalRow, UseRow, ValueRow

Place: TypeAlias = tuple[str, str]  # workspace and id of a run
Refusals: TypeAlias = dict[int, CanevasError]  # by the position of what could not be done, and was not
RowValues: TypeAlias = dict[str, Any]  # by column


class Change(NamedTuple):
    """What one call of the journal wants: a new run, its next events, how it stands now, or several of them.

    values: the large ones to which the events refer, by SHA-256. follows: raises ConflictError when the events do not
    go on after the seq that it is given. key: of a new run's caller, within its flow. read: signals that go. parks:
    only if the run has no signal. signal: one for whoever drives the run.
    """

    place: Place
    run: RowValues | None = None
    entry: RowValues | None = None
    values: Mapping[str, bytes] = NOTHING
    standing: RowValues | None = None
    follows: Callable[[int], object] | None = None
    key: RowValues | None = None
    read: Collection[str] = ()
    parks: bool = False
    signal: RowValues | None = None

    @property
    def weight(self) -> int:
        """About how many bytes it holds."""
        weight = 1_000 + len(self.run["document"] if self.run else "") + len(self.entry["body"] if self.entry else b"")
        return weight + sum(map(len, self.values.values())) if self.values else weight


def _to_look_up(changes: Iterable[Change]) -> list[Place]:
    """The runs whose last event must be known before the changes are written."""
    return [change.place for change in changes if change.follows is not None and change.run is None]


class _Rows(NamedTuple):
    """What is to be written of entries: themselves, the large values that they refer to, and which run uses which."""

    entries: list[RowValues]
    values: list[RowValues]
    uses: list[RowValues]


def _settle(
    changes: Sequence[Change], last: dict[Place, int], signalled: Collection[Place], refusals: Refusals
) -> _Rows:
    """What is to be written; refusals grow. last: the last seq of each run that was looked up and is there."""
    settled: list[Change] = []
    last |= {change.place: 0 for change in changes if change.run is not None}
    for position, change in enumerate(changes):
        if position in refusals:
            continue
        try:
            if change.follows is not None:
                if change.place not in last:
                    raise unknown(change.place[1])
                change.follows(last[change.place])
            if change.parks and change.place in signalled:
                raise Signalled(change.place[1])
        except CanevasError as error:
            refusals[position] = error
        else:
            if change.entry is not None:
                last[change.place] = change.entry["last"]
                settled.append(change)
    entries = [change.entry for change in settled if change.entry is not None]
    return _Rows(entries, *_kept([change for change in settled if change.values]))


def _kept(changes: Sequence[Change]) -> tuple[list[RowValues], list[RowValues]]:
    """The rows of large values and of their uses; in one order for everybody, so that no two wait for each other."""
    values = {(change.place[0], digest): body for change in changes for digest, body in change.values.items()}
    uses = {(*change.place, digest) for change in changes for digest in change.values}
    return (
        [{"workspace": place[0], "digest": place[1], "body": values[place]} for place in sorted(values)],
        [{"workspace": workspace, "run": run, "digest": digest} for workspace, run, digest in sorted(uses)],
    )


# --- any database --------------------------------------------------------------------------------------------------


async def write(scope: Scope, changes: Sequence[Change]) -> Refusals:
    """Write what can be written. Raises what the database raises; then nothing was written."""
    if any(change.values for change in changes):
        # Nobody removes a value as one that no run uses while this relies on it; see FlowStore.purge.
        await scope.wait_alone(among_others=True)
    refusals = Refusals()
    for position, change in enumerate(changes):
        if change.key is not None and not await scope.first_to(RunKeyRow, change.key):
            refusals[position] = taken(change.place[1])
    fresh = [change.run for position, change in enumerate(changes) if change.run and position not in refusals]
    await scope.add(RunRow, *fresh)
    last = {}
    if places := _to_look_up(changes):
        if standing := [change.place for change in changes if (change.standing or change.signal) and not change.run]:
            # Two who say how one run stands take turns; and what the one before wrote is seen by what follows.
            these = tuple_(col(RunRow.workspace), col(RunRow.id)).in_(standing)
            await scope.rows(select(col(RunRow.id)).where(these).order_by(col(RunRow.id)).with_for_update())
        found = await scope.rows(_LAST.where(tuple_(col(RunRow.workspace), col(RunRow.id)).in_(places)))
        last = {(workspace, run): seq or 0 for workspace, run, seq in found}
    signalled: set[Place] = set()
    if parking := [change.place for change in changes if change.parks]:
        these = tuple_(col(SignalRow.workspace), col(SignalRow.run)).in_(parking)
        rows_found = await scope.rows(select(col(SignalRow.workspace), col(SignalRow.run)).where(these))
        signalled = {(workspace, run) for workspace, run in rows_found}
    rows = _settle(changes, last, signalled, refusals)
    await scope.add(EntryRow, *rows.entries)
    await scope.ensure(ValueRow, *rows.values)
    await scope.ensure(UseRow, *rows.uses)
    for position, change in enumerate(changes):
        if position not in refusals:
            await _write_beside(scope, position, change, refusals)
    return refusals


async def _write_beside(scope: Scope, position: int, change: Change, refusals: Refusals) -> None:
    workspace, run = change.place
    if change.standing is not None:
        this = col(RunRow.workspace) == workspace, col(RunRow.id) == run
        if await scope.change(update(RunRow).where(*this).values(change.standing)) == 0:
            refusals[position] = unknown(run)
    if change.read:
        these = col(SignalRow.workspace) == workspace, col(SignalRow.run) == run
        await scope.change(delete(SignalRow).where(*these, col(SignalRow.name).in_(change.read)))
    if change.signal is not None and not await scope.first_to(SignalRow, change.signal):
        refusals[position] = signal_taken(run)


_LAST = select(
    col(RunRow.workspace),
    col(RunRow.id),
    select(col(EntryRow.last))
    .where(col(EntryRow.workspace) == col(RunRow.workspace), col(EntryRow.run) == col(RunRow.id))
    .order_by(col(EntryRow.first).desc())
    .limit(1)
    .correlate(RunRow)
    .scalar_subquery(),
)


# --- SQLite, in one visit to its thread ------------------------------------------------------------------------------

_DIALECT, _TEXT = sqlite.dialect(), AnyText()
_AT_ONCE = 64  # rows in one statement


class _Insert:
    """Rows into a table as the driver itself takes them: in few statements with plain values.

    The driver lets go of Python's lock at every statement, and to get it back from a busy event loop costs both
    threads more than the insert; so rows go in by the dozen.
    """

    def __init__(self, table: type[Row], otherwise: str = "") -> None:
        """otherwise: what happens with rows that are there already, as SQL says it."""
        made = insert(table).compile(dialect=_DIALECT)
        head, _, self._values = str(made).rpartition("VALUES ")
        self._head, self._otherwise = head + "VALUES ", otherwise
        columns = table.__table__.columns  # type: ignore[attr-defined]
        self._columns = [(name, columns[name].type.bind_processor(_DIALECT)) for name in made.positiontup or ()]

    def run(self, connection: sqlite3.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert all rows; by powers of two, so that the driver knows the few statements."""
        done = 0
        while left := len(rows) - done:
            count = min(1 << (left.bit_length() - 1), _AT_ONCE)
            part, done = rows[done : done + count], done + count
            values = [make(row[name]) if make else row[name] for row in part for name, make in self._columns]
            connection.execute(self._head + ", ".join([self._values] * count) + self._otherwise, values)

    def first(self, connection: sqlite3.Connection, row: Mapping[str, Any]) -> bool:
        """Insert a row; False when one was there."""
        values = [make(row[name]) if make else row[name] for name, make in self._columns]
        return connection.execute(self._head + self._values + self._otherwise, values).rowcount == 1


_RUN, _ENTRY = _Insert(RunRow), _Insert(EntryRow)
_VALUE, _USE, _KEY, _SIGNAL = (
    _Insert(table, " ON CONFLICT DO NOTHING") for table in (ValueRow, UseRow, RunKeyRow, SignalRow)
)
_SIGNALLED_TEXT = "SELECT 1 FROM signals WHERE workspace = ? AND run = ? LIMIT 1"
_READ_TEXT = "DELETE FROM signals WHERE workspace = ? AND run = ? AND name = ?"
_LAST_TEXT = (
    "SELECT (SELECT last FROM entries WHERE workspace = runs.workspace AND run = runs.id ORDER BY first DESC LIMIT 1)"
    " FROM runs WHERE workspace = ? AND id = ?"
)
_STANDS = [(name, RunRow.__table__.columns[name].type.bind_processor(_DIALECT)) for name in STANDING]  # type: ignore[attr-defined]
_STANDS_TEXT = f"UPDATE runs SET {', '.join(f'{name} = ?' for name in STANDING)} WHERE workspace = ? AND id = ?"  # noqa: S608


def _texts(*texts: str) -> list[str | None]:
    return [_TEXT.process_bind_param(text, _DIALECT) for text in texts]


def write_sqlite(connection: sqlite3.Connection, changes: Sequence[Change]) -> Refusals:
    """The same as `write`, and as a transaction of its own. Blocks: it belongs on the connection's thread."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        refusals, last, signalled = Refusals(), {}, set()
        for position, change in enumerate(changes):
            if change.key is not None and not _KEY.first(connection, change.key):
                refusals[position] = taken(change.place[1])
            if change.parks and connection.execute(_SIGNALLED_TEXT, _texts(*change.place)).fetchone():
                signalled.add(change.place)
        _RUN.run(
            connection,
            [change.run for position, change in enumerate(changes) if change.run and position not in refusals],
        )
        for place in _to_look_up(changes):
            if found := connection.execute(_LAST_TEXT, _texts(*place)).fetchone():
                last[place] = found[0] or 0
        rows = _settle(changes, last, signalled, refusals)
        _ENTRY.run(connection, rows.entries)
        _VALUE.run(connection, rows.values)
        _USE.run(connection, rows.uses)
        for position, change in enumerate(changes):
            if position not in refusals:
                _write_beside_sqlite(connection, position, change, refusals)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return refusals


def _write_beside_sqlite(connection: sqlite3.Connection, position: int, change: Change, refusals: Refusals) -> None:
    if change.standing is not None:
        values = [make(change.standing[name]) if make else change.standing[name] for name, make in _STANDS]
        if connection.execute(_STANDS_TEXT, [*values, *_texts(*change.place)]).rowcount == 0:
            refusals[position] = unknown(change.place[1])
    for name in change.read:
        connection.execute(_READ_TEXT, _texts(*change.place, name))
    if change.signal is not None and not _SIGNAL.first(connection, change.signal):
        refusals[position] = signal_taken(change.place[1])
