"""Runs that wait: put away, answered, taken up by their time or by the next process, cancelled; on every journal."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from nodes.catalog import NODES
from runtime.driving.local import LocalDriver
from runtime.errors import ConflictError, NotFoundError
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.node import Context, Node
from runtime.graph.plan import Plan
from runtime.interpreter.events import (
    Event,
    RunCancelled,
    RunFailed,
    RunFinished,
    StepFinished,
    StepResumed,
)
from runtime.interpreter.journal import Durability, RunRecord
from runtime.interpreter.run import Run
from runtime.interpreter.runs import Runs
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start
from runtime.interpreter.waits import InvalidAnswer
from runtime.relay.relay import LocalRelay
from runtime.relay.watching import watch
from tests.storage.conftest import Clock
from tests.storage.reopened import Journal, Reopen, journal, kept, reopen

__all__ = ["journal", "kept", "reopen"]

ENTERED: list[str] = []
PROCESSES: list["Process"] = []
GATES: list[asyncio.Event] = []


class Enter(Node, effect="writes"):
    """Notes that it was entered."""

    async def run(self, context: Context, value: Any = None) -> Any:
        ENTERED.append(context.key.rpartition(":")[2])
        return value


class Hold(Node, effect="reads"):
    """Waits until the test lets it go."""

    async def run(self, value: Any = None) -> Any:
        await GATES[0].wait()
        return value


CATALOG = Catalog([*NODES, Enter, Hold])
ASK = {"kind": "ask_person", "config": {"title": "Ship it?", "fields": [{"name": "sum", "type": "number"}]}}
START = {"kind": "api_start", "config": {"fields": [{"name": "text", "required": False}]}}
YES = {"choice": "approve", "sum": 3}


def flow(*edges: str, **steps: Any) -> Flow:
    return Flow.model_validate({"name": "Waits", "steps": {"start": START, **steps}, "edges": edges})


PLAIN = flow("start.text -> before", "before.output -> ask", "ask.approve -> after.value",
             before={"kind": "enter"}, ask=ASK, after={"kind": "enter"})  # fmt: skip
EACH = flow(
    "start.text -> each",
    each={"kind": "for_each", "config": {"items": [1, 2, 3], "result": "{{ ask.approve.sum }}"}},
    ask={**ASK, "within": "each"},
)
BESIDE = flow("start.text -> ask", "start.text -> hold", ask=ASK, hold={"kind": "hold"})
CLEANS = flow("start.text -> guard", guard={"kind": "try"}, ask={**ASK, "within": "guard.body"},
              clean={"kind": "enter", "within": "guard.finally"})  # fmt: skip
EXPIRES = flow("start.text -> ask", ask={**ASK, "config": {**ASK["config"], "expires": 2, "unit": "hours"}})


class Process:
    """The runs of one process on a journal."""

    def __init__(self, journal: Journal, drawn: Flow, clock: Any = None) -> None:
        self.drawn = drawn
        given = {"clock": clock} if clock else {}
        self.relay = LocalRelay()
        self.driver = LocalDriver(journal, shared=True, **given)
        self.runs = Runs(
            journal,
            self.driver,
            lambda workspace: Services(None, None, None, None),
            plan_of=self._plan_of,
            elsewhere=lambda workspace, run, after: watch(
                self.relay, lambda seq: journal.events(workspace, run, seq), workspace, run, after, poll=0.05
            ),
            **given,
        )
        PROCESSES.append(self)

    async def _plan_of(self, record: RunRecord, pins: Mapping[str, int]) -> Plan:
        assert record.document == "as it was"
        return compile_flow(self.drawn, CATALOG)

    async def start(self, durability: Durability = "result") -> Run:
        plan = compile_flow(self.drawn, CATALOG)
        start = Start(plan, {}, "w1", "f1", "preview", document="as it was", durability=durability)
        run = self.runs.alive("w1", (await self.runs.begin(start)).id)
        assert run is not None
        return run

    async def open(self) -> "Process":
        """Begin to drive."""
        await self.runs.open()
        return self

    async def put_away(self) -> str:
        """A run that was started and waits by now."""
        await self.runs.open()
        run = (await self.start()).record.id
        await self.until(run, "waiting")
        return run

    async def until(self, run: str, state: str) -> RunRecord:
        async with asyncio.timeout(10):
            while (record := await self.runs.record("w1", run)).state != state or self.runs.alive("w1", run):
                await asyncio.sleep(0.005)
        return record

    async def events(self, run: str) -> list[Event]:
        async with asyncio.timeout(10):
            return [event async for event in self.runs.watch("w1", run)]


@pytest.fixture(autouse=True)
async def fresh() -> AsyncIterator[None]:
    ENTERED.clear()
    GATES[:] = [asyncio.Event()]
    yield
    while PROCESSES:
        await PROCESSES.pop().runs.close()


async def test_a_run_that_waits_is_put_away_and_an_answer_takes_it_up(journal: Journal) -> None:
    process = Process(journal, PLAIN)
    run = await process.put_away()
    assert process.runs.alive("w1", run) is None
    record = await journal.record("w1", run)
    assert [(wait.step, wait.request["title"]) for wait in record.waits if wait.request] == [("ask", "Ship it?")]
    assert record.wake is None
    assert [(each.id, wait.step) for each, wait in await process.runs.asked("w1")] == [(run, "ask")]
    assert await process.runs.asked("w2") == []
    await process.runs.answer_pause("w1", run, "ask", YES, "Ada")
    record = await process.until(run, "done")
    assert (record.waits, record.wake, record.steps) == ((), None, 4)
    events = await journal.events("w1", run)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [(e.value, e.by) for e in events if isinstance(e, StepResumed)] == [(YES, "Ada")]
    assert ENTERED == ["before", "after"]
    assert await process.runs.asked("w1") == []


async def test_the_next_process_goes_on(reopen: Reopen) -> None:
    run = await Process(await reopen(), EACH).put_away()
    for step in ("each[1]/ask", "each[0]/ask", "each[2]/ask"):
        process = await Process(await reopen(), EACH).open()
        await process.runs.answer_pause("w1", run, step, {"choice": "approve", "sum": ord(step[5])})
        await process.until(run, "done" if step == "each[2]/ask" else "waiting")
        await process.runs.close()
    ending = (await process.events(run))[-1]
    assert isinstance(ending, RunFinished)
    assert ending.output["output"] == [48, 49, 50]


async def test_a_wrong_answer_names_its_field_and_the_run_waits_on(journal: Journal) -> None:
    process = Process(journal, PLAIN)
    run = await process.put_away()
    for value, field in (({"choice": "approve", "sum": "x"}, "/sum"), ({"sum": 1}, "/choice"), (None, "")):
        with pytest.raises(InvalidAnswer) as told:
            await process.runs.answer_pause("w1", run, "ask", value)
        assert told.value.errors[0].field == field
    assert (await journal.record("w1", run)).state == "waiting"
    await process.runs.answer_pause("w1", run, "ask", YES)
    await process.until(run, "done")


@pytest.mark.parametrize("pause", [0.0, 0.01])
async def test_of_two_answers_one_counts(journal: Journal, pause: float) -> None:
    process = Process(journal, PLAIN)
    run = await process.put_away()

    async def answer(number: int) -> None:
        await asyncio.sleep(number * pause)
        await process.runs.answer_pause("w1", run, "ask", {**YES, "sum": number})

    results = await asyncio.gather(*(answer(number) for number in range(4)), return_exceptions=True)
    assert results[0] is None
    assert [type(result) for result in results[1:]] == [ConflictError] * 3
    await process.until(run, "done")
    with pytest.raises(ConflictError):
        await answer(5)
    with pytest.raises(NotFoundError):
        await process.runs.answer_pause("w2", run, "ask", YES)
    with pytest.raises(NotFoundError):
        await process.runs.answer_pause("w1", "nobody", "ask", YES)


async def test_of_two_processes_one_takes_the_answer(journal: Journal) -> None:
    run = await Process(journal, PLAIN).put_away()
    processes = [await Process(journal, PLAIN).open() for _ in range(3)]
    results = await asyncio.gather(
        *(process.runs.answer_pause("w1", run, "ask", YES) for process in processes), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["ConflictError"] * 2 + ["NoneType"]
    await processes[results.index(None)].until(run, "done")
    assert ENTERED == ["before", "after"]


async def test_answers_come_while_the_run_is_being_put_away(journal: Journal) -> None:
    process = await Process(journal, PLAIN).open()
    for turns in range(12):
        run = await process.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while not run.waits:
                await run.changed()
        answers = (process.runs.answer_pause("w1", run.record.id, "ask", YES) for _ in range(2))
        results = await asyncio.gather(*answers, return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["ConflictError", "NoneType"]
        await process.until(run.record.id, "done")
        events = await journal.events("w1", run.record.id)
        assert sum(isinstance(event, StepResumed) for event in events) == 1


async def test_one_branch_waits_while_another_runs(journal: Journal) -> None:
    process = await Process(journal, BESIDE).open()
    run = await process.start()
    async with asyncio.timeout(10):
        while not run.waits:
            await run.changed()
    assert run.record.state == "running"
    assert [wait.step for _, wait in await process.runs.asked("w1")] == ["ask"]
    with pytest.raises(InvalidAnswer):
        await process.runs.answer_pause("w1", run.record.id, "ask", {"sum": 1})
    await process.runs.answer_pause("w1", run.record.id, "ask", YES)
    with pytest.raises(ConflictError):
        await process.runs.answer_pause("w1", run.record.id, "ask", YES)
    GATES[0].set()
    await process.until(run.record.id, "done")


async def test_who_watches_a_run_that_waits_sees_it_go_on(journal: Journal) -> None:
    process = Process(journal, PLAIN)
    run = await process.put_away()
    watching = [asyncio.create_task(process.events(run)) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in watching)
    await process.runs.answer_pause("w1", run, "ask", YES)
    first, second = await asyncio.gather(*watching)
    assert first == second == list(await process.runs.so_far("w1", run))
    assert isinstance(first[-1], RunFinished)


async def test_a_run_goes_on_when_its_time_is_over_also_after_a_restart(reopen: Reopen, clock: Clock) -> None:
    process = Process(await reopen(), EXPIRES, clock)
    run = await process.put_away()
    assert (await process.runs.record("w1", run)).wake == clock.at + 7200
    await process.runs.close()
    process = Process(await reopen(), EXPIRES, clock)
    await process.open()
    await asyncio.sleep(0.05)
    assert (await process.runs.record("w1", run)).state == "waiting"
    await process.runs.close()
    clock.at += 7201
    journal = await reopen()
    processes = [Process(journal, EXPIRES, clock) for _ in range(2)]  # both see that it is time
    await asyncio.gather(*(process.open() for process in processes))
    await processes[0].until(run, "done")
    for process in processes:
        await process.runs.close()
    events = await journal.events("w1", run)
    assert [event.late for event in events if isinstance(event, StepResumed)] == [True]
    assert [event.output for event in events if isinstance(event, StepFinished) and event.step == "ask"] == [
        {"expired": None}
    ]


async def died(journal: Journal, run: str, step: str) -> None:
    """As if a process had taken an answer and died at once."""
    record, past = await journal.record("w1", run), await journal.events("w1", run)
    resumed = StepResumed(past[-1].seq + 1, past[-1].at, step, YES, "Ada")
    await journal.close(replace(record, state="running", waits=(), wake=None), [resumed])


async def test_a_run_whose_process_died_goes_on_in_the_next_one(reopen: Reopen) -> None:
    run = await Process(await reopen(), EACH).put_away()
    journal = await reopen()
    await died(journal, run, "each[1]/ask")
    process = await Process(journal, EACH).open()
    record = await process.until(run, "waiting")
    assert [wait.step for wait in record.waits] == ["each[0]/ask", "each[2]/ask"]
    for step in ("each[0]/ask", "each[2]/ask"):
        await process.runs.answer_pause("w1", run, step, YES)
    await process.until(run, "done")
    await process.runs.close()
    ending = (await journal.events("w1", run))[-1]
    assert isinstance(ending, RunFinished)
    assert ending.output == {"failed": 0, "output": [3, 3, 3]}


async def test_a_run_that_cannot_go_on_after_its_process_died_has_failed(journal: Journal) -> None:
    run = await Process(journal, PLAIN).put_away()
    await died(journal, run, "ask")
    process = await Process(journal, flow("nobody.text -> start")).open()  # of which no plan can be made
    record = await process.until(run, "failed")
    assert "nobody" in record.error
    events = await journal.events("w1", run)
    assert isinstance(events[-1], RunFailed)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert ENTERED == ["before"]


async def test_an_answer_after_the_time_but_before_the_timer_counts(journal: Journal, clock: Clock) -> None:
    process = Process(journal, EXPIRES, clock)
    run = await process.put_away()
    await process.runs.answer_pause("w1", run, "ask", YES)
    await process.until(run, "done")
    clock.at += 7201
    await process.driver.drive(replace(await journal.record("w1", run), state="waiting"))  # an alarm set before
    await process.runs.close()
    assert sum(isinstance(event, StepResumed) for event in await journal.events("w1", run)) == 1


async def test_a_waiting_run_that_is_cancelled_cleans_up(reopen: Reopen) -> None:
    run = await Process(await reopen(), CLEANS).put_away()
    process = await Process(await reopen(), CLEANS).open()
    await process.runs.cancel("w1", run, "enough")
    record = await process.until(run, "cancelled")
    assert ENTERED == ["guard.finally/clean"]
    assert record.waits == ()
    ending = (await process.events(run))[-1]
    assert isinstance(ending, RunCancelled)
    assert ending.reason == "enough"
    for refused in (
        process.runs.cancel("w1", run),
        process.runs.cancel("w1", "nobody"),
        process.runs.cancel("w2", run),
    ):
        with pytest.raises(NotFoundError):
            await refused


async def test_closing_leaves_what_waits(journal: Journal) -> None:
    process = Process(journal, PLAIN)
    run = await process.put_away()
    watching = asyncio.create_task(process.events(run))
    await asyncio.sleep(0.5)
    await process.runs.close()
    await process.relay.close()
    seen = await asyncio.wait_for(watching, 5)
    assert isinstance(seen[-1], Event)
    assert not isinstance(seen[-1], RunCancelled)
    assert (await journal.record("w1", run)).state == "waiting"


async def test_a_run_whose_flow_cannot_be_had_has_failed_and_says_why(journal: Journal) -> None:
    run = await Process(journal, PLAIN).put_away()
    driver = LocalDriver(journal)
    lost = Runs(journal, driver, lambda workspace: Services(None, None, None, None))
    await lost.open()
    await lost.answer_pause("w1", run, "ask", YES)
    async with asyncio.timeout(10):
        while (record := await journal.record("w1", run)).state != "failed":
            await asyncio.sleep(0.005)
    await lost.close()
    assert "not known here" in record.error
    ending = (await journal.events("w1", run))[-1]
    assert isinstance(ending, RunFailed)
    assert ENTERED == ["before"]
