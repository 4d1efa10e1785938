"""The real services that steps are lent, for tests that run flows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from runtime.errors import OperatorError
from runtime.interpreter.engine import Services
from runtime.interpreter.sandbox import Sandbox
from runtime.llm.models import Models
from runtime.outbound.client import GuardedHttp
from runtime.settings import Settings


@asynccontextmanager
async def services(secrets: Mapping[str, str] | None = None, **settings: object) -> AsyncIterator[Services]:
    """Models, guarded client and sandbox as the product wires them; weights from where the environment says."""
    known = secrets or {}
    chosen = replace(Settings.from_environment(), **settings)

    async def find(name: str) -> str | None:
        return known.get(name)

    async def need(name: str) -> str:
        if name not in known:
            raise OperatorError(f"There is no secret named `{name}`", name, "Add it in Settings.")
        return known[name]

    models, http, sandbox = Models(chosen, find), GuardedHttp(chosen.allowed_hosts), Sandbox()
    try:
        yield Services(llm=models, http=http, secret=need, sandbox=sandbox)
    finally:
        await models.close()
        await http.close()
        await sandbox.close()
