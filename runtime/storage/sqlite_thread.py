"""A connection to SQLite on a thread of its own, without a pool between; and one for what is sooner done than said.

To write little takes SQLite 30 microseconds, since nothing waits for the disk; the way to a thread and back costs as
much again. What might wait (a lock, a checkpoint, a large transaction) belongs on the thread.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")
_IN_TURN = 200  # transactions at once before one takes the thread, which moves the log into the database now and then
_Visit = tuple[Callable[[sqlite3.Connection, Any], Any], Any, "asyncio.Future[Any]"]


class SqliteThread:
    """Does one thing after the other with its connection; it is opened at the first. patience: seconds for a lock."""

    def __init__(self, path: str, patience: float) -> None:
        self._path, self._patience = path, patience
        self._visits: SimpleQueue[_Visit | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._here: sqlite3.Connection | None = None
        self._at_once = 0

    def visit(self, work: Callable[[sqlite3.Connection, Given], Result], given: Given) -> "asyncio.Future[Result]":
        """Let `work` have the connection; it commits by itself. The future ends with what it gives, or raises."""
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="canevas-journal", daemon=True)
            self._thread.start()
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._visits.put((work, given, future))
        return future

    def at_once(self, work: Callable[[sqlite3.Connection, Given], Result], given: Given) -> Result | None:
        """Do a small thing here and now, if nothing could keep it; None: it is to be done on the thread."""
        self._at_once += 1
        if self._at_once > _IN_TURN:
            self._at_once = 0
            return None
        try:
            if self._here is None:
                self._here = self._open(0.0)
                self._here.execute("PRAGMA wal_autocheckpoint = 0")
            return work(self._here, given)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return None

    async def close(self) -> None:
        """Let go of the connections, once all is done that was asked for."""
        if self._here is not None:
            self._here.close()
            self._here = None
        if self._thread is not None:
            thread, self._thread = self._thread, None
            self._visits.put(None)
            await asyncio.to_thread(thread.join)

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        while (visit := self._visits.get()) is not None:
            work, given, future = visit
            try:
                if connection is None:
                    connection = self._open(self._patience)
                told = partial(_tell, future, work(connection, given))
            except BaseException as error:
                told = partial(_refuse, future, error)
            del work, given, visit
            with suppress(RuntimeError):  # the loop that asked is closed
                future.get_loop().call_soon_threadsafe(told)
        if connection is not None:
            connection.close()

    def _open(self, patience: float) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=patience, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


def _tell(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _refuse(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
