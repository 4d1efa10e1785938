"""Flows are listed, saved without overwriting anybody, deleted and brought back."""

import asyncio

import pytest
from sqlalchemy import event, update
from sqlmodel import col

from runtime.errors import ConflictError, NotFoundError, OperatorError
from runtime.graph.flow import Default, Flow, Note, Retry, Step
from runtime.interpreter.events import RunState
from runtime.storage.database import Database
from runtime.storage.deployments import DeploymentStore
from runtime.storage.flows import KEPT_DELETED, FlowEntry, FlowStore
from runtime.storage.journal import SqlJournal
from runtime.storage.tables import FlowRow
from tests.storage.conftest import Clock
from tests.storage.samples import NASTY, done, flow, record


@pytest.fixture
def flows(database: Database, clock: Clock) -> FlowStore:
    return FlowStore(database, clock)


@pytest.fixture
def deployments(database: Database, clock: Clock) -> DeploymentStore:
    return DeploymentStore(database, clock)


@pytest.fixture
def journal(database: Database) -> SqlJournal:
    return SqlJournal(database)


async def test_what_is_created_is_listed_and_loaded(flows: FlowStore, clock: Clock) -> None:
    entry = await flows.create("w1", flow(), "me")
    assert entry == FlowEntry(entry.id, "Support desk", "", 1, 3, clock.at, clock.at)
    assert await flows.entries("w1") == [entry]
    stored = await flows.load("w1", entry.id)
    assert (stored.flow, stored.revision, stored.updated) == (flow(), 1, clock.at)


async def test_a_flow_comes_back_as_it_was(flows: FlowStore) -> None:
    whole = Flow(
        name=NASTY.strip()[:200],
        description=NASTY * 10,
        steps={
            "a": Step(
                kind="llm", title=NASTY, config={"text": NASTY, "n": [1, 2.5, None, True, {"x": NASTY}], NASTY: 1}
            ),
            "b": Step(kind="x", version=3, retry=Retry(times=2), timeout=1.5, on_error=Default(default={"a": None})),
            "c": Step(kind="x", on_error="port", config={"big": 10**30, "small": 1e-300}),
        },
        edges=("a.output -> b.input", "b.error -> c"),  # type: ignore[arg-type]
        layout={"a": (1.5, -2.0)},
        notes={"n": Note(text=NASTY)},
    )
    entry = await flows.create("w1", whole, "me")
    assert (await flows.load("w1", entry.id)).flow == whole
    listed = (await flows.entries("w1"))[0]
    assert (listed.name, listed.description, listed.steps) == (whole.name, whole.description, 3)


async def test_saving_derives_what_is_listed(flows: FlowStore, clock: Clock) -> None:
    entry = await flows.create("w1", flow(), "me")
    clock.at += 5
    assert await flows.save("w1", entry.id, flow("Renamed", 7), 1) == 2
    listed = (await flows.entries("w1"))[0]
    assert (listed.name, listed.steps, listed.revision) == ("Renamed", 7, 2)
    assert (listed.created, listed.updated) == (clock.at - 5, clock.at)


async def test_a_stale_save_changes_nothing(flows: FlowStore) -> None:
    entry = await flows.create("w1", flow(), "me")
    await flows.save("w1", entry.id, flow("first"), 1)
    for base in (1, 3, 0, -1):
        with pytest.raises(ConflictError) as raised:
            await flows.save("w1", entry.id, flow("second"), base)
        assert "revision 2" in raised.value.what
    stored = await flows.load("w1", entry.id)
    assert (stored.flow.name, stored.revision) == ("first", 2)


async def test_the_last_save_says_which_batch_it_was(flows: FlowStore) -> None:
    entry = await flows.create("w1", flow(), "me")
    assert await flows.last_batch("w1", entry.id) == ""
    await flows.save("w1", entry.id, flow("first"), 1, NASTY)
    with pytest.raises(ConflictError):
        await flows.save("w1", entry.id, flow("late"), 1, "late")
    assert await flows.last_batch("w1", entry.id) == NASTY
    await flows.save("w1", entry.id, flow("second"), 2)
    assert await flows.last_batch("w1", entry.id) == ""
    for workspace, id in (("w2", entry.id), ("w1", "nobody")):
        with pytest.raises(NotFoundError):
            await flows.last_batch(workspace, id)


async def test_of_many_who_save_at_once_one_wins_each_time(flows: FlowStore) -> None:
    entry = await flows.create("w1", flow(), "me")
    for revision in range(1, 6):
        saves = (flows.save("w1", entry.id, flow(f"by {number}"), revision) for number in range(8))
        results = await asyncio.gather(*saves, return_exceptions=True)
        winners = [number for number, result in enumerate(results) if result == revision + 1]
        assert len(winners) == 1
        assert sum(isinstance(result, ConflictError) for result in results) == 7
        assert (await flows.load("w1", entry.id)).flow.name == f"by {winners[0]}"


