"""Schedules: each tick queues one run however many fire it, and what was missed is made up for as the rule says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Literal

import pytest
from sqlmodel import col, select

from runtime.errors import NotFoundError
from runtime.graph.schedule import MOST, Rule
from runtime.interpreter.events import RunStarted
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.start import new_run_id
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.deployments import DeploymentStore
from runtime.storage.flows import FlowStore
from runtime.storage.journal import SqlJournal
from runtime.storage.schedules import Schedule, ScheduleStore, Tick
from runtime.storage.scope import EVERYWHERE
from runtime.storage.tables import EntryRow, RunRow
from tests.storage.conftest import Clock
from tests.storage.samples import flow

MINUTES = Rule(cron="* * * * *", zone="Europe/Berlin")
ALL = Rule(cron="* * * * *", missed="all")


async def queued(tick: Tick) -> tuple[RunRecord, RunStarted]:
    """The run of a tick as whoever drives runs makes it."""
    schedule = tick.schedule
    record = RunRecord(
        id=tick.run,
        workspace=schedule.workspace,
        flow=schedule.flow,
        flow_name="Nightly",
        source="schedule",
        started=tick.at,
        version=schedule.version,
        state="queued",
        slug=schedule.slug,
    )
    return record, RunStarted(1, tick.at, schedule.step, tick.given)


@pytest.fixture
def deployments(database: Database, clock: Clock) -> DeploymentStore:
    return DeploymentStore(database, clock)


@pytest.fixture
def store(database: Database, clock: Clock) -> ScheduleStore:
    return ScheduleStore(database, clock)


@pytest.fixture
async def published(database: Database, deployments: DeploymentStore, clock: Clock) -> str:
    clock.at = 1_790_000_040.0  # the beginning of a minute
    id = (await FlowStore(database, clock).create("w1", flow("Nightly"), "me")).id
    for _ in range(2):
        await deployments.publish("w1", id, "me")
    return id


@pytest.fixture
async def processes(settings: Settings, clock: Clock, database: Database) -> AsyncIterator[list[ScheduleStore]]:
    """Five processes on one database, as far as the database can tell."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(5):
            other = await Database.connect(settings, patience=30.0)
            stack.push_async_callback(other.close)
            opened.append(ScheduleStore(other, clock))
        yield opened


async def runs(database: Database) -> dict[str, list[object]]:
    """The ids of all runs, with the bodies of their entries."""
    async with database.reading(EVERYWHERE) as scope:
        rows = await scope.rows(select(col(RunRow.id)))
        bodies = await scope.rows(select(col(EntryRow.run), col(EntryRow.body)))
    kept: dict[str, list[object]] = {row.id: [] for row in rows}
    for row in bodies:
        kept[row.run].append(row.body)
    return kept


async def only(store: ScheduleStore, workspace: str = "w1") -> Schedule:
    (schedule,) = await store.schedules(workspace)
    return schedule


async def test_a_deployed_flow_starts_by_itself(
    store: ScheduleStore, deployments: DeploymentStore, published: str, clock: Clock, database: Database
) -> None:
    assert await store.next() is None
    await deployments.deploy("w1", published, "desk", 1, {"start": MINUTES})
    first = clock.at + 60
    assert await only(store) == Schedule("w1", published, "start", "desk", 1, MINUTES, first, None, None)
    assert await store.next() == first
    assert await store.fire(queued) == []
    clock.at = first + 0.02
    (record,) = await store.fire(queued)
    assert await store.fire(queued) == []
    journal = SqlJournal(database)
    assert await journal.record("w1", record.id) == record
    (event,) = await journal.events("w1", record.id)
    assert event == RunStarted(1, first, "start", {"at": MINUTES.written(first)})
    assert await only(store) == Schedule("w1", published, "start", "desk", 1, MINUTES, first + 60, first, None)
    assert await store.schedules("w2") == []


