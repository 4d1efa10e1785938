"""The limits of workspaces: how many runs may go on at once or start in a time, and which deployments are paused."""

import re
from collections.abc import Mapping

import msgspec
from sqlalchemy import select
from sqlmodel import col

from runtime.errors import AuthorError
from runtime.interpreter.turns import Limit, Limits, Paused
from runtime.storage.database import Database
from runtime.storage.scope import EVERYWHERE
from runtime.storage.tables import DeploymentRow, SettingRow

_KEY = "limits"
_NAME = re.compile(r"workspace\Z|(queue|deployment|provider):[A-Za-z0-9_.-]{1,100}\Z")


class LimitStore:
    """Limits, by workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, workspace: str, limits: Mapping[str, Limit]) -> None:
        """What holds from now on, in place of what held before. Raises: AuthorError for what cannot hold."""
        for name, limit in limits.items():
            _check(name, limit)
        value = {name: msgspec.to_builtins(limit) for name, limit in limits.items()}
        async with self._database.writing(workspace) as scope:
            await scope.put(SettingRow, {"key": _KEY, "value": value})

    async def get(self, workspace: str) -> dict[str, Limit]:
        """What holds for a workspace, by name: `workspace`, `queue:mail`, `deployment:<slug>`, `provider:<name>`."""
        return {name: limit for (_, name), limit in (await self._limits(workspace)).items()}

    async def all(self) -> tuple[Limits, Paused]:
        """What holds anywhere."""
        paused = select(col(DeploymentRow.workspace), col(DeploymentRow.slug)).where(
            col(DeploymentRow.paused).is_not(None), col(DeploymentRow.ended).is_(None)
        )
        async with self._database.reading(EVERYWHERE) as scope:
            found = await scope.rows(paused)
        return await self._limits(), frozenset((row.workspace, row.slug) for row in found)

    async def _limits(self, workspace: str = "") -> Limits:
        wanted = select(col(SettingRow.workspace), col(SettingRow.value)).where(col(SettingRow.key) == _KEY)
        async with self._database.reading(workspace or EVERYWHERE) as scope:
            found = await scope.rows(wanted)
        return {
            (row.workspace, name): msgspec.convert(limit, Limit) for row in found for name, limit in row.value.items()
        }


def _check(name: str, limit: Limit) -> None:
    if not _NAME.match(name):
        mend = "Write `workspace`, `queue:<name>`, `deployment:<slug>` or `provider:<name>`."
        raise AuthorError(f"{name[:80]!r} is nothing that has a limit", "limits", mend)
    wrong = [each for each in (limit.at_once, limit.starts) if each is not None and each < 1] or limit.per <= 0
    if wrong:
        raise AuthorError("A limit is a whole number from 1 on, or empty", name, "To let nothing start, pause it.")