async def test_what_is_deleted_is_gone_and_comes_back(flows: FlowStore) -> None:
    entry = await flows.create("w1", flow(), "me")
    await flows.delete("w1", entry.id)
    assert await flows.entries("w1") == []
    for call in (
        flows.load("w1", entry.id),
        flows.save("w1", entry.id, flow(), 1),
        flows.delete("w1", entry.id),
        flows.duplicate("w1", entry.id, "copy", "me"),
    ):
        with pytest.raises(NotFoundError):
            await call
    await flows.restore("w1", entry.id)
    assert await flows.entries("w1") == [entry]
    with pytest.raises(NotFoundError):
        await flows.restore("w1", entry.id)


async def test_unknown_flows(flows: FlowStore) -> None:
    for id in ("", "nobody", "\x00", "a" * 10_000):
        with pytest.raises(NotFoundError):
            await flows.load("w1", id)
        with pytest.raises(NotFoundError):
            await flows.save("w1", id, flow(), 1)


async def test_a_copy_has_a_life_of_its_own(flows: FlowStore, clock: Clock) -> None:
    entry = await flows.create("w1", flow(), "me")
    clock.at += 1
    copy = await flows.duplicate("w1", entry.id, "Support desk (copy)" + "!" * 300, "you")
    assert copy.id != entry.id
    assert len(copy.name) == 200
    await flows.save("w1", copy.id, flow("Other", 1), 1)
    assert (await flows.load("w1", entry.id)).flow == flow()
    assert [each.id for each in await flows.entries("w1")] == [copy.id, entry.id]


async def test_the_list_tells_the_newest_run_and_deployment_in_one_query(
    flows: FlowStore, deployments: DeploymentStore, journal: SqlJournal, database: Database, clock: Clock
) -> None:
    first = await flows.create("w1", flow("first"), "me")
    second = await flows.create("w1", flow("second"), "me")
    await flows.create("w1", flow("third"), "me")
    await journal.keep(done("r1", flow=first.id, started=10.0), [])
    await journal.keep(done("r2", flow=first.id, started=30.0, state="failed"), [])
    await journal.keep(done("r3", flow=first.id, started=20.0), [])
    await journal.open(record("r4", flow=second.id, started=5.0))
    await journal.keep(done("r5", "w2", flow=first.id, started=99.0), [])
    for number in (1, 2):
        await deployments.publish("w1", first.id, "me")
        clock.at += 1
        await deployments.deploy("w1", first.id, f"slug-{number}", number)
    asked: list[str] = []
    event.listen(
        database._reader.sync_engine, "after_cursor_execute", lambda *given: asked.append(given[2]), named=False
    )
    listed = {entry.name: entry for entry in await flows.entries("w1")}
    assert len([statement for statement in asked if "SELECT" in statement and "flows" in statement]) == len(asked) == 1
    state: RunState = "failed"
    assert (listed["first"].last_run, listed["first"].last_run_at) == (state, 30.0)
    assert (listed["first"].slug, listed["first"].version) == ("slug-2", 2)
    assert (listed["second"].last_run, listed["second"].slug) == ("running", None)
    assert (listed["third"].last_run, listed["third"].last_run_at, listed["third"].version) == (None, None, None)
    await deployments.undeploy("w1", "slug-2")
    assert {entry.slug for entry in await flows.entries("w1")} == {"slug-1", None}


async def test_purging_removes_what_was_deleted_long_ago(
    flows: FlowStore, deployments: DeploymentStore, journal: SqlJournal, clock: Clock
) -> None:
    old, young, kept = [(await flows.create("w1", flow(name), "me")).id for name in ("old", "young", "kept")]
    await deployments.publish("w1", old, "me")
    await deployments.deploy("w1", old, "old", 1)
    await deployments.create_key("w1", "old", "key")
    for id in (old, young, kept):
        await journal.keep(done(f"run-{id}", flow=id), [])
    await flows.delete("w1", old)
    clock.at += KEPT_DELETED
    await flows.delete("w1", young)
    assert await flows.purge() == 0
    clock.at += 1
    assert await flows.purge() == 1
    assert await flows.purge() == 0
    with pytest.raises(NotFoundError):
        await flows.restore("w1", old)
    with pytest.raises(NotFoundError):
        await deployments.version("w1", old, 1)
    assert {each.flow for each in await journal.records("w1")} == {young, kept}
    await flows.restore("w1", young)


@pytest.mark.parametrize("document", ["{", "[]", '{"canevas": 99}', '{"canevas": 1, "steps": {"A B": {}}}'])
async def test_a_damaged_flow_says_so(flows: FlowStore, database: Database, document: str) -> None:
    entry = await flows.create("w1", flow(), "me")
    async with database.writing("w1") as scope:
        await scope.change(update(FlowRow).where(col(FlowRow.id) == entry.id).values(document=document))
    with pytest.raises(OperatorError) as raised:
        await flows.load("w1", entry.id)
    assert raised.value.where == entry.id
    assert len(await flows.entries("w1")) == 1
