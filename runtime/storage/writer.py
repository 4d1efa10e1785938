"""Changes of runs on their way to the database: what comes while it is busy shares the next transaction."""

import asyncio
import logging
import sqlite3
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from runtime.errors import CanevasError, OperatorError
from runtime.storage.changes import Change, Refusals, write, write_sqlite
from runtime.storage.database import Database
from runtime.storage.scope import EVERYWHERE

log = logging.getLogger(__name__)

_COMPANY = 0.010  # seconds that a change waits for others when nobody waits for it
_FEW, _LITTLE = 16, 64 * 1024  # changes, and bytes, that are sooner written than handed to a thread
_MOST = 1_000  # changes in one transaction
_ROOM = 64 * 2**20  # bytes on their way; above it `room` waits, above the double `put` refuses


class _Waiting(NamedTuple):
    change: Change
    weight: int
    awaited: bool
    written: asyncio.Future[None]


class RunWriter:
    """Writes in the order of `put`; one transaction at a time, with everything that came during the one before."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._weight = 0
        self._writing: asyncio.Task[None] | None = None
        self._soon: asyncio.Handle | None = None
        self._hurry = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, change: Change, *, hurry: bool = False) -> asyncio.Future[None]:
        """Take a change along. The future ends when it is durable, or with the error that kept it from being so.

        hurry: the caller waits, so do not wait for company; who comes while the database is busy is company enough.
        Without it nobody needs to wait for the future: an error is logged.
        """
        loop = asyncio.get_running_loop()
        one = _Waiting(change, change.weight, hurry, loop.create_future())
        if self._weight > 2 * _ROOM:
            _lost([one], OperatorError("The database cannot keep up with the runs", self._database.where, "Slow down."))
            return one.written
        self._waiting.append(one)
        self._weight += one.weight
        if self._weight > _ROOM:
            self._has_room.clear()
        if hurry and not self._hurry:
            self._hurry = True
            if self._soon is not None:
                self._soon.cancel()
                self._soon = None
        if self._writing is None and self._soon is None:
            # In the next turn of the loop: whoever hurries in this one comes along.
            self._soon = loop.call_soon(self._begin) if hurry else loop.call_later(_COMPANY, self._begin)
        return one.written

    async def room(self) -> None:
        """Wait while too much is on its way; for whoever brings more than the database can take."""
        await self._has_room.wait()

    async def drain(self) -> None:
        """Wait until nothing is on its way."""
        while self._waiting or self._writing is not None:
            if self._soon is not None:
                self._soon.cancel()
            if self._writing is None:
                self._begin()
            assert self._writing is not None
            await asyncio.wait({self._writing})

    def _begin(self) -> None:
        self._soon, self._hurry = None, False
        batch = self._waiting[:_MOST]
        del self._waiting[:_MOST]
        self._writing = asyncio.get_running_loop().create_task(self._write(batch))

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            await self._commit(batch)
        finally:
            self._writing = None
            self._weight -= sum(one.weight for one in batch)
            if self._weight <= _ROOM:
                self._has_room.set()
            for one in batch:
                one.written.cancel()  # only what was cut off in the middle still waits here
            if self._waiting:
                loop, hurry = asyncio.get_running_loop(), any(one.awaited for one in self._waiting)
                full = hurry or len(self._waiting) >= _MOST
                self._soon = loop.call_soon(self._begin) if full else loop.call_later(_COMPANY, self._begin)

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            refusals = await self._written([one.change for one in batch])
        except OperatorError as error:
            _lost(batch, error)
        except (CanevasError, SQLAlchemyError, sqlite3.Error) as error:
            # One that cannot be written (its id is taken) must not take its company along.
            if len(batch) == 1:
                _lost(batch, error)
            else:
                for one in batch:
                    await self._commit([one])
        else:
            for position, one in enumerate(batch):
                if position in refusals:
                    _lost([one], refusals[position])
                elif not one.written.done():  # whoever waited may have gone
                    one.written.set_result(None)

    async def _written(self, changes: list[Change]) -> Refusals:
        if self._database.is_sqlite:
            small = len(changes) <= _FEW and sum(change.weight for change in changes) < _LITTLE
            return await self._database.visit(write_sqlite, changes, small=small)
        async with self._database.writing(EVERYWHERE) as scope:
            return await write(scope, changes)


def _lost(batch: list[_Waiting], error: Exception) -> None:
    if unheard := [one.change.place[1] for one in batch if not one.awaited]:
        runs = ", ".join(unheard[:5]) + (" …" if len(unheard) > 5 else "")
        log.error("the records of %d runs (%s) could not be kept: %s", len(unheard), runs, error)
    for one in batch:
        if not one.written.done():
            one.written.set_exception(error)
            one.written.exception()  # looked at: whoever does not wait is not told again when the future goes
