"""The database: SQLite beside the product or PostgreSQL by address, opened, brought up to date, and closed."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from runtime.errors import OperatorError
from runtime.settings import Settings
from runtime.storage.faults import translated
from runtime.storage.scope import Everywhere, Scope, ScopedSession, wait_alone

Given = TypeVar("Given")
Result = TypeVar("Result")

_READERS = 4
_CONNECTIONS = 10  # to PostgreSQL, and as many again when it gets busy
_SLOWEST = 60.0  # seconds; an answer of PostgreSQL that takes longer will not come


class Database:
    """Where everything is kept. patience: seconds to wait for a lock or a free connection.

    `closing` runs what must be written before the connections go; a journal puts its writer there.
    """

    def __init__(self, settings: Settings, *, patience: float = 5.0) -> None:
        url = _address(settings)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.where = str(url.database) if self.is_sqlite else f"{url.host or 'local'}/{url.database}"
        self.closing = AsyncExitStack()
        if self.is_sqlite:
            # One writer at a time is SQLite's rule. A pool of one makes writers of this process queue for their turn
            # instead of polling for the file's lock; readers never wait.
            self._writer = _sqlite(url, patience, writes=True)
            self._reader = _sqlite(url, patience, writes=False)
        else:
            self._writer = self._reader = _postgres(url, patience)

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

    async def visit(self, work: Callable[[sqlite3.Connection, Given], Result], given: Given) -> Result:
        """Let `work` have SQLite's own connection on its thread, alone among the writers; it commits by itself.

        One visit for a whole transaction: each one costs more than what it does. Raises what `writing` raises.
        """
        with translated(self.where):
            async with self._writer.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                return cast(Result, await driver._execute(work, driver._conn, given))

    async def close(self) -> None:
        """Write what waits to be written, then let go of the connections."""
        await self.closing.aclose()
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
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if writes:

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


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


def _address(settings: Settings) -> URL:
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
