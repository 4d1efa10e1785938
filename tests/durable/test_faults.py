"""A database that fails: what was accepted is done in the end, no step fails of it, what cannot be kept is refused."""

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from runtime.driving.local import LocalDriver
from runtime.errors import ConflictError, OperatorError
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.runs import Runs
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal
from tests.durable.flows import DONE_BEFORE, POSTS, YES, Plans, drawn_all
from tests.durable.scenes import judged
from tests.servers.fault_proxy import FaultProxy
from tests.servers.postgres import Postgres

PLANS = Plans(drawn_all())


class Window:
    """The world outside, as nodes reach it."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, ...]] = Counter()

    async def post(self, key: str) -> None:
        self.seen["entered", key] += 1
        await asyncio.sleep(0.01)
        self.seen["posted", key] += 1

    async def busy(self, key: str) -> bool:
        self.seen["asked", key] += 1
        return self.seen["asked", key] <= DONE_BEFORE


class Desk:
    """The runs of one process on a database."""

    def __init__(self, database: Database) -> None:
        self.journal, self.window = SqlJournal(database), Window()
        services = Services(None, self.window, None, None)  # type: ignore[arg-type]
        self.driver = LocalDriver(self.journal, shared=not database.is_sqlite, grace=1.0)
        self.runs = Runs(self.journal, self.driver, lambda workspace: services, plan_of=PLANS.of)

    async def begin(self, flow: str, name: str = "") -> RunRecord:
        start = Start(PLANS.plans[flow], {}, "w1", flow, "webhook", id=name or flow, key=name or flow)
        return await self.runs.begin(start)

    async def begin_all(self) -> None:
        """Start one of each, and again as long as nobody accepts it."""
        for flow in POSTS:
            while True:
                try:
                    await self.begin(flow)
                except ConflictError:
                    break
                except OperatorError:
                    await asyncio.sleep(0.05)
                else:
                    break

    async def done(self) -> None:
        """Answer what is asked until every run has ended; then see that all is right."""
        async with asyncio.timeout(40):
            while not await self._over():
                await asyncio.sleep(0.05)
        for flow in POSTS:
            assert judged(flow, flow, await self.journal.events("w1", flow), self.window.seen, 0) == []

    async def _over(self) -> bool:
        try:
            records = await self.journal.records("w1", limit=1_000)
            for record in records:
                for wait in record.waits:
                    if wait.request is not None:
                        await self.runs.answer_pause("w1", record.id, wait.step, YES)
        except (ConflictError, OperatorError):
            return False
        return all(record.state in ("done", "failed", "cancelled") for record in records)


@asynccontextmanager
async def desk_on(settings: Settings, **options: Any) -> AsyncIterator[tuple[Desk, Database]]:
    database = await Database.connect(settings, **options)
    desk = Desk(database)
    await desk.runs.open()
    try:
        yield desk, database
    finally:
        await desk.runs.close()
        await database.close()


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[FaultProxy]:
    socket = make_url(postgres_url).query["host"]
    async with FaultProxy(f"{socket}/.s.PGSQL.5432").going() as made:
        yield made


@asynccontextmanager
async def behind(proxy: FaultProxy, url: str, home: Path, user: str = "postgres", patience: float = 2.0) -> Any:
    through = f"postgresql://{user}@127.0.0.1:{proxy.port}/{make_url(url).database}"
    async with desk_on(Settings(home=home, database_url=through), patience=patience) as (desk, _):
        yield desk


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_link_that_is_cut_at_commit_costs_nothing(
    proxy: FaultProxy, postgres_url: str, tmp_path: Path, when: Any
) -> None:
    async with behind(proxy, postgres_url, tmp_path) as desk:
        proxy.cut, proxy.cuts = when, 1
        beginning = asyncio.create_task(desk.begin_all())
        for _ in range(8):
            await asyncio.sleep(0.06)
            proxy.cuts = 1
        await beginning
        await desk.done()
        assert proxy.cut_off > 3


async def test_a_link_that_stalls_costs_time_alone(proxy: FaultProxy, postgres_url: str, tmp_path: Path) -> None:
    async with behind(proxy, postgres_url, tmp_path) as desk:
        await desk.begin_all()
        for _ in range(3):
            proxy.open.clear()
            await asyncio.sleep(0.4)
            proxy.open.set()
            await asyncio.sleep(0.05)
        await desk.done()


async def test_runs_wait_for_a_server_that_is_away(proxy: FaultProxy, postgres_url: str, tmp_path: Path) -> None:
    async with behind(proxy, postgres_url, tmp_path) as desk:
        await desk.begin_all()
        proxy.down = True
        proxy.drop()
        with pytest.raises(OperatorError, match="does not answer"):
            await desk.begin("chain", "refused")
        await asyncio.sleep(1.0)
        proxy.down = False
        await desk.done()


async def test_a_server_that_ends_every_session_costs_nothing(
    postgres: Postgres, proxy: FaultProxy, postgres_url: str, tmp_path: Path
) -> None:
    name = make_url(postgres_url).database
    async with behind(proxy, postgres_url, tmp_path) as desk:
        beginning = asyncio.create_task(desk.begin_all())
        for _ in range(4):
            await asyncio.sleep(0.05)
            ends = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            await asyncio.to_thread(postgres.sql, ends)
        await beginning
        await desk.done()


async def test_a_server_without_a_connection_left_refuses_in_words(
    postgres: Postgres, proxy: FaultProxy, postgres_url: str, tmp_path: Path
) -> None:
    name = make_url(postgres_url).database
    user = f"user_{name}"
    postgres.sql(f"CREATE ROLE {user} LOGIN; ALTER DATABASE {name} OWNER TO {user};")
    try:
        async with behind(proxy, postgres_url, tmp_path, user) as desk:
            await desk.begin_all()
            await asyncio.to_thread(postgres.sql, f"ALTER ROLE {user} CONNECTION LIMIT 0")
            proxy.drop()
            with pytest.raises(OperatorError):
                for _ in range(20):  # until no link is left that was there before
                    await desk.begin("chain", os.urandom(4).hex())
            await asyncio.to_thread(postgres.sql, f"ALTER ROLE {user} CONNECTION LIMIT -1")
            await desk.done()
    finally:
        postgres.sql(f"ALTER DATABASE {name} OWNER TO postgres")  # the role goes with the server


async def test_a_file_that_another_program_locks_costs_time_alone(tmp_path: Path) -> None:
    async with desk_on(Settings(home=tmp_path), patience=0.1) as (desk, database):
        await desk.begin_all()
        other = sqlite3.connect(database.where, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperatorError, match="locked"):
            await desk.begin("chain", "refused")
        await asyncio.sleep(1.0)
        other.execute("ROLLBACK")
        other.close()
        await desk.done()


async def test_a_full_disk_refuses_in_words_and_runs_go_on_when_there_is_space(tmp_path: Path) -> None:
    async with desk_on(Settings(home=tmp_path)) as (desk, database):
        await desk.begin_all()

        def limit(connection: sqlite3.Connection, pages: int) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")  # not below what there is

        await database.visit(limit, 1)
        with pytest.raises(OperatorError, match="full"):
            for number in range(200):
                await desk.begin("chain", f"filler{number}" + "x" * 2_000)
        await asyncio.sleep(0.3)
        await database.visit(limit, 2**30)
        await desk.done()
