"""What goes wrong with a database says who must do what, and leaves nothing half written."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text, update
from sqlmodel import col

from runtime.errors import ConflictError, NotFoundError, OperatorError
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.flows import FlowStore
from runtime.storage.journal import SqlJournal
from runtime.storage.scope import EVERYWHERE
from runtime.storage.tables import EntryRow, FlowRow, RunRow, SettingRow
from tests.servers.postgres import Postgres
from tests.storage.samples import done, five_steps, flow


async def connect(settings: Settings, patience: float = 0.2) -> Database:
    return await Database.connect(settings, patience=patience)


async def test_what_raises_writes_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.writing("w1") as scope:
            await scope.add(SettingRow, {"key": "a", "value": 1})
            raise RuntimeError
    with pytest.raises(ConflictError):
        async with database.writing("w1") as scope:
            await scope.add(SettingRow, {"key": "a", "value": 1})
            await scope.add(SettingRow, {"key": "a", "value": 2})
    with pytest.raises(NotFoundError):
        async with database.writing("w1") as scope:
            await scope.add(SettingRow, {"key": "a", "value": 1})
            await scope.add(EntryRow, {"run": "nobody", "first": 1, "last": 1, "body": b"[]"})
    async with database.reading("w1") as scope:
        assert await scope.rows(select(col(SettingRow.key))) == []


async def test_who_is_cancelled_leaves_the_connection_usable(database: Database) -> None:
    flows = FlowStore(database)
    entry = await flows.create("w1", flow(), "me")
    for turns in range(12):
        save = asyncio.create_task(flows.save("w1", entry.id, flow("cut"), (await flows.load("w1", entry.id)).revision))
        for _ in range(turns):
            await asyncio.sleep(0)
        save.cancel()
        await asyncio.gather(save, return_exceptions=True)
    revision = (await flows.load("w1", entry.id)).revision
    assert await flows.save("w1", entry.id, flow("after"), revision) == revision + 1


async def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    async with database.writing("w1") as scope:
        await scope.add(SettingRow, {"key": "a", "value": 1})
        async with asyncio.timeout(2), database.reading("w1") as other:
            assert await other.rows(select(col(SettingRow.key))) == []


async def test_reading_cannot_write_to_sqlite(tmp_path: Path) -> None:
    database = await connect(Settings(home=tmp_path))
    with pytest.raises(OperatorError):
        async with database.reading("w1") as scope:
            await scope.add(SettingRow, {"key": "a", "value": 1})
    await database.close()


async def test_a_locked_file(tmp_path: Path) -> None:
    database = await connect(Settings(home=tmp_path))
    flows = FlowStore(database)
    entry = await flows.create("w1", flow(), "me")
    other = sqlite3.connect(database.where)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OperatorError) as raised:
        await flows.save("w1", entry.id, flow("late"), 1)
    assert "locked" in raised.value.what
    assert raised.value.where == database.where
    assert raised.value.mend
    other.rollback()
    other.close()
    assert (await flows.load("w1", entry.id)).flow == flow()
    assert await flows.save("w1", entry.id, flow("late"), 1) == 2
    await database.close()


async def test_a_full_disk(tmp_path: Path) -> None:
    database = await connect(Settings(home=tmp_path))
    flows, journal = FlowStore(database), SqlJournal(database)
    entry = await flows.create("w1", flow(), "me")
    sizes = limit_pages(database)
    with pytest.raises(OperatorError) as raised:
        await flows.save("w1", entry.id, flow("big", 5_000), 1)
    assert "full" in raised.value.what
    assert raised.value.where == database.where
    with pytest.raises(OperatorError, match="full"):
        await journal.keep(done(document="x" * 500_000), five_steps())
    async with database.reading(EVERYWHERE) as scope:
        counted = [(await scope.rows(select(func.count()).select_from(table)))[0][0] for table in (RunRow, EntryRow)]
    assert counted == [0, 0]
    stored = await flows.load("w1", entry.id)
    assert (stored.flow, stored.revision) == (flow(), 1)
    sizes["pages"] = 1_000_000  # somebody freed some space
    assert await flows.save("w1", entry.id, flow("big", 5_000), 1) == 2
    await database.close()
    assert sqlite3.connect(database.where).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def limit_pages(database: Database) -> dict[str, int]:
    """Let SQLite believe that the disk ends after a few pages more."""
    sizes = {"pages": 60}

    @event.listens_for(database._writer.sync_engine, "begin")
    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {sizes['pages']}")

    thread = database._thread
    assert thread is not None
    visit = thread.visit

    def limited(work: Any, given: Any) -> Any:
        def within(connection: sqlite3.Connection, given: Any) -> Any:
            connection.execute(f"PRAGMA max_page_count = {sizes['pages']}")
            return work(connection, given)

        return visit(within, given)

    thread.visit = limited  # type: ignore[method-assign]
    return sizes


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
async def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "canevas.db").write_bytes(content)
    with pytest.raises(OperatorError) as raised:
        await connect(Settings(home=tmp_path))
    assert raised.value.where.endswith("canevas.db")
    assert (tmp_path / "canevas.db").read_bytes() == content


async def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "canevas.db").mkdir()
    with pytest.raises(OperatorError, match="cannot be opened"):
        await connect(Settings(home=tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError):
        await connect(Settings(home=tmp_path / "file" / "home"))


async def test_a_file_that_others_write_while_it_becomes_wal(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "canevas.db", isolation_level=None)
    other.execute("CREATE TABLE theirs (x)")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperatorError, match="locked"):
        await connect(Settings(home=tmp_path))
    asyncio.get_running_loop().call_later(0.3, other.rollback)  # which the wait must let come
    database = await connect(Settings(home=tmp_path), patience=5)
    async with database._writer.connect() as connection:
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
    await database.close()
    other.close()


async def test_sqlite_is_set_as_it_should_be(tmp_path: Path) -> None:
    database = await connect(Settings(home=tmp_path))
    async with database._writer.connect() as connection:
        for pragma, expected in (
            ("journal_mode", "wal"),
            ("synchronous", 1),
            ("foreign_keys", 1),
            ("busy_timeout", 200),
        ):
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar() == expected
    await database.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:hunter2@localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "hunter2",
        "postgresql://me:hunter2@localhost:port/x",
        "postgresql://me:hunter2@localhost/x?connect_thing=1",
    ],
)
async def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(OperatorError) as raised:
        Database(Settings(database_url=url))
    assert "CANEVAS_DATABASE_URL" in raised.value.what
    assert "hunter2" not in str(raised.value)


async def test_an_sqlite_address(tmp_path: Path) -> None:
    database = await connect(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/else where/x%20?.db"))
    assert database.where.startswith(f"{tmp_path}/else where/x")
    await database.close()
    assert not (tmp_path / "canevas.db").exists()


async def test_a_server_that_does_not_answer(unused_tcp_port: int) -> None:
    url = f"postgresql://me:hunter2@127.0.0.1:{unused_tcp_port}/x"
    with pytest.raises(OperatorError) as raised:
        await connect(Settings(database_url=url))
    assert raised.value.where == "127.0.0.1/x"
    assert "hunter2" not in str(raised.value)


async def test_a_database_that_is_not_there(postgres: Postgres) -> None:
    with pytest.raises(OperatorError, match="does not let Canevas in"):
        await connect(Settings(database_url=postgres.url("nowhere")))


async def test_a_connection_that_is_lost(postgres: Postgres, postgres_url: str) -> None:
    database = await connect(Settings(database_url=postgres_url))
    name = postgres_url.split("?")[0].rpartition("/")[2]
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    with pytest.raises(OperatorError, match="does not answer"):
        async with database.writing("w1") as scope:
            await scope.add(SettingRow, {"key": "a", "value": 1})
            await asyncio.to_thread(postgres.sql, cut)
            await scope.add(SettingRow, {"key": "b", "value": 1})
    async with database.writing("w1") as scope:  # the next one goes on by a new connection
        assert await scope.rows(select(col(SettingRow.key))) == []
    await asyncio.to_thread(postgres.sql, cut)
    async with database.reading("w1") as scope:
        assert await scope.rows(select(col(SettingRow.key))) == []
    await database.close()


async def test_a_locked_row(postgres_url: str) -> None:
    database = await connect(Settings(database_url=postgres_url))
    flows = FlowStore(database)
    entry = await flows.create("w1", flow(), "me")
    async with database.writing("w1") as scope:
        await scope.change(update(FlowRow).values(author="else"))
        with pytest.raises(OperatorError, match="locked"):
            await flows.save("w1", entry.id, flow("late"), 1)
    assert await flows.save("w1", entry.id, flow("late"), 1) == 2
    await database.close()
