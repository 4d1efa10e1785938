"""Large values in the journal: kept once, shared by the runs of a workspace, gone with the last, and always whole."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from nodes.catalog import NODES
from runtime.errors import ConflictError
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.interpreter.events import Durable, RunFinished, StepDelta, StepFinished, StepStarted
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services
from runtime.storage.database import Database
from runtime.storage.flows import KEPT_DELETED, FlowStore
from runtime.storage.journal import SqlJournal
from runtime.storage.scope import EVERYWHERE
from runtime.storage.tables import EntryRow, UseRow, ValueRow
from tests.storage.conftest import Clock
from tests.storage.reopened import Journal, Reopen, journal, kept, reopen
from tests.storage.samples import NASTY, done, every_kind, five_steps, flow, record

__all__ = ["journal", "kept", "reopen"]

MEGABYTE = "é🦜 ab" * 100_000
MIXED = {"text": MEGABYTE, "rows": [{"n": n, "é": None} for n in range(9_000)], "deep": [[{"a": "x" * 70_000}], 1]}


def handed_on(text: str) -> list[Durable]:
    """A run of five steps that hand one text on."""
    events = five_steps(text)
    return [StepFinished(e.seq, e.at, e.step, {"output": text}) if isinstance(e, StepFinished) else e for e in events]


async def values(database: Database) -> list[tuple[str, int]]:
    """Workspace and bytes of every value that is kept."""
    wanted = select(col(ValueRow.workspace), func.length(col(ValueRow.body))).order_by(col(ValueRow.workspace))
    async with database.reading(EVERYWHERE) as scope:
        return [(workspace, size) for workspace, size in await scope.rows(wanted)]


async def count(database: Database, table: Any, size: Any = None) -> int:
    async with database.reading(EVERYWHERE) as scope:
        return (await scope.rows(select(func.count() if size is None else size).select_from(table)))[0][0] or 0


# --- every journal -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [MEGABYTE, [MEGABYTE] * 3, MIXED, {NASTY: [NASTY * 9_000]}, "x" * 65_534, "x" * 65_535]
)
async def test_large_values_come_back_as_they_were(reopen: Reopen, value: Any) -> None:
    events, journal = every_kind(value), await reopen()
    await journal.keep(done("whole"), events)
    await journal.open(record("piecemeal"))
    for event in events[:-1]:
        await journal.append("w1", "piecemeal", [event])
    await journal.close(done("piecemeal"), events[-1:])
    journal = await reopen()
    for after in (0, 4, len(events) - 1, len(events)):
        assert await journal.events("w1", "whole", after) == events[after:]
        assert await journal.events("w1", "piecemeal", after) == events[after:]


async def test_what_only_looks_like_a_reference_comes_back(journal: Journal) -> None:
    fake = {"sha256": "0" * 64, "bytes": 100_000, "kind": "text", "begins": "x"}
    events = every_kind({"fake": fake, "kept": [["output", "output", "fake"]], "text": MEGABYTE, "fakes": [fake] * 600})
    await journal.keep(done(), events)
    assert await journal.events("w1", "r1") == events


async def test_readers_do_not_change_what_was_said(journal: Journal) -> None:
    events = every_kind(MIXED)
    await journal.keep(done(), events)
    for event in await journal.events("w1", "r1"):
        if isinstance(event, StepFinished):
            event.output["output"]["rows"].clear()
    assert await journal.events("w1", "r1") == events


DRAWN = Flow.model_validate(
    {
        "name": "Large",
        "steps": {
            "start": {"kind": "api_start", "config": {"fields": [{"name": "text"}, {"name": "rows", "type": "list"}]}},
            "each": {"kind": "for_each", "config": {"items": "{{ start.rows }}"}},
            "say": {"kind": "template", "within": "each", "config": {"template": "{{ start.text }} {{ each.item }}"}},
            "answer": {"kind": "answer", "config": {"value": "{{ each.output }}"}},
        },
        "edges": ["each.output -> answer"],
    }
)


async def test_a_run_with_large_values_goes_on_after_every_cut(reopen: Reopen) -> None:
    plan = compile_flow(DRAWN, Catalog(NODES))

    async def told(past: list[Durable]) -> list[Durable]:
        given = None if past else {"text": "é" * 50_000, "rows": [1, "x" * 70_000]}
        execution = Execution(plan, Services(None, None, None, None), given, trigger="start", run="r1", past=past)
        return [e async for batch in execution.batches() for e in batch if not isinstance(e, StepDelta)]

    whole = await told([])
    assert isinstance(whole[-1], RunFinished), whole[-1]
    for cut in range(1, len(whole)):
        run, journal = f"cut_{cut}", await reopen()
        await journal.open(record(run))
        await journal.append("w1", run, whole[:cut])
        journal = await reopen()
        past = await journal.events("w1", run)
        rest = await told(past)
        assert rest[-1].output == whole[-1].output  # type: ignore[union-attr]
        finished = {event.step for event in past if isinstance(event, StepFinished)}
        assert not finished & {event.step for event in rest if isinstance(event, StepStarted | StepFinished)}
        await journal.append("w1", run, rest)
        assert await journal.events("w1", run) == [*whole[:cut], *rest]


# --- what the database holds ---------------------------------------------------------------------------------------


async def test_a_text_that_five_steps_hand_on_is_kept_once(database: Database) -> None:
    journal = SqlJournal(database)
    await journal.keep(done(), handed_on(MEGABYTE))
    assert await values(database) == [("w1", len(MEGABYTE.encode()) + 2)]
    assert await count(database, EntryRow, func.sum(func.length(col(EntryRow.body)))) < 12_000


async def test_also_when_each_event_is_written_by_itself(database: Database) -> None:
    journal = SqlJournal(database)
    await journal.open(record())
    for event in handed_on(MEGABYTE):
        await journal.append("w1", "r1", [event])
    assert len(await values(database)) == 1
    assert await count(database, UseRow) == 1


async def test_runs_share_what_they_keep_and_workspaces_do_not(database: Database) -> None:
    journal = SqlJournal(database)
    await asyncio.gather(*(journal.keep(done(f"r{number}"), handed_on(MEGABYTE)) for number in range(20)))
    await journal.keep(done("later"), handed_on(MEGABYTE))
    await journal.keep(done("r1", "w2"), handed_on(MEGABYTE))
    assert [workspace for workspace, _ in await values(database)] == ["w1", "w2"]
    assert await count(database, UseRow) == 22


async def test_ordinary_runs_keep_nothing_beside_their_entries(database: Database) -> None:
    await SqlJournal(database).keep(done(), [*five_steps("x" * 10_000)])
    assert await values(database) == []
    assert await count(database, EntryRow, func.sum(func.length(col(EntryRow.body)))) > 100_000


async def test_what_is_refused_leaves_no_value(database: Database) -> None:
    journal, events = SqlJournal(database), handed_on(MEGABYTE)
    await journal.keep(done("r1"), five_steps())
    for refused in (journal.keep(done("r1"), events), journal.append("w1", "r1", events)):
        with pytest.raises(ConflictError):
            await refused
    results = await asyncio.gather(
        *(journal.keep(done(run), events) for run in ("r2", "r1", "r3")), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == ["NoneType", "ConflictError", "NoneType"]
    assert len(await values(database)) == 1
    assert await count(database, UseRow) == 2


async def test_a_value_goes_with_the_last_run_that_refers_to_it(database: Database, clock: Clock) -> None:
    flows, journal = FlowStore(database, clock), SqlJournal(database)
    first, second = [(await flows.create("w1", flow(), "me")).id for _ in range(2)]
    own, shared = handed_on("only the first's" * 10_000), handed_on(MEGABYTE)
    await journal.keep(done("a", flow=first), own)
    await journal.keep(done("b", flow=first), shared)
    await journal.keep(done("c", flow=second), shared)
    await journal.keep(done("a", "w2", flow="other"), own)
    assert len(await values(database)) == 3

    async def purge(id: str) -> None:
        await flows.delete("w1", id)
        clock.at += KEPT_DELETED + 1
        assert await flows.purge() == 1

    await purge(first)
    assert await journal.events("w1", "c") == shared
    assert [workspace for workspace, _ in await values(database)] == ["w1", "w2"]
    await purge(second)
    assert [workspace for workspace, _ in await values(database)] == ["w2"]
    assert await count(database, UseRow) == 1
    assert await journal.events("w2", "a") == own


async def test_who_removes_values_is_waited_for_by_who_relies_on_them(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("there, every writer is alone")
    journal = SqlJournal(database)
    async with database.writing(EVERYWHERE) as scope:
        await scope.wait_alone()  # as `purge` does
        await journal.keep(done("small"), five_steps())
        large = journal.keep(done("large"), handed_on(MEGABYTE))
        ended, _ = await asyncio.wait({large}, timeout=0.3)
        assert not ended
    await large
    assert len(await values(database)) == 1
