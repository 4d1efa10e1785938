"""Runs driven by a real Temporal: by whom, when, in which order, and after every kind of death."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from runtime.driving.temporal import Carried, TemporalDriver
from runtime.interpreter.driver import Lease, Rest
from runtime.interpreter.journal import RunRecord
from tests.driving.conftest import Work, record
from tests.driving.ledger import Lap, Ledger
from tests.servers.temporal import Temporal

PATIENCE = 1.5
pytestmark = pytest.mark.filterwarnings("error")


async def nothing() -> Sequence[RunRecord]:
    return []


@asynccontextmanager
async def driving(url: str, ledger: Ledger, **options: Any) -> AsyncIterator[TemporalDriver]:
    """A driver in the process of the test."""
    unfinished = options.pop("unfinished", nothing)
    driver = TemporalDriver(url, unfinished, **{"patience": PATIENCE, "grace": 1.0, **options})
    await driver.open(ledger.segment)
    try:
        yield driver
    finally:
        await driver.close()


@pytest.fixture
async def drives(temporal: Temporal, ledger: Ledger) -> AsyncIterator[Callable[..., Any]]:
    """Opens drivers at the server of the session, which are closed with the test."""
    await temporal.ready()
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> TemporalDriver:
            return await stack.enter_async_context(driving(temporal.url, ledger, **options))

        yield opened


async def test_a_run_is_driven_to_its_end_by_another_process(
    temporal: Temporal, ledger: Ledger, queue: str, drives: Any, work: Work
) -> None:
    worker = work(temporal.url, queues=[queue])
    driver = await drives(work=False)
    ledger.script("run", Lap())
    await driver.drive(record("run", queue))
    [begin] = await ledger.until("begin", "run")
    assert begin["pid"] == worker.pid
    assert begin["held"]
    assert begin["workspace"] == queue
    await ledger.until("rest", "run")


async def test_a_waiting_run_wakes_by_its_timer(ledger: Ledger, queue: str, drives: Any) -> None:
    driver = await drives(queues=[queue])
    ledger.script("first", Lap())
    await driver.drive(record("first", queue))  # what comes first takes long, and would be told twice
    await ledger.until("rest", "first", 1)
    ledger.script("run", Lap("waiting", after=1.0), Lap())
    await driver.drive(record("run", queue))
    first, second = await ledger.until("rest", "run", 2)
    assert 1.0 <= second["time"] - first["time"] < 2.5


async def test_a_waiting_run_wakes_when_it_is_driven(ledger: Ledger, queue: str, drives: Any) -> None:
    driver = await drives(queues=[queue])
    ledger.script("run", Lap("waiting"), Lap("waiting", after=3600.0), Lap())
    for laps in (1, 2, 3):
        await driver.drive(record("run", queue))
        await ledger.until("rest", "run", laps)


async def test_go_while_a_segment_is_driven_is_not_lost(ledger: Ledger, queue: str, drives: Any) -> None:
    driver = await drives(queues=[queue])
    ledger.script("run", Lap("waiting", holds=True), Lap())
    await driver.drive(record("run", queue))
    await ledger.until("begin", "run")
    await driver.drive(record("run", queue, state="waiting"))
    ledger.let_go("run")
    await ledger.until("rest", "run", 2)


async def test_a_delayed_run_is_not_driven_before_it_is_due(ledger: Ledger, queue: str, drives: Any) -> None:
    driver = await drives(queues=[queue])
    ledger.script("run", Lap())
    due = time.time() + 1.5
    await driver.drive(record("run", queue, due=due))
    [begin] = await ledger.until("begin", "run")
    assert due <= begin["time"] < due + 2.0


async def test_driven_many_times_a_run_is_driven_by_one_segment_at_a_time(
    ledger: Ledger, queue: str, drives: Any
) -> None:
    drivers = [await drives(queues=[queue]) for _ in range(2)]
    ledger.script("run", Lap("waiting", holds=True), Lap("waiting"))
    for _ in range(2):
        await asyncio.gather(*(driver.drive(record("run", queue)) for driver in drivers * 5))
        await ledger.until("begin", "run")
    assert len(ledger.lines("begin", "run")) == 1
    ledger.let_go("run")
    # One more look for all that was said meanwhile, then it waits.
    await ledger.until("rest", "run", 2)
    await asyncio.sleep(0.5)
    assert len(ledger.lines("begin", "run")) == 2


async def test_a_finished_workflow_of_a_run_with_something_to_do_begins_anew(
    ledger: Ledger, queue: str, drives: Any, temporal: Temporal
) -> None:
    driver = await drives(queues=[queue])
    ledger.script("run", Lap(), Lap())
    await driver.drive(record("run", queue))
    await ledger.until("rest", "run")
    handle = (await temporal.ready()).get_workflow_handle(f"canevas/{queue}/run")
    await handle.result()
    await driver.drive(record("run", queue))
    await ledger.until("rest", "run", 2)


async def test_a_segment_that_fails_is_tried_again_and_temporal_is_not_told_why(
    ledger: Ledger, queue: str, drives: Any, temporal: Temporal
) -> None:
    driver = await drives(queues=[queue])
    ledger.script("run", Lap(fails=True))
    await driver.drive(record("run", queue))
    await ledger.until("rest", "run")
    handle = (await temporal.ready()).get_workflow_handle(f"canevas/{queue}/run")
    await handle.result()
    history = (await handle.fetch_history()).to_json()
    assert "ConnectionError" in history
    assert "secret" not in history


async def test_a_run_that_cannot_go_on_here_is_tried_again_later(ledger: Ledger, queue: str, drives: Any) -> None:
    driver = await drives(queues=[queue])
    ledger.script("run", Lap("queued", why="no node of kind Paint"), Lap())
    await driver.drive(record("run", queue))
    first, second = await ledger.until("rest", "run", 2)
    assert 1.0 <= second["time"] - first["time"] < 3.0


async def test_a_long_history_is_begun_anew_and_every_history_can_be_replayed(
    ledger: Ledger, queue: str, drives: Any, temporal: Temporal
) -> None:
    driver = await drives(queues=[queue])
    ledger.script("run", *[Lap("waiting")] * 45, Lap())
    for laps in range(1, 47):
        await driver.drive(record("run", queue))
        await ledger.until("rest", "run", laps)
    client = await temporal.ready()
    handle = client.get_workflow_handle(f"canevas/{queue}/run")
    await handle.result()
    histories = [
        await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()
        async for found in client.list_workflows(f"WorkflowId = 'canevas/{queue}/run'")
    ]
    assert len(histories) == 2
    for history in histories:
        await Replayer(workflows=[Carried]).replay_workflow(history)


async def test_a_history_of_an_earlier_version_can_be_replayed() -> None:
    """A run that waits for months is carried on by newer versions: a change of `Carried.run` stands behind a patch.

    The history has a delay, a timer, signals while waiting and while driven, and a run that could not go on.
    """
    history = WorkflowHistory.from_json("canevas/acme/run", Path(__file__).with_name("history.json").read_text())
    assert len(history.events) > 50
    await Replayer(workflows=[Carried]).replay_workflow(history)


async def test_a_run_with_a_label_never_runs_on_a_worker_without_it(
    temporal: Temporal, ledger: Ledger, queue: str, drives: Any, work: Work
) -> None:
    driver = await drives(queues=[queue])
    other = await drives(queues=[f"{queue}-other"], labels=["gpu"])
    for run, labels in (("plain", ()), ("gpu", ("gpu",)), ("both", ("gpu", "eu"))):
        ledger.script(run, Lap())
        await driver.drive(record(run, queue, labels=labels))
    await ledger.until("rest", "plain")
    await asyncio.sleep(0.5)
    assert not ledger.lines("begin", "gpu") + ledger.lines("begin", "both")
    del other
    worker = work(temporal.url, queues=[queue], labels=["gpu"])
    [begin] = await ledger.until("begin", "gpu")
    assert begin["pid"] == worker.pid
    assert not ledger.lines("begin", "both")
    await drives(queues=[queue], labels=["eu", "gpu", "night"])
    await ledger.until("rest", "both")


async def test_with_one_slot_the_more_urgent_run_is_taken_first(ledger: Ledger, queue: str, drives: Any) -> None:
    driver = await drives(queues=[queue], at_once=1)
    ledger.script("first", Lap(holds=True))
    await driver.drive(record("first", queue))
    await ledger.until("begin", "first")
    for run, priority in (("low", -2), ("usual", 0), ("urgent", 2)):
        ledger.script(run, Lap())
        await driver.drive(record(run, queue, priority=priority))
    await asyncio.sleep(1.0)  # They all wait in the line.
    ledger.let_go("first")
    order = [line["run"] for line in await ledger.until("rest", count=4)]
    assert order == ["first", "urgent", "usual", "low"]


async def test_a_queue_has_a_rate(ledger: Ledger, queue: str, drives: Any) -> None:
    driver = await drives(queues=[queue], rates={queue: 2.0})
    for number in range(7):
        ledger.script(f"run{number}", Lap())
        await driver.drive(record(f"run{number}", queue))
    times = [line["time"] for line in await ledger.until("begin", count=7)]
    assert max(times) - min(times) > 1.5


async def _held_by_one_of_two(
    temporal: Temporal, ledger: Ledger, queue: str, drives: Any, work: Work
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """Two worker processes; the first of them holds the run `run`."""
    workers = [work(temporal.url, queues=[queue], patience=PATIENCE) for _ in range(2)]
    await ledger.until("open", count=2)
    ledger.script("run", Lap(holds=True))
    driver = await drives(work=False)
    await driver.drive(record("run", queue))
    [begin] = await ledger.until("begin", "run")
    workers.sort(key=lambda worker: worker.pid != begin["pid"])
    return workers[0], workers[1]


async def test_killed_in_mid_segment_another_worker_takes_over(
    temporal: Temporal, ledger: Ledger, queue: str, drives: Any, work: Work, record_property: Any
) -> None:
    dying, other = await _held_by_one_of_two(temporal, ledger, queue, drives, work)
    killed = time.time()
    dying.kill()
    _, begin = await ledger.until("begin", "run", 2)
    assert begin["pid"] == other.pid
    record_property("takeover", f"{begin['time'] - killed:.2f} s")
    assert begin["time"] - killed < PATIENCE + 2.5
    ledger.let_go("run")
    await ledger.until("rest", "run")


async def test_stopped_longer_than_the_patience_a_worker_knows_at_once_that_it_lost_the_run(
    temporal: Temporal, ledger: Ledger, queue: str, drives: Any, work: Work
) -> None:
    stopped, other = await _held_by_one_of_two(temporal, ledger, queue, drives, work)
    await asyncio.sleep(PATIENCE)  # The lease was renewed.
    stopped.send_signal(signal.SIGSTOP)
    _, begin = await ledger.until("begin", "run", 2)
    assert begin["pid"] == other.pid
    stopped.send_signal(signal.SIGCONT)
    [woke] = await ledger.until("woke", "run")
    assert woke["pid"] == stopped.pid
    assert not woke["held"]
    [cut] = await ledger.until("cut", "run")
    assert cut["pid"] == stopped.pid
    ledger.let_go("run")
    [rest] = await ledger.until("rest", "run")
    assert rest["pid"] == other.pid


async def test_a_worker_that_is_told_to_end_gives_its_runs_to_others(
    temporal: Temporal, ledger: Ledger, queue: str, drives: Any, work: Work
) -> None:
    ending, other = await _held_by_one_of_two(temporal, ledger, queue, drives, work)
    driver = await drives(work=False)
    for number in range(5):
        ledger.script(f"run{number}", Lap(holds=True))
        await driver.drive(record(f"run{number}", queue))
    begun = await ledger.until("begin", count=6)
    its = {line["run"] for line in begun if line["pid"] == ending.pid}
    ending.terminate()
    assert await asyncio.to_thread(ending.wait, 20) == 0
    assert {line["run"] for line in ledger.lines("drained")} == its
    assert not ledger.lines("cut")
    assert len(ledger.lines("closed")) == 1
    again = (await ledger.until("begin", count=6 + len(its)))[6:]
    assert {(line["run"], line["pid"]) for line in again} == {(run, other.pid) for run in its}


async def test_a_segment_that_does_not_rest_within_the_grace_is_cut_off(
    temporal: Temporal, ledger: Ledger, queue: str
) -> None:
    await temporal.ready()
    async with driving(temporal.url, ledger, queues=[queue], grace=0.5) as driver:
        ledger.script("run", Lap(holds=True))
        await driver.drive(record("run", queue))
        await ledger.until("begin", "run")
    [cut] = ledger.lines("cut", "run")
    assert not cut["held"]
    async with driving(temporal.url, ledger, queues=[queue]):
        await ledger.until("begin", "run", 2)
        ledger.let_go("run")
        await ledger.until("rest", "run")


async def test_while_temporal_is_down_drive_returns_soon_and_the_run_is_driven_later(
    own_temporal: Temporal, ledger: Ledger, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    own_temporal.kill()
    ledger.script("early", Lap())
    ledger.script("later", Lap())
    async with driving(own_temporal.url, ledger, queues=[queue]) as driver:
        began = time.monotonic()
        await driver.drive(record("early", queue))
        assert time.monotonic() - began < 2.5
        own_temporal.start()
        await ledger.until("rest", "early")
        own_temporal.kill()
        began = time.monotonic()
        await driver.drive(record("later", queue))
        assert time.monotonic() - began < 2.5
        own_temporal.start()
        await ledger.until("rest", "later")
    said = [entry.getMessage() for entry in caplog.records if "does not answer" in entry.getMessage()]
    assert len(said) == 2


@pytest.mark.parametrize("lost", [False, True], ids=["state kept", "state lost"])
async def test_temporal_is_killed_and_comes_back(
    own_temporal: Temporal, ledger: Ledger, queue: str, lost: bool
) -> None:
    await own_temporal.ready()
    runs = {
        "held": record("held", queue, state="running"),
        "timer": record("timer", queue, state="waiting", wake=time.time() + 4.0),
        "queued": record("queued", f"{queue}-later"),
    }

    async def unfinished() -> Sequence[RunRecord]:
        return list(runs.values())

    async with driving(own_temporal.url, ledger, queues=[queue], unfinished=unfinished) as driver:
        ledger.script("held", Lap(holds=True))
        ledger.script("timer", Lap("waiting", after=4.0), Lap())
        ledger.script("queued", Lap())
        for run in runs.values():
            await driver.drive(run)
        await ledger.until("rest", "timer")
        await ledger.until("begin", "held")
        await asyncio.sleep(0.5)  # Temporal has heard that `timer` rests.
        own_temporal.kill()
        await ledger.until("cut", "held")  # Nobody confirms any more that the run is ours.
        if lost:
            own_temporal.forget()
        own_temporal.start()
        ledger.let_go("held")
        await ledger.until("rest", "held")
        await ledger.until("rest", "timer", 2)
        assert not ledger.lines("begin", "queued")
        async with driving(own_temporal.url, ledger, queues=[f"{queue}-later"]):
            await ledger.until("rest", "queued")


async def test_what_the_journal_has_unfinished_is_driven_when_a_process_opens(
    temporal: Temporal, ledger: Ledger, queue: str
) -> None:
    await temporal.ready()
    found = [record("queued", queue), record("wakes", queue, state="waiting", wake=time.time() + 1.0)]

    async def unfinished() -> Sequence[RunRecord]:
        return found

    for run in ("queued", "wakes"):
        ledger.script(run, Lap())
    async with driving(temporal.url, ledger, queues=[queue], unfinished=unfinished):
        await ledger.until("rest", "queued")
        [rest] = await ledger.until("rest", "wakes")
    assert rest["time"] >= found[1].wake  # type: ignore[operator]


async def test_a_run_that_nobody_drives_is_found_later_and_told_once(
    temporal: Temporal, ledger: Ledger, queue: str
) -> None:
    """A process wrote the run and died before it could tell Temporal; later sweeps add nothing to its workflow."""
    client = await temporal.ready()
    found: list[RunRecord] = []

    async def unfinished() -> Sequence[RunRecord]:
        return found

    ledger.script("run", Lap(holds=True))
    async with driving(temporal.url, ledger, queues=[queue], unfinished=unfinished, period=1.0):
        await asyncio.sleep(1.0)
        found.append(record("run", queue))
        await ledger.until("begin", "run")
        assert time.time() - (found[0].since or 0.0) > 1.0
        await asyncio.sleep(4.5)
        handle = client.get_workflow_handle(f"canevas/{queue}/run")
        signals = [
            e async for e in handle.fetch_history_events() if e.HasField("workflow_execution_signaled_event_attributes")
        ]
        assert len(signals) == 1
        ledger.let_go("run")
        await ledger.until("rest", "run")


async def test_a_journal_that_does_not_answer_does_not_end_the_sweeps(
    temporal: Temporal, ledger: Ledger, queue: str
) -> None:
    await temporal.ready()
    asked = 0

    async def unfinished() -> Sequence[RunRecord]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionError("no database")
        return [record("run", queue)]

    ledger.script("run", Lap())
    async with driving(temporal.url, ledger, queues=[queue], unfinished=unfinished):
        await ledger.until("rest", "run")


async def test_a_segment_outlives_many_heartbeats(ledger: Ledger, queue: str, drives: Any) -> None:
    """Longer than the patience and the five seconds after which the SDK itself would end a silent activity."""
    driver = await drives(queues=[queue])
    ledger.script("run", Lap(holds=True))
    await driver.drive(record("run", queue))
    await ledger.until("begin", "run")
    await asyncio.sleep(PATIENCE + 5.5)
    ledger.let_go("run")
    await ledger.until("rest", "run")
    assert len(ledger.lines("begin", "run")) == 1


async def test_a_driver_that_never_reached_temporal_closes_at_once(own_temporal: Temporal) -> None:
    own_temporal.kill()

    async def segment(workspace: str, run: str, lease: Lease) -> Rest:
        raise AssertionError("there is no Temporal")

    driver = TemporalDriver(own_temporal.url, nothing)
    await driver.open(segment)
    began = time.monotonic()
    await driver.close()
    assert time.monotonic() - began < 2.0