async def test_the_run_of_a_tick_has_one_id_that_sorts_by_age(store: ScheduleStore) -> None:
    schedule = Schedule("w1", "f", "start", "desk", 1, MINUTES, None, None, None)
    ids = [Tick(schedule, 1_790_000_000.0 + 60 * number).run for number in range(5)]
    assert ids == sorted(set(ids))
    assert Tick(schedule, 1_790_000_000.0).run == ids[0]
    assert all(id.isalnum() and id == id.lower() and len(id) <= 64 for id in ids)
    assert new_run_id()[:3] >= ids[0][:3] > "0"
    other = Schedule("w2", "f", "start", "desk", 1, MINUTES, None, None, None)
    assert Tick(other, 1_790_000_000.0).run != ids[0]


@pytest.mark.parametrize(("missed", "made"), [("all", 5), ("latest", 1), ("none", 0)])
async def test_what_was_missed_is_made_up_for(
    store: ScheduleStore,
    deployments: DeploymentStore,
    published: str,
    clock: Clock,
    missed: Literal["all", "latest", "none"],
    made: int,
) -> None:
    rule = Rule(seconds=600, start="2001-01-01T00:00", missed=missed)
    await deployments.deploy("w1", published, "desk", 1, {"start": rule})
    first = (await only(store)).next
    assert first is not None
    clock.at = first + 4 * 600 + 100
    ticks = [first + 600 * number for number in range(5)]
    assert [record.started for record in await store.fire(queued)] == ticks[5 - made :]
    after = await only(store)
    assert (after.next, after.last) == (first + 3000, ticks[-1] if made else None)
    clock.at = first + 3001
    assert [record.started for record in await store.fire(queued)] == [first + 3000]


async def test_many_missed_ticks_of_many_schedules_are_made_up_for(
    store: ScheduleStore, deployments: DeploymentStore, published: str, clock: Clock, database: Database
) -> None:
    await deployments.deploy("w1", published, "desk", 1, {"one": ALL, "two": ALL, "three": ALL})
    clock.at += 3 * 86400
    made = await store.fire(queued)
    assert len(made) == len(await runs(database)) == 3 * MOST
    assert {record.started for record in made} == {clock.at - 60 * number for number in range(MOST)}
    assert await store.fire(queued) == []


async def test_a_clock_that_is_set_back_fires_nothing_twice(
    store: ScheduleStore, deployments: DeploymentStore, published: str, clock: Clock, database: Database
) -> None:
    before = clock.at
    await deployments.deploy("w1", published, "desk", 1, {"start": ALL})
    clock.at += 300
    assert len(await store.fire(queued)) == 5
    clock.at = before + 90
    assert await store.fire(queued) == []
    # Not even when its times are changed and changed back, or it is taken down and comes back, meanwhile.
    await deployments.deploy("w1", published, "desk", 1, {"start": Rule(seconds=60)})
    await deployments.deploy("w1", published, "desk", 1, {"start": ALL})
    await deployments.undeploy("w1", "desk")
    await deployments.deploy("w1", published, "desk", 1, {"start": ALL})
    clock.at = before + 330
    assert await store.fire(queued) == []
    clock.at = before + 361
    assert len(await store.fire(queued)) == 1
    assert len(await runs(database)) == 6


async def test_each_tick_is_fired_once_by_many_at_once(
    processes: list[ScheduleStore], deployments: DeploymentStore, published: str, clock: Clock, database: Database
) -> None:
    rules = {f"step_{number}": Rule(cron=f"{number}-59/3 * * * *", missed="all") for number in range(3)}
    rules |= {f"every_{number}": Rule(seconds=60, missed="all") for number in range(70)}  # more than go in one go
    begun = clock.at
    await deployments.deploy("w1", published, "desk", 1, rules)
    seen: list[str] = []
    for _ in range(4):
        clock.at += 120
        seen += [one.id for many in await asyncio.gather(*(each.fire(queued) for each in processes)) for one in many]
    expected = {
        Tick(schedule, tick).run
        for schedule in await processes[0].schedules("w1")
        for tick in schedule.rule.newest(begun, clock.at, 1_000)
    }
    assert len(expected) == 8 * 70 + 8
    assert sorted(seen) == sorted(expected)
    kept = await runs(database)
    assert kept.keys() == expected
    assert {len(bodies) for bodies in kept.values()} == {1}


