"""Runs on their way to the database: in company, in order, bounded, and never silently lost."""

import asyncio
import logging

import pytest
from sqlalchemy import event

from runtime.errors import OperatorError
from runtime.settings import Settings
from runtime.storage import writer
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal
from tests.storage.samples import done, five_steps


def commits(database: Database) -> list[object]:
    seen: list[object] = []
    event.listen(database._writer.sync_engine, "commit", seen.append)
    return seen


async def test_what_comes_together_shares_a_transaction(database: Database) -> None:
    journal, seen = SqlJournal(database), commits(database)
    await asyncio.gather(*(journal.keep(done(f"r{number}"), five_steps()) for number in range(200)))
    assert len(seen) == 1
    await journal.keep(done("later"), five_steps())
    assert len(seen) == 2


async def test_a_transaction_has_a_bound(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_MOST", 30)
    journal, seen = SqlJournal(database), commits(database)
    await asyncio.gather(*(journal.keep(done(f"r{number}"), five_steps()) for number in range(100)))
    assert len(seen) == 4


async def test_closing_writes_what_is_on_its_way(settings: Settings) -> None:
    database = await Database.connect(settings)
    journal = SqlJournal(database)
    kept = [journal.keep(done(f"r{number}"), five_steps()) for number in range(50)]
    await database.close()
    assert all(future.done() and future.exception() is None for future in kept)


async def test_who_stops_waiting_stops_nothing(database: Database) -> None:
    journal = SqlJournal(database)
    first, second = (asyncio.ensure_future(journal.keep(done(run), five_steps())) for run in ("r1", "r2"))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert {record.id for record in await journal.records("w1")} == {"r1", "r2"}


async def test_a_dead_database_is_reported_and_logged(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    database = await Database.connect(settings)
    journal = SqlJournal(database)

    @event.listens_for(database._writer.sync_engine, "begin")
    def dead(connection: object) -> None:
        raise ConnectionResetError("gone")

    with caplog.at_level(logging.ERROR):
        journal.keep(done("r1"), five_steps())  # nobody waits for this one
        with pytest.raises(OperatorError, match="does not answer"):
            await journal.keep(done("r2"), five_steps())
    assert "r1, r2" in caplog.text
    event.remove(database._writer.sync_engine, "begin", dead)
    await journal.keep(done("r3"), five_steps())  # it goes on with the next
    assert [record.id for record in await journal.records("w1")] == ["r3"]
    await database.close()


async def test_what_cannot_be_written_costs_only_itself(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    journal = SqlJournal(database)
    runs = [done("r1"), done("r2", flow_name=None), done("r3")]
    results = await asyncio.gather(*(journal.keep(run, five_steps()) for run in runs), return_exceptions=True)
    assert [isinstance(result, Exception) for result in results] == [False, True, False]
    assert {record.id for record in await journal.records("w1")} == {"r1", "r3"}
    assert "r2" in caplog.text


async def test_there_is_room_again_when_the_database_has_caught_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_ROOM", 50_000)
    journal = SqlJournal(database)
    await journal.room()
    taken = [journal.keep(done(f"r{number}", document="x" * 10_000), five_steps()) for number in range(5)]
    room = asyncio.create_task(journal.room())
    await asyncio.sleep(0)
    assert not room.done()
    await asyncio.gather(*taken)
    async with asyncio.timeout(1):
        await room


async def test_more_than_memory_should_hold_is_refused_aloud(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "_ROOM", 50_000)
    journal = SqlJournal(database)
    kept = [journal.keep(done(f"r{number}", document="x" * 10_000), five_steps()) for number in range(20)]
    results = await asyncio.gather(*kept, return_exceptions=True)
    refused = [number for number, result in enumerate(results) if isinstance(result, OperatorError)]
    assert refused
    assert refused == list(range(refused[0], 20))
    assert len(await journal.records("w1")) == refused[0]
    assert "cannot keep up" in caplog.text
    await journal.keep(done("after"), five_steps())


async def test_one_who_waits_for_room_never_fills_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_ROOM", 50_000)
    journal = SqlJournal(database)
    for number in range(60):
        await journal.room()
        journal.keep(done(f"r{number}", document="x" * 10_000), five_steps())
    await database.closing.aclose()
    assert len(await journal.records("w1", limit=100)) == 60
