"""Who owns the data: one process at a time, held by a lock that the system, or the server, drops when it dies."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any, Self

import asyncpg  # type: ignore[import-untyped]

from runtime.errors import OperatorError
from runtime.interpreter.driver import Lease, elapsed
from runtime.settings import Settings
from runtime.storage.database import connect_arguments

log = logging.getLogger(__name__)

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

_FILE = "canevas.lock"
_FAR = 1 << 30  # msvcrt locks bytes, and nobody else could read those with the pid


class Ownership:
    """The right to the folder, until `release`; a context manager too."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let the next process in. The file stays: removing it would let two processes lock two files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def own(home: Path) -> Ownership:
    """Own the folder of the database. Raises OperatorError that names the process which owns it already."""
    path = home / _FILE
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OperatorError(
            f"The folder {home} cannot be used: {error.strerror}",
            str(path),
            "Let the user that runs Canevas write there, or set CANEVAS_HOME to another folder.",
        ) from error
    try:
        _lock(descriptor)
    except OSError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise OperatorError(
            f"Canevas runs already with this folder (process {owner})",
            str(home),
            f"Use that one, stop process {owner}, or set CANEVAS_HOME to another folder.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return Ownership(descriptor)


def _lock(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)


LEASE = 5.0  # seconds for which a process may go on as the owner after the server last said so
_PULSE = 1.0  # seconds between two questions whether it still is
_OWNED = 0x63616E65766172  # what the owner of a database holds there; every Canevas asks for the same


class Owner:
    """The one process that drives the runs of a PostgreSQL database, by a lock that goes with its connection.

    lease: renewed as long as the lock is held. Whoever does not hold it asks again each second.
    """

    def __init__(self, settings: Settings, lease: Lease) -> None:
        lease.end()
        self._lease = lease
        self._arguments = connect_arguments(settings)
        self._connection: Any = None
        self._task: asyncio.Task[None] | None = None
        self._waits = False  # whether it was said that another process drives

    async def open(self) -> None:
        """Become the owner now if nobody is, else as soon as nobody is any more."""
        await self._pulse()
        self._task = asyncio.create_task(self._keep(), name="owner of the database")

    async def close(self) -> None:
        """Let the next process own it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._lease.end()
        await self._leave()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_PULSE)
            await self._pulse()

    async def _pulse(self) -> None:
        asked = elapsed()
        try:
            async with asyncio.timeout(LEASE / 2):
                if self._connection is None:
                    self._connection = await asyncpg.connect(**self._arguments, server_settings=_WATCHED)
                owned = self._lease.held and await self._connection.fetchval("SELECT true")
                owned = owned or await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", _OWNED)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("the database does not say who drives its runs: %s", error)
            self._lease.end()  # with the connection went the lock
            await self._leave()
            return
        if owned and elapsed() - asked < LEASE / 2:
            self._lease.renew()
        if not owned and not self._waits:
            log.warning("another process drives the runs of this database; this one takes over when that one ends")
        self._waits = not owned

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


# The server lets go of a connection whose other end is gone without a word.
_WATCHED = {
    "application_name": "canevas owner",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