async def test_what_breaks_in_the_middle_leaves_nothing_and_is_done_again(
    store: ScheduleStore, deployments: DeploymentStore, published: str, clock: Clock, database: Database
) -> None:
    await deployments.deploy("w1", published, "desk", 1, {"one": ALL, "two": ALL})
    before = await store.schedules("w1")
    clock.at += 180
    made = 0

    async def break_at_the_fourth(tick: Tick) -> tuple[RunRecord, RunStarted]:
        nonlocal made
        made += 1
        if made == 4:
            raise RuntimeError("the process dies here")
        return await queued(tick)

    with pytest.raises(RuntimeError):
        await store.fire(break_at_the_fourth)
    assert await runs(database) == {}
    assert await store.schedules("w1") == before
    assert len(await store.fire(queued)) == 6


async def test_a_schedule_that_cannot_start_keeps_no_other_from_it(
    store: ScheduleStore,
    deployments: DeploymentStore,
    published: str,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await deployments.deploy("w1", published, "desk", 1, {f"step_{number}": MINUTES for number in range(60)})
    clock.at += 61

    async def all_but_one(tick: Tick) -> tuple[RunRecord, RunStarted]:
        if tick.schedule.step == "step_7":
            raise NotFoundError("Its version is gone")
        return await queued(tick)

    assert len(await store.fire(all_but_one)) == 59
    assert "step_7" in caplog.text
    assert [record.slug for record in await store.fire(queued)] == ["desk"], "it stayed due"


async def test_a_paused_deployment_misses_its_ticks(
    store: ScheduleStore, deployments: DeploymentStore, published: str, clock: Clock
) -> None:
    await deployments.deploy("w1", published, "desk", 1, {"start": ALL})
    paused = clock.at
    await deployments.pause("w1", "desk")
    clock.at += 130
    await deployments.pause("w1", "desk")
    assert (await store.next(), await store.fire(queued)) == (None, [])
    await deployments.deploy("w1", published, "desk", 2, {"start": ALL})
    assert (await only(store)).paused == paused, "a new version stays paused"
    assert [each.paused for each in await deployments.deployments("w1", published)] == [paused]
    assert await store.fire(queued) == []
    await deployments.resume("w1", "desk")
    assert await store.next() == paused + 60
    assert [record.version for record in await store.fire(queued)] == [2, 2]
    for change in (deployments.pause, deployments.resume):
        with pytest.raises(NotFoundError):
            await change("w2", "desk")


async def test_a_new_version_goes_on_where_its_rule_stood(
    store: ScheduleStore, deployments: DeploymentStore, published: str, clock: Clock
) -> None:
    hourly = Rule(cron="0 * * * *")
    await deployments.deploy("w1", published, "desk", 1, {"same": ALL, "other": ALL, "gone": ALL})
    clock.at += 150
    later = Rule(cron=ALL.cron, missed="latest")
    await deployments.deploy("w1", published, "desk", 2, {"same": later, "other": hourly})
    other, same = sorted(await store.schedules("w1"), key=lambda each: each.step)
    assert (same.version, same.next, same.rule) == (2, clock.at - 90, later)
    assert (other.version, other.next) == (2, hourly.next(clock.at))
    assert [record.started for record in await store.fire(queued)] == [clock.at - 30]


async def test_a_schedule_goes_with_what_it_belongs_to(
    store: ScheduleStore, deployments: DeploymentStore, published: str, clock: Clock, database: Database
) -> None:
    await deployments.deploy("w1", published, "desk", 1, {"start": MINUTES})
    await deployments.deploy("w1", published, "plain", 1)
    assert (await only(store)).slug == "desk", "an address without starts of its own takes none away"
    await deployments.deploy("w1", published, "desk-2", 2, {"start": MINUTES})
    assert (await only(store)).slug == "desk-2", "one run a tick, however many addresses"
    await deployments.undeploy("w1", "desk")
    assert (await only(store)).slug == "desk-2"
    flows = FlowStore(database, clock)
    await flows.delete("w1", published)
    clock.at += 61
    assert (await store.next(), await store.fire(queued), await store.schedules("w1")) == (None, [], [])
    await flows.restore("w1", published)
    assert len(await store.fire(queued)) == 1
    await deployments.undeploy("w1", "desk-2")
    assert await store.schedules("w1") == []
    await deployments.deploy("w1", published, "desk", 1, {"start": MINUTES})
    await deployments.deploy("w1", published, "desk", 2)
    assert await store.schedules("w1") == []
