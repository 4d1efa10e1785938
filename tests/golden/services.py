"""The real services that steps are lent, for tests that run flows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from nodes.catalog import builtin
from runtime.interpreter.services import Services
from runtime.settings import Settings
from runtime.workbench import open_workbench


@asynccontextmanager
async def services(secrets: Mapping[str, str] | None = None, **settings: Any) -> AsyncIterator[Services]:
    """Models, guarded client and sandbox as the product wires them; weights from where the environment says."""
    known = secrets or {}

    async def secret(workspace: str, name: str) -> str | None:
        return known.get(name)

    async with open_workbench(replace(Settings.from_environment(), **settings), builtin(), secret) as workbench:
        yield workbench.services("home")
