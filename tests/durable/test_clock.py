"""A clock that stands still, is set back and set forward: what waits goes on once, when its time has come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runtime.driving import local
from runtime.driving.local import LocalDriver
from runtime.interpreter.events import StepResumed
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start
from tests.durable.flows import Plans, drawn_all
from tests.durable.test_faults import Window

PLANS = Plans(drawn_all(wait=3600))


class Clock:
    """A clock that a test sets; it stands still."""

    at = 1_790_000_000.0

    def __call__(self) -> float:
        return self.at


class Scene:
    """Runs on a journal in memory, by a clock of their own."""

    def __init__(self, journal: MemoryJournal, clock: Clock, shared: bool) -> None:
        self.journal, self.window, self.clock = journal, Window(), clock
        services = Services(None, self.window, None, None)  # type: ignore[arg-type]
        driver = LocalDriver(journal, clock=clock, shared=shared)
        self.runs = Runs(journal, driver, lambda workspace: services, plan_of=PLANS.of, clock=clock)

    async def begin(self, due: float | None = None) -> None:
        await self.runs.begin(Start(PLANS.plans["wait"], {}, "w1", "wait", "webhook", id="run", due=due))

    async def until(self, state: str) -> None:
        async with asyncio.timeout(10):
            while (await self.journal.record("w1", "run")).state != state:
                await asyncio.sleep(0.005)

    async def stays(self, state: str) -> None:
        await asyncio.sleep(0.1)
        assert (await self.journal.record("w1", "run")).state == state


@asynccontextmanager
async def opened(journal: MemoryJournal, clock: Clock, shared: bool) -> AsyncIterator[Scene]:
    made = Scene(journal, clock, shared)
    await made.runs.open()
    try:
        yield made
    finally:
        await made.runs.close()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_LONGEST", 0.02)
    monkeypatch.setattr(local, "_SHARED", 0.02)


@pytest.mark.parametrize("shared", [False, True])
async def test_a_wait_ends_once_whatever_is_done_to_the_clock(shared: bool) -> None:
    journal, clock = MemoryJournal(), Clock()
    async with opened(journal, clock, shared) as scene:
        await scene.begin()
        await scene.until("waiting")
        await scene.stays("waiting")
        clock.at -= 86_400
        await scene.stays("waiting")
        clock.at += 86_400 + 3_599
        await scene.stays("waiting")
        clock.at += 2
        await scene.until("done")
        clock.at -= 7_200
        await scene.stays("done")
        clock.at += 86_400
        await scene.stays("done")
        assert {count for _, count in scene.window.seen.items()} == {1}
    resumed = [event for event in await journal.events("w1", "run") if isinstance(event, StepResumed)]
    assert [event.late for event in resumed] == [True]


@pytest.mark.parametrize("shared", [False, True])
async def test_a_wait_that_ended_while_nothing_ran_ends_in_the_next_process(shared: bool) -> None:
    journal, clock = MemoryJournal(), Clock()
    async with opened(journal, clock, shared) as scene:
        await scene.begin()
        await scene.until("waiting")
    clock.at += 86_400
    async with opened(journal, clock, shared) as scene:
        await scene.until("done")
        assert {key.partition(":")[2] for _, key in scene.window.seen} == {"b"}


@pytest.mark.parametrize("shared", [False, True])
async def test_a_delayed_run_begins_once_when_it_is_due(shared: bool) -> None:
    journal, clock = MemoryJournal(), Clock()
    async with opened(journal, clock, shared) as scene:
        await scene.begin(due=clock.at + 600)
        await scene.stays("queued")
        clock.at -= 600
        await scene.stays("queued")
        clock.at += 1_201
        await scene.until("waiting")
        assert scene.window.seen["posted", "run:a"] == 1
