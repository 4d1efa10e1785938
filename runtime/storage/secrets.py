"""Secrets by name: sealed with a key that lives outside the database, and never listed with their values."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlmodel import col

from runtime.errors import AuthorError, NotFoundError
from runtime.storage.database import Database
from runtime.storage.tables import SecretRow
from runtime.storage.vault import Vault

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class SecretEntry:
    """That a secret exists. created, updated: seconds since the epoch."""

    name: str
    created: float
    updated: float


class SecretStore:
    """The secrets of every workspace."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], float] = time.time) -> None:
        self._database, self._vault, self._now = database, vault, now

    async def names(self, workspace: str) -> list[SecretEntry]:
        """Which secrets there are, by name."""
        wanted = select(col(SecretRow.name), col(SecretRow.created), col(SecretRow.updated))
        async with self._database.reading(workspace) as scope:
            return sorted((SecretEntry(*found) for found in await scope.rows(wanted)), key=lambda entry: entry.name)

    async def set(self, workspace: str, name: str, value: str) -> None:
        """Keep a secret, or change it. Raises AuthorError for a name that cannot be."""
        if not name.strip() or len(name) > _LONGEST_NAME:
            raise AuthorError("A secret needs a name of at most 200 characters", "name", "Name it after its service.")
        now = self._now()
        sealed = self._vault.seal(workspace, name, value)
        row = {"name": name, "sealed": sealed, "created": now, "updated": now}
        async with self._database.writing(workspace) as scope:
            await scope.put(SecretRow, row, kept=("created",))

    async def get(self, workspace: str, name: str) -> str | None:
        """The value, None when there is no such secret. Raises OperatorError when the master key is another one."""
        wanted = select(col(SecretRow.sealed)).where(col(SecretRow.name) == name)
        async with self._database.reading(workspace) as scope:
            found = await scope.first(wanted)
        return None if found is None else self._vault.open(workspace, name, found.sealed)

    async def delete(self, workspace: str, name: str) -> None:
        """Forget a secret. Raises NotFoundError."""
        async with self._database.writing(workspace) as scope:
            if await scope.change(delete(SecretRow).where(col(SecretRow.name) == name)) == 0:
                raise NotFoundError("No such secret in this workspace", name, "Look at the list of secrets.")
