"""The tables as migrated are the tables as declared, on both databases, whoever starts first."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from runtime.errors import OperatorError
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.tables import Row


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return [each for each in compare_metadata(context, Row.metadata) if "alembic_version" not in str(each)]


def indexes(connection: Connection) -> dict[str, Any]:
    """Of every table: indexes with their conditions, and what it refers to; alembic does not compare these."""
    inspector = inspect(connection)
    found = {}
    for table in Row.metadata.tables:
        kept = [
            (each["name"], each["column_names"], bool(each["unique"]), _condition(each))
            for each in inspector.get_indexes(table)
        ]
        keys = [
            (each["name"], each["constrained_columns"], each["referred_table"], each["options"].get("ondelete"))
            for each in inspector.get_foreign_keys(table)
        ]
        found[table] = sorted(kept), sorted(keys), inspector.get_pk_constraint(table)["constrained_columns"]
    return found


def _condition(index: Any) -> str:
    return str({name: str(value) for name, value in index.get("dialect_options", {}).items() if "where" in name})


async def test_migrated_is_declared(database: Database, settings: Settings) -> None:
    async with database._writer.connect() as connection:
        assert await connection.run_sync(differences) == []
        migrated = await connection.run_sync(indexes)
        await connection.rollback()
        await connection.run_sync(Row.metadata.drop_all)
        await connection.run_sync(Row.metadata.create_all)
        declared = await connection.run_sync(indexes)
        await connection.rollback()
    assert migrated == declared
    conditions = [index[3] for index in migrated["deployments"][0]]
    assert any("ended IS NULL" in condition for condition in conditions)


async def test_a_missing_column_is_noticed(database: Database) -> None:
    async with database._writer.begin() as connection:
        await connection.execute(text("ALTER TABLE flows DROP COLUMN author"))
        await connection.execute(text("DROP INDEX ix_runs_started"))
        assert len(await connection.run_sync(differences)) == 2


async def test_migrating_twice_is_no_harm(database: Database, settings: Settings) -> None:
    await database.migrate()
    again = await Database.connect(settings)
    await again.close()


async def test_two_processes_that_start_at_once(settings: Settings) -> None:
    opened = await asyncio.gather(*(Database.connect(settings) for _ in range(4)))
    async with opened[0]._writer.connect() as connection:
        assert await connection.run_sync(differences) == []
    await asyncio.gather(*(database.close() for database in opened))


async def test_a_database_of_a_newer_version(database: Database) -> None:
    async with database._writer.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OperatorError, match="another version"):
        await database.migrate()


async def test_a_migration_that_breaks_leaves_nothing(settings: Settings) -> None:
    database = Database(settings)
    if database.is_sqlite:
        Path(database.where).parent.mkdir(parents=True)
    async with database._writer.begin() as connection:
        await connection.execute(text("CREATE TABLE settings (mine INTEGER)"))
    with pytest.raises(Exception, match="settings"):
        await database.migrate()
    async with database._writer.connect() as connection:
        tables = await connection.run_sync(lambda inner: inspect(inner).get_table_names())
    assert tables == ["settings"]
    await database.close()
