"""A connection to SQLite on a thread of its own: what is written most often goes there, without a pool between."""

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
_Visit = tuple[Callable[[sqlite3.Connection, Any], Any], Any, "asyncio.Future[Any]"]


class SqliteThread:
    """Does one thing after the other with its connection; it is opened at the first. patience: seconds for a lock."""

    def __init__(self, path: str, patience: float) -> None:
        self._path, self._patience = path, patience
        self._visits: SimpleQueue[_Visit | None] = SimpleQueue()
        self._thread: Thread | None = None

    def visit(self, work: Callable[[sqlite3.Connection, Given], Result], given: Given) -> "asyncio.Future[Result]":
        """Let `work` have the connection; it commits by itself. The future ends with what it gives, or raises."""
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="canevas-journal", daemon=True)
            self._thread.start()
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._visits.put((work, given, future))
        return future

    async def close(self) -> None:
        """Let go of the connection, once all is done that was asked for."""
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
                    connection = self._open()
                told = partial(_tell, future, work(connection, given))
            except BaseException as error:
                told = partial(_refuse, future, error)
            del work, given, visit
            with suppress(RuntimeError):  # the loop that asked is closed
                future.get_loop().call_soon_threadsafe(told)
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=self._patience, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


def _tell(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _refuse(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
