"""Finished runs on their way to the database: those of about ten milliseconds share one transaction."""

import asyncio
import logging
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from runtime.errors import CanevasError, OperatorError
from runtime.storage.database import Database
from runtime.storage.scope import EVERYWHERE
from runtime.storage.tables import EntryRow, RunRow

log = logging.getLogger(__name__)

_COMPANY = 0.010  # seconds that a run waits for others
_MOST = 1_000  # runs in one transaction
_ROOM = 64 * 2**20  # bytes on their way; above it `room` waits, above the double `put` refuses
_EACH = 1_000  # bytes that a run costs beside its events and its document


class _Waiting(NamedTuple):
    run: dict[str, Any]
    entry: dict[str, Any] | None
    weight: int
    kept: asyncio.Future[None]


class RunWriter:
    """Writes in the order of `put`. Its task lives only while something waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._weight = 0
        self._task: asyncio.Task[None] | None = None
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, run: dict[str, Any], entry: dict[str, Any] | None) -> asyncio.Future[None]:
        """Take a run and its events along. The future ends when both are durable, or with the error that lost them.

        Nobody needs to wait for it: an error is logged too.
        """
        weight = _EACH + len(run["document"]) + (len(entry["body"]) if entry else 0)
        one = _Waiting(run, entry, weight, asyncio.get_running_loop().create_future())
        if self._weight > 2 * _ROOM:
            _lost([one], OperatorError("The database cannot keep up with the runs", self._database.where, "Slow down."))
            return one.kept
        self._waiting.append(one)
        self._weight += weight
        if self._weight > _ROOM:
            self._has_room.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())
        return one.kept

    async def room(self) -> None:
        """Wait while too much is on its way; for whoever brings more than the database can take."""
        await self._has_room.wait()

    async def drain(self) -> None:
        """Wait until nothing is on its way."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})

    async def _write(self) -> None:
        while self._waiting:
            if len(self._waiting) < _MOST:
                await asyncio.sleep(_COMPANY)
            batch = self._waiting[:_MOST]
            del self._waiting[:_MOST]
            try:
                await self._commit(batch)
            finally:
                self._weight -= sum(one.weight for one in batch)
                if self._weight <= _ROOM:
                    self._has_room.set()
                for one in batch:
                    one.kept.cancel()  # only what was cut off in the middle still waits here

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            async with self._database.writing(EVERYWHERE) as scope:
                await scope.add(RunRow, *(one.run for one in batch))
                await scope.add(EntryRow, *(one.entry for one in batch if one.entry))
        except OperatorError as error:
            _lost(batch, error)
        except (CanevasError, SQLAlchemyError) as error:
            # One that cannot be written (its id is taken) must not take its company along.
            if len(batch) == 1:
                _lost(batch, error)
            else:
                for one in batch:
                    await self._commit([one])
        else:
            for one in batch:
                if not one.kept.done():  # whoever waited may have gone
                    one.kept.set_result(None)


def _lost(batch: list[_Waiting], error: Exception) -> None:
    runs = ", ".join(one.run["id"] for one in batch[:5]) + (" …" if len(batch) > 5 else "")
    log.error("the records of %d runs (%s) could not be kept: %s", len(batch), runs, error)
    for one in batch:
        if not one.kept.done():
            one.kept.set_exception(error)
            one.kept.exception()  # it is logged; whoever does not wait is not told again when the future goes
