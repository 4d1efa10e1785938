"""A journal as the next process finds it, on memory, SQLite and PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from runtime.interpreter.memory_journal import MemoryJournal
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal

Journal = MemoryJournal | SqlJournal
Reopen = Callable[[], Awaitable[Journal]]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def reopen(request: pytest.FixtureRequest, kept: Settings | None) -> AsyncIterator[Reopen]:
    """The journal as the next process finds it; the first call opens it for the first time."""
    opened: list[Database] = []
    memory = MemoryJournal()

    async def again() -> Journal:
        if kept is None:
            return memory
        if opened:
            await opened.pop().close()
        opened.append(await Database.connect(kept))
        return SqlJournal(opened[0])

    yield again
    for database in opened:
        await database.close()


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Any) -> Settings | None:
    which = request.node.callspec.params["reopen"]
    if which == "memory":
        return None
    url = request.getfixturevalue("postgres_url") if which == "postgresql" else ""
    return Settings(home=tmp_path, database_url=url)


@pytest.fixture
async def journal(reopen: Reopen) -> Journal:
    return await reopen()
