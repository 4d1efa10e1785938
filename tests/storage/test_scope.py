"""One workspace cannot see, change or take anything of another: for every table, and for every store."""

from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy import Double, Integer, LargeBinary, Select, delete, func, insert, select, text, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from runtime.errors import NotFoundError
from runtime.storage.database import Database
from runtime.storage.deployments import DeploymentStore
from runtime.storage.flows import FlowStore
from runtime.storage.people import PeopleStore
from runtime.storage.scope import EVERYWHERE
from runtime.storage.secrets import SecretStore
from runtime.storage.tables import FlowRow, Row, RunRow, UseRow
from runtime.storage.vault import Vault
from tests.storage.samples import flow

# Those that others refer to first.
TABLES: list[Any] = sorted(Row.__subclasses__(), key=lambda table: Row.metadata.sorted_tables.index(table.__table__))


def test_every_table_belongs_to_a_workspace() -> None:
    assert {table.__table__ for table in TABLES} == set(Row.metadata.tables.values())
    for table in Row.metadata.tables.values():
        assert next(iter(table.primary_key.columns)).name == "workspace"


def sample(table: Any, workspace: str) -> dict[str, Any]:
    """A row that only this workspace has."""
    row: dict[str, Any] = {}
    for column in table.__table__.columns:
        if isinstance(column.type, LargeBinary):
            row[column.name] = workspace.encode()
        else:
            row[column.name] = 1 if isinstance(column.type, Integer | Double) else workspace
    return row


@pytest.fixture
async def both(database: Database) -> Database:
    """A database where two workspaces have a row in every table."""
    async with database.writing(EVERYWHERE) as scope:
        for table in TABLES:
            await scope.add(table, sample(table, "mine"), sample(table, "yours"))
    return database


async def test_reading_is_scoped(both: Database) -> None:
    async with both.reading("mine") as scope:

        async def seen(statement: Select[Any]) -> list[Any]:
            return [found[0] for found in await scope.rows(statement)]

        for table in TABLES:
            workspace, other = table.workspace, aliased(table)
            yours = select(workspace).where(workspace == "yours")
            assert await seen(select(workspace)) == ["mine"]
            assert await seen(select(other.workspace)) == ["mine"]
            assert await seen(yours) == []
            assert await seen(select(func.count()).select_from(table)) == [1]
            assert await seen(select(workspace).join(other, other.workspace != workspace)) == []
            outer = select(other.workspace).select_from(table).outerjoin(other, other.workspace == "yours")
            assert await seen(outer) == [None]
            assert await seen(select(yours.subquery().c.workspace)) == []
            assert await seen(select(yours.scalar_subquery())) == [None]
            assert await seen(select(workspace).where(yours.exists())) == []
            assert await seen(select(workspace).union_all(select(other.workspace))) == ["mine", "mine"]
            found = yours.cte()
            assert await seen(select(found.c.workspace)) == []
    async with both.reading("nobody's") as scope:
        for table in TABLES:
            assert await scope.rows(select(table.workspace)) == []


async def test_changing_is_scoped(both: Database) -> None:
    async with both.writing("mine") as scope:
        for table in reversed(TABLES):
            yours = table.workspace == "yours"
            assert await scope.change(update(table).where(yours).values(workspace="mine")) == 0
            assert await scope.change(delete(table).where(yours)) == 0
            assert [each[0] for each in await scope.rows(delete(table).returning(table.workspace))] == ["mine"]
    async with both.reading(EVERYWHERE) as scope:
        for table in TABLES:
            assert [each[0] for each in await scope.rows(select(table.workspace))] == ["yours"]


async def test_what_is_written_belongs_to_the_scope(both: Database) -> None:
    async with both.writing("other") as scope:
        for table in TABLES:
            row = {**sample(table, "other"), "workspace": "yours"}
            await scope.add(table, {**row, "slug": "another"} if "slug" in row else row)
            if table is UseRow:  # all of it is its key: there is nothing to overwrite
                await scope.ensure(table, row)
            else:
                await scope.put(table, {**row, "slug": "yet-another"} if "slug" in row else row)
    async with both.reading(EVERYWHERE) as scope:
        for table in TABLES:
            assert sorted(each[0] for each in await scope.rows(select(table.workspace))) == ["mine", "other", "yours"]


async def test_statements_that_cannot_be_scoped_are_refused(both: Database) -> None:
    table = FlowRow.__table__  # type: ignore[attr-defined]
    raw: list[Any] = [
        text("SELECT * FROM flows"),
        select(table),
        select(text("1")),
        update(table).values(name="x"),
        delete(table),
        insert(FlowRow).values(sample(FlowRow, "yours")),
    ]
    for statement in raw:
        async with both.writing("mine") as scope:
            with pytest.raises(TypeError):
                await scope.rows(statement)


async def test_a_scope_needs_a_workspace(database: Database) -> None:
    with pytest.raises(ValueError, match="workspace"):
        async with database.reading(""):
            pass
    with pytest.raises(TypeError):
        database.reading()  # type: ignore[call-arg]


async def test_no_text_means_everywhere(both: Database) -> None:
    for workspace in ("*", "everywhere", "EVERYWHERE", "%", "mine' OR '1'='1"):
        async with both.reading(workspace) as scope:
            assert await scope.rows(select(col(RunRow.id))) == []


async def refused(call: Awaitable[Any]) -> None:
    with pytest.raises(NotFoundError):
        await call


async def test_every_store_keeps_workspaces_apart(database: Database) -> None:
    flows, deployments = FlowStore(database), DeploymentStore(database)
    secrets, people = SecretStore(database, Vault(b"k" * 32)), PeopleStore(database)
    entry = await flows.create("mine", flow(), "me")
    await deployments.publish("mine", entry.id, "me")
    await deployments.deploy("mine", entry.id, "desk", 1)
    key, _ = await deployments.create_key("mine", "desk", "first")
    await secrets.set("mine", "token", "s3cret")
    await people.set_setting("mine", "hosts", ["intranet"])

    assert await flows.entries("yours") == []
    await refused(flows.load("yours", entry.id))
    await refused(flows.save("yours", entry.id, flow("stolen"), 1))
    await refused(flows.delete("yours", entry.id))
    await refused(flows.duplicate("yours", entry.id, "copy", "you"))
    await refused(deployments.publish("yours", entry.id, "you"))
    await refused(deployments.version("yours", entry.id, 1))
    await refused(deployments.deploy("yours", entry.id, "desk", 1))
    await refused(deployments.undeploy("yours", "desk"))
    assert await deployments.deployments("yours", entry.id) == []
    await refused(deployments.create_key("yours", "desk", "mine"))
    assert await deployments.keys("yours", "desk") == []
    await refused(deployments.revoke("yours", key.id))
    await deployments.note_use("yours", key.id)
    assert await secrets.names("yours") == []
    assert await secrets.get("yours", "token") is None
    await refused(secrets.delete("yours", "token"))
    assert await people.setting("yours", "hosts") is None

    await secrets.set("yours", "token", "other")
    await people.set_setting("yours", "hosts", [])
    assert (await flows.load("mine", entry.id)).flow == flow()
    assert [each.used for each in await deployments.keys("mine", "desk")] == [None]
    assert await secrets.get("mine", "token") == "s3cret"
    assert await people.setting("mine", "hosts") == ["intranet"]
    await flows.delete("mine", entry.id)
    await refused(flows.restore("yours", entry.id))
