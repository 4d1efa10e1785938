"""The clockwork: fires when a tick comes, whatever the clock and the database do, and hands over what it queued."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from runtime.driving import clockwork
from runtime.driving.clockwork import Clockwork
from runtime.errors import OperatorError
from runtime.graph.flow import Flow
from runtime.graph.schedule import Rule
from runtime.interpreter.events import RunStarted
from runtime.interpreter.journal import RunRecord
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.deployments import DeploymentStore
from runtime.storage.flows import FlowStore
from runtime.storage.schedules import ScheduleStore, Tick

START = 1_790_000_040.0  # the beginning of a minute
MINUTES = Rule(seconds=60, missed="all")


class Clock:
    """A clock that a test sets; it goes when the test lets it."""

    def __init__(self) -> None:
        self.at = START
        self.since: float | None = None

    def go(self) -> None:
        self.since = time.monotonic()

    def __call__(self) -> float:
        return self.at if self.since is None else self.at + time.monotonic() - self.since


class Driver:
    """Takes runs, and breaks where a test says so."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.broken: Exception | None = None

    async def drive(self, record: RunRecord) -> None:
        if self.broken is not None:
            raise self.broken
        self.taken.append(record.started - START)


async def queued(tick: Tick) -> tuple[RunRecord, RunStarted]:
    where = tick.schedule
    record = RunRecord(
        id=tick.run, workspace=where.workspace, flow=where.flow, flow_name="Nightly",
        source="schedule", started=tick.at, state="queued",
    )  # fmt: skip
    return record, RunStarted(1, tick.at, where.step, tick.given)


class Scene:
    """A flow that is deployed with a schedule, on SQLite, and who fires it."""

    def __init__(self, database: Database, flow: str) -> None:
        self.clock, self.driver = Clock(), Driver()
        self.deployments = DeploymentStore(database, self.clock)
        self.store, self.flow = ScheduleStore(database, self.clock), flow
        self.fire: Callable[[], Awaitable[list[RunRecord]]] = partial(self.store.fire, queued)

    async def deploy(self, rule: Rule = MINUTES) -> None:
        await self.deployments.deploy("w1", self.flow, "desk", 1, {"start": rule})

    @asynccontextmanager
    async def going(self, *, shared: bool = False, look: float = 0.02) -> AsyncIterator[Clockwork]:
        async def fire() -> list[RunRecord]:
            return await self.fire()

        made = Clockwork(self.store.next, fire, self.driver.drive, shared=shared, clock=self.clock, look=look)
        made.start()
        try:
            yield made
        finally:
            await made.close()

    async def until(self, *taken: float) -> None:
        """Wait until these runs were taken, by the seconds of their ticks, and no others."""
        async with asyncio.timeout(10):
            while len(self.driver.taken) < len(taken):
                await asyncio.sleep(0.005)
        assert self.driver.taken == list(taken)

    async def quiet(self) -> None:
        """A while in which it looks at the clock several times, and takes no run."""
        taken = list(self.driver.taken)
        await asyncio.sleep(0.15)
        assert self.driver.taken == taken


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    database = await Database.connect(Settings(home=tmp_path))
    id = (await FlowStore(database).create("w1", Flow(name="Nightly"), "me")).id
    await DeploymentStore(database).publish("w1", id, "me")
    yield Scene(database, id)
    await database.close()


async def test_a_tick_is_driven_when_it_comes(scene: Scene) -> None:
    await scene.deploy()
    async with scene.going():
        await scene.quiet()
        scene.clock.at += 60
        await scene.until(60)
        scene.clock.at += 60
        await scene.until(60, 120)
        await scene.quiet()


async def test_what_was_missed_comes_first(scene: Scene) -> None:
    await scene.deploy()
    scene.clock.at += 190
    async with scene.going(look=10):
        await scene.until(60, 120, 180)


async def test_a_tick_comes_on_time_by_a_real_clock(scene: Scene) -> None:
    await scene.deploy(Rule(seconds=1))
    scene.clock.at += 0.7
    scene.clock.go()
    async with scene.going(look=60):
        await scene.until(1, 2)
        assert 2 <= scene.clock() - START < 10


async def test_what_is_deployed_is_seen_when_told(scene: Scene) -> None:
    async with scene.going(look=10) as made:
        await scene.quiet()
        await scene.deploy()
        made.nudge()
        await scene.quiet()
        scene.clock.at += 60
        made.nudge()
        await scene.until(60)


async def test_what_others_deploy_is_seen(scene: Scene) -> None:
    async with scene.going(shared=True):
        await scene.quiet()
        await scene.deploy()
        scene.clock.at += 60
        await scene.until(60)


async def test_a_clock_that_is_set_back_and_forth_fires_each_tick_once(scene: Scene) -> None:
    await scene.deploy()
    async with scene.going():
        for set_to, taken in ((60, [60]), (-3600, [60]), (65, [60]), (300, [60, 120, 180, 240, 300]), (0, None)):
            scene.clock.at = START + set_to
            if taken:
                await scene.until(*taken)
            await scene.quiet()
        scene.clock.at = START + 360
        await scene.until(60, 120, 180, 240, 300, 360)


@pytest.mark.parametrize("error", [OperatorError("The database does not answer"), RuntimeError("unforeseen")])
async def test_a_database_that_fails_is_asked_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(clockwork, "_AGAIN", 0.02)
    await scene.deploy()
    works, asked = scene.fire, 0

    async def fails() -> list[RunRecord]:
        nonlocal asked
        asked += 1
        raise error

    scene.fire = fails
    async with scene.going():
        scene.clock.at += 60
        async with asyncio.timeout(10):
            while asked < 3:
                await asyncio.sleep(0.005)
        scene.fire = works
        await scene.until(60)
    assert "trying again" in caplog.text


async def test_a_run_that_cannot_be_driven_stays_queued(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.deploy()
    scene.driver.broken = OperatorError("The driver does not answer")
    async with scene.going():
        scene.clock.at += 60
        async with asyncio.timeout(10):
            while "stays queued" not in caplog.text:
                await asyncio.sleep(0.005)
        scene.driver.broken = None
        scene.clock.at += 60
        await scene.until(120)


async def test_what_stays_due_is_not_asked_for_all_the_time(scene: Scene) -> None:
    await scene.deploy()
    asked = 0

    async def held_by_another() -> list[RunRecord]:
        nonlocal asked
        asked += 1
        return []

    scene.fire = held_by_another
    scene.clock.at += 60
    async with scene.going(look=0.01):
        await scene.quiet()
    assert asked == 1


async def test_nothing_is_fired_after_the_end(scene: Scene) -> None:
    await scene.deploy()
    async with scene.going() as made:
        await scene.quiet()
    scene.clock.at += 60
    made.nudge()
    await scene.quiet()
    assert await scene.store.next() == START + 60
