"""The one place where queries are scoped: a transaction that sees a single workspace, whatever it asks."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from sqlalchemy import Delete, Executable, Select, Table, Update, bindparam, event, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.engine import Row as ResultRow
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from runtime.storage.tables import Row

Found = ResultRow[*tuple[Any, ...]]
Query = Select[*tuple[Any, ...]]

# One number for every installation: whoever holds it on PostgreSQL is alone in what must not happen twice.
_ALONE = 0x63616E65766173


class Everywhere(Enum):
    """In place of a workspace, where none is known yet: a slug, a token, recovery, purging. No text can say it."""

    EVERYWHERE = "everywhere"


EVERYWHERE: Final = Everywhere.EVERYWHERE


# A lambda, because it is asked anew for every alias of the table; a plain comparison would narrow the table only.
_INSIDE = tuple(
    with_loader_criteria(table, lambda row: row.workspace == bindparam("scope"), include_aliases=True)
    for table in Row.__subclasses__()
)


class ScopedSession(Session):
    """A session whose `info["workspace"]` narrows every statement that goes through it, subqueries included."""


@event.listens_for(ScopedSession, "do_orm_execute")
def _stay_inside(state: ORMExecuteState) -> None:
    if not state.is_orm_statement or state.is_insert:
        raise TypeError("only select, update and delete over the classes of tables.py can be scoped")
    if state.session.info["workspace"] is not EVERYWHERE:
        state.statement = state.statement.options(*_INSIDE)


class Scope:
    """What a store holds while it reads or writes: statements reach the database through here alone."""

    def __init__(self, session: AsyncSession, workspace: str | Everywhere) -> None:
        self._session, self.workspace = session, workspace
        self._narrowed = None if workspace is EVERYWHERE else {"scope": workspace}

    async def rows(self, statement: Executable) -> Sequence[Found]:
        """All rows of a select, or of an update or delete that returns some."""
        return (await self._session.execute(statement, self._narrowed)).all()

    async def first(self, statement: Executable) -> Found | None:
        """The first row, or None."""
        return (await self._session.execute(statement, self._narrowed)).first()

    async def change(self, statement: Update | Delete) -> int:
        """How many rows an update or delete touched."""
        result = await self._session.execute(
            statement, self._narrowed, execution_options={"synchronize_session": False}
        )
        assert isinstance(result, CursorResult)
        return result.rowcount

    async def add(self, table: type[Row], *rows: dict[str, Any]) -> None:
        """Insert rows of one table. Raises ConflictError when one is there already."""
        await self._write(insert(_table(table)), rows)

    async def ensure(self, table: type[Row], *rows: dict[str, Any]) -> None:
        """Insert those rows of one table that are not there yet."""
        await self._write(self._insert(table).on_conflict_do_nothing(), rows)

    async def first_to(self, table: type[Row], row: dict[str, Any]) -> bool:
        """Insert a row; False when one was there already."""
        if self.workspace is not EVERYWHERE:
            row = {**row, "workspace": self.workspace}
        connection = await self._session.connection()
        return (await connection.execute(self._insert(table).on_conflict_do_nothing(), row)).rowcount == 1

    async def put(self, table: type[Row], row: dict[str, Any], *, kept: tuple[str, ...] = ()) -> None:
        """Insert a row, or overwrite the one with the same key except for the columns `kept`."""
        target, statement = _table(table), self._insert(table)
        changed = {
            name: statement.excluded[name] for name in row if name not in {*target.primary_key.columns.keys(), *kept}
        }
        await self._write(statement.on_conflict_do_update(index_elements=target.primary_key, set_=changed), [row])

    async def wait_alone(self, *, among_others: bool = False) -> None:
        """Wait until no other transaction that says this is going on; among_others: but those that say it like this."""
        await wait_alone(await self._session.connection(), among_others=among_others)

    def _insert(self, table: type[Row]) -> sqlite.Insert | postgresql.Insert:
        on_sqlite = self._session.get_bind().dialect.name == "sqlite"
        return sqlite.insert(_table(table)) if on_sqlite else postgresql.insert(_table(table))

    async def _write(self, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
        # A row says its workspace only where the scope does not: a row for another workspace cannot be written.
        if self.workspace is not EVERYWHERE:
            rows = [{**row, "workspace": self.workspace} for row in rows]
        if rows:
            connection = await self._session.connection()
            await connection.execute(statement, list(rows))


def _table(row: type[Row]) -> Table:
    table = row.__table__  # type: ignore[attr-defined]
    assert isinstance(table, Table)
    return table


async def wait_alone(connection: AsyncConnection, *, among_others: bool = False) -> None:
    """Wait, until the transaction ends, for whoever else does what must not be done twice at the same time."""
    if connection.dialect.name != "sqlite":  # there, every writer is alone
        lock = func.pg_advisory_xact_lock_shared if among_others else func.pg_advisory_xact_lock
        await connection.execute(select(lock(_ALONE)))
