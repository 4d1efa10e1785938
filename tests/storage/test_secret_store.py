"""Secrets are sealed in the database and never listed with their values."""

from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from runtime.errors import AuthorError, NotFoundError, OperatorError
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.scope import EVERYWHERE
from runtime.storage.secrets import SecretEntry, SecretStore
from runtime.storage.tables import SecretRow
from runtime.storage.vault import Vault
from tests.storage.conftest import Clock
from tests.storage.samples import NASTY

VALUE = "sk-ant-very-secret-4711"


@pytest.fixture
def secrets(database: Database, clock: Clock) -> SecretStore:
    return SecretStore(database, Vault(b"k" * 32), clock)


async def test_a_secret_is_set_read_changed_and_forgotten(secrets: SecretStore, clock: Clock) -> None:
    assert await secrets.get("w1", "anthropic") is None
    await secrets.set("w1", "anthropic", VALUE)
    first = clock.at
    clock.at += 10
    await secrets.set("w1", "anthropic", NASTY)
    await secrets.set("w1", "Zebra", "")
    assert await secrets.names("w1") == [
        SecretEntry("Zebra", clock.at, clock.at),
        SecretEntry("anthropic", first, clock.at),
    ]
    assert (await secrets.get("w1", "anthropic"), await secrets.get("w1", "Zebra")) == (NASTY, "")
    await secrets.delete("w1", "anthropic")
    assert await secrets.get("w1", "anthropic") is None
    with pytest.raises(NotFoundError):
        await secrets.delete("w1", "anthropic")


async def test_nothing_of_the_value_stands_in_the_database(secrets: SecretStore, settings: Settings) -> None:
    await secrets.set("w1", "anthropic", VALUE)
    assert VALUE not in str(await secrets.names("w1"))
    async with secrets._database.reading(EVERYWHERE) as scope:
        sealed = (await scope.rows(select(col(SecretRow.sealed))))[0][0]
    assert VALUE.encode() not in sealed
    for file in Path(settings.home).glob("canevas.db*"):
        assert VALUE.encode() not in file.read_bytes()


async def test_a_sealed_value_opens_only_where_it_belongs(secrets: SecretStore, database: Database) -> None:
    await secrets.set("w1", "anthropic", VALUE)
    async with database.reading("w1") as scope:
        sealed = (await scope.rows(select(col(SecretRow.sealed))))[0][0]
    await secrets.set("w1", "other", "x")
    await secrets.set("w2", "anthropic", "x")
    async with database.writing(EVERYWHERE) as scope:
        await scope.change(update(SecretRow).values(sealed=sealed))
    assert await secrets.get("w1", "anthropic") == VALUE
    for workspace, name in (("w1", "other"), ("w2", "anthropic")):
        with pytest.raises(OperatorError):
            await secrets.get(workspace, name)


async def test_another_master_key_says_so(secrets: SecretStore, database: Database) -> None:
    await secrets.set("w1", "anthropic", VALUE)
    with pytest.raises(OperatorError) as raised:
        await SecretStore(database, Vault(b"x" * 32)).get("w1", "anthropic")
    assert VALUE not in str(raised.value)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
async def test_names_that_cannot_be(secrets: SecretStore, name: str) -> None:
    with pytest.raises(AuthorError):
        await secrets.set("w1", name, VALUE)
    assert await secrets.names("w1") == []
