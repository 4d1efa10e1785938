"""Runs on their way to the database: in company, in order, bounded, and never silently lost."""

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from runtime.errors import OperatorError
from runtime.settings import Settings
from runtime.storage import writer
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal
from tests.storage.samples import done, five_steps, record


def commits(database: Database) -> list[object]:
    """Grows by one with each transaction, as each takes a connection, or visits SQLite's thread."""
    seen: list[object] = []
    event.listen(database._writer.sync_engine, "checkout", lambda *connection: seen.append(connection))
    if (thread := database._thread) is not None:
        visit, at_once = thread.visit, thread.at_once

        def here(work: Any, given: Any) -> Any:
            if (done := at_once(work, given)) is not None:
                seen.append(work)
            return done

        thread.visit = lambda work, given: seen.append(work) or visit(work, given)  # type: ignore[method-assign]
        thread.at_once = here  # type: ignore[method-assign]
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

    @event.listens_for(database._writer.sync_engine, "checkout")
    def dead(*connection: object) -> None:
        raise ConnectionResetError("gone")

    if (thread := database._thread) is not None:
        thread.visit = thread.at_once = dead  # type: ignore[method-assign]

    with caplog.at_level(logging.ERROR):
        journal.keep(done("r1"), five_steps())  # nobody waits for this one
        with pytest.raises(OperatorError, match="does not answer"):
            await journal.keep(done("r2"), five_steps())
    assert "r1, r2" in caplog.text
    event.remove(database._writer.sync_engine, "checkout", dead)
    if thread is not None:
        del thread.visit, thread.at_once
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


async def test_steps_of_concurrent_runs_share_transactions(database: Database) -> None:
    journal, events = SqlJournal(database), five_steps()
    await asyncio.gather(*(journal.open(record(f"r{number}")) for number in range(40)))
    seen = commits(database)

    async def drive(run: str) -> None:
        for one in events:
            await journal.append("w1", run, [one])

    await asyncio.gather(*(drive(f"r{number}") for number in range(40)))
    assert len(seen) < 40 * len(events) / 4
    for number in (0, 39):
        assert await journal.events("w1", f"r{number}") == events


async def test_who_waits_for_a_step_does_not_wait_for_company(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_COMPANY", 60.0)
    journal = SqlJournal(database)
    async with asyncio.timeout(20):
        await journal.open(record())
        kept = journal.keep(done("k1"), five_steps())  # nobody waits for this one, so it would wait a minute
        await journal.append("w1", "r1", five_steps())
        await journal.close(done())
        await kept
    assert {each.id: each.state for each in await journal.records("w1")} == {"r1": "done", "k1": "done"}


async def test_a_refused_step_costs_its_company_nothing(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    journal, events = SqlJournal(database), five_steps()
    await journal.open(record())
    results = await asyncio.gather(
        journal.append("w1", "r1", events[:3]),
        journal.append("w1", "r1", events[4:5]),  # leaves one out
        journal.append("w1", "nobody", events[:1]),
        journal.close(done("nobody")),
        journal.keep(done("k1"), events),
        journal.append("w1", "r1", events[3:]),
        journal.close(done()),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == [
        "NoneType",
        "ConflictError",
        "NotFoundError",
        "NotFoundError",
        "NoneType",
        "NoneType",
        "NoneType",
    ]
    assert await journal.events("w1", "r1") == events
    assert await journal.events("w1", "k1") == events
    assert (await journal.record("w1", "r1")).state == "done"
    assert not caplog.text  # each who waited was told, so the log need not be


async def test_another_program_that_holds_the_file_costs_a_message_and_no_later_run(tmp_path: Path) -> None:
    database = await Database.connect(Settings(home=tmp_path), patience=0.2)
    journal = SqlJournal(database)
    other = sqlite3.connect(tmp_path / "canevas.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperatorError, match="locked"):
        await journal.keep(done("r1"), five_steps())
    other.execute("ROLLBACK")
    other.close()
    await journal.keep(done("r2"), five_steps())
    assert [each.id for each in await journal.records("w1")] == ["r2"]
    await database.close()


async def test_the_list_of_runs_by_state(database: Database) -> None:
    journal = SqlJournal(database)
    for number in range(9):
        state = "failed" if number % 3 == 0 else "done"
        await journal.keep(done(f"r{number}", started=1000.0 + number, state=state), five_steps())
    await journal.open(record("r9", started=1009.0))
    assert [each.id for each in await journal.records("w1", state="failed")] == ["r6", "r3", "r0"]
    assert [each.id for each in await journal.records("w1", state="failed", limit=1, before=1006.0)] == ["r3"]
    assert [each.id for each in await journal.records("w1", state="running")] == ["r9"]
    assert await journal.records("w1", state="cancelled") == []
    assert len(await journal.records("w1")) == 10
