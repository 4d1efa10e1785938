"""The database: SQLite beside the product or PostgreSQL by address, opened, brought up to date, and closed."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import await_only

from runtime.errors import OperatorError
from runtime.settings import Settings
from runtime.storage.faults import translated
from runtime.storage.scope import Everywhere, Scope, ScopedSession, wait_alone
from runtime.storage.sqlite_thread import SqliteThread

Given = TypeVar("Given")
Result = TypeVar("Result")

_READERS = 4
_CONNECTIONS = 10  # to PostgreSQL, and as many again when it gets busy
_AGAIN = 0.05  # seconds before SQLite is asked again for what it does not wait for itself
_SLOWEST = 60.0  # seconds; an answer of PostgreSQL that takes longer will not come


class Database:
    """Where everything is kept. patience: seconds to wait for a lock or a free connection.

    `closing` runs what must be written before the connections go; a journal puts its writer there.
    """

    def __init__(self, settings: Settings, *, patience: float = 5.0) -> None:
        url = address_of(settings)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.where = str(url.database) if self.is_sqlite else f"{url.host or 'local'}/{url.database}"
        self.closing = AsyncExitStack()
        if self.is_sqlite:
            # One writer at a time is SQLite's rule. A pool of one makes writers of this process queue for their turn
            # instead of polling for the file's lock; readers never wait.
            self._writer = _sqlite(url, patience, writes=True)
            self._reader = _sqlite(url, patience, writes=False)
            self._thread: SqliteThread | None = SqliteThread(self.where, patience)
        else:
            self._writer = self._reader = _postgres(url, patience)
            self._thread = None

    @classmethod
    async def connect(cls, settings: Settings, *, patience: float = 5.0) -> Self:
        """Open the database and bring its tables up to date. Raises OperatorError."""
        database = cls(settings, patience=patience)
        try:
            await database.migrate()
        except BaseException:
            await database.close()
            raise
        return database

    async def migrate(self) -> None:
        """Bring the tables up to date; two processes that start at once take turns. Raises OperatorError."""
        from runtime.storage.migrations.upgrade import upgrade  # alembic is needed here and nowhere else

        if self.is_sqlite:
            _make_folder(Path(self.where).parent)
        with translated(self.where):
            async with self._writer.begin() as connection:
                await wait_alone(connection)
                await connection.run_sync(upgrade, self.where)

    @asynccontextmanager
    async def reading(self, workspace: str | Everywhere) -> AsyncIterator[Scope]:
        """A look into one workspace, or EVERYWHERE. Raises OperatorError."""
        with translated(self.where):
            async with _session(self._reader, workspace) as session:
                yield Scope(session, workspace)

    @asynccontextmanager
    async def writing(self, workspace: str | Everywhere) -> AsyncIterator[Scope]:
        """A transaction in one workspace, or EVERYWHERE: durable when the block ends, undone when it raises.

        Raises: OperatorError, ConflictError, NotFoundError, see `faults.translated`.
        """
        with translated(self.where):
            async with _session(self._writer, workspace) as session, session.begin():
                yield Scope(session, workspace)

    async def visit(
        self, work: Callable[[sqlite3.Connection, Given], Result], given: Given, *, small: bool = False
    ) -> Result:
        """Let `work` have a connection of SQLite's own on its thread; it commits by itself, and gives something.

        small: it takes microseconds, so that it may be done here, when nobody else is writing.

        One visit for a whole transaction: each one costs more than what it does. Raises what `writing` raises.
        """
        assert self._thread is not None
        with translated(self.where):
            if small and (done := self._thread.at_once(work, given)) is not None:
                return done
            return await self._thread.visit(work, given)

    async def close(self) -> None:
        """Write what waits to be written, then let go of the connections."""
        await self.closing.aclose()
        if self._thread is not None:
            await self._thread.close()
        await self._reader.dispose()
        await self._writer.dispose()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OperatorError(
            f"The folder of the database cannot be made: {error.strerror}", str(folder), "Set CANEVAS_HOME to another."
        ) from error


def _session(engine: AsyncEngine, workspace: str | Everywhere) -> AsyncSession:
    if not workspace:
        raise ValueError("a workspace has a name")
    return AsyncSession(engine, sync_session_class=ScopedSession, info={"workspace": workspace})


def _sqlite(url: URL, patience: float, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=1 if writes else _READERS,
        max_overflow=0,
        pool_timeout=patience,
        hide_parameters=True,
        connect_args={"timeout": patience},
    )
    # WAL lets readers read while one writes, and with NORMAL a commit survives kill -9 (FULL: a power cut too).
    pragmas = ["journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"] if writes else ["query_only = ON"]

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # The driver would begin on its own, too late to be the one writer from the first read on.
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            for pragma in pragmas:
                _set(cursor, pragma, patience)
        except BaseException:
            connection.close()  # its pool does not know it yet, and its thread would outlive the loop
            raise
        cursor.close()

    if writes:

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _set(cursor: Any, pragma: str, patience: float) -> None:
    """Set a pragma. To change to WAL, SQLite does not wait for whoever writes, so it is asked again."""
    until = time.monotonic() + patience
    while True:
        try:
            cursor.execute(f"PRAGMA {pragma}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        await_only(asyncio.sleep(_AGAIN))  # the driver's connection is one for coroutines, and so is its listener


def _postgres(url: URL, patience: float) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=_CONNECTIONS,
        max_overflow=_CONNECTIONS,
        pool_timeout=patience,
        pool_pre_ping=True,  # a restarted server costs nobody an error
        hide_parameters=True,
        connect_args={
            "timeout": patience,
            "command_timeout": _SLOWEST,
            "server_settings": {"application_name": "canevas", "lock_timeout": str(int(patience * 1000))},
        },
    )


def address_of(settings: Settings) -> URL:
    """The database's address with its driver; people write `sqlite:///…` and `postgresql://…`."""
    if not settings.database_url:
        return URL.create("sqlite+aiosqlite", database=str(settings.home / "canevas.db"))
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        raise _unreadable("it cannot be read") from None
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite")
    if url.drivername in ("postgresql", "postgres"):
        query = {("ssl" if name == "sslmode" else name): value for name, value in url.query.items()}
        unknown = query.keys() - {"host", "port", "ssl"}
        if unknown:
            raise _unreadable(f"{', '.join(sorted(unknown))} is not understood there")
        return url.set(drivername="postgresql+asyncpg", query=query)
    raise _unreadable("it is neither")


def _unreadable(why: str) -> OperatorError:
    # The address itself is not repeated: it may hold a password.
    return OperatorError(
        "CANEVAS_DATABASE_URL is no address of a database file or a PostgreSQL server: " + why,
        "the environment",
        "Write sqlite:///path/of/the.db or postgresql://user:password@host/name?sslmode=require, or unset it.",
    )


def connect_arguments(settings: Settings) -> dict[str, Any]:
    """What a connection of PostgreSQL's own driver takes."""
    url = address_of(settings)
    return dict(url.get_dialect()().create_connect_args(url)[1])
