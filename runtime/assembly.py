"""Settings and a catalog make a runtime: the one place that joins the parts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from runtime.errors import CallerError, OperatorError
from runtime.graph.catalog import Catalog
from runtime.graph.check import check_reading, missing_secrets, needs
from runtime.graph.flow import Flow
from runtime.graph.plan import BrokenFlow, compile_reading
from runtime.graph.problems import Problem, errors
from runtime.graph.reading import Reading, read_flow
from runtime.interpreter.events import Event
from runtime.interpreter.journal import Journal, Source
from runtime.interpreter.mask import Mask
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs, Start
from runtime.interpreter.sandbox import Sandbox
from runtime.interpreter.services import Services
from runtime.llm.models import Models
from runtime.outbound.client import GuardedHttp
from runtime.serving.schemas import Schema
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.deployments import DeploymentStore
from runtime.storage.flows import FlowStore
from runtime.storage.journal import SqlJournal
from runtime.storage.people import PeopleStore
from runtime.storage.secrets import SecretStore
from runtime.storage.vault import Vault, load_or_create_key

Secret = Callable[[str, str], Awaitable[str | None]]  # workspace, name -> value


class InvalidInput(CallerError):
    """A run was given what its start does not take. fields: what is wrong, by field."""

    def __init__(self, start: str, fields: dict[str, str]) -> None:
        told = "; ".join(f"`{field}` {detail}" if field else f"it {detail}" for field, detail in fields.items())
        super().__init__(f"The input does not fit: {told}", start, "Give what the start asks for.")
        self.fields = fields


class Workbench:
    """What flows run with, without storage: models, the guarded client, the sandbox, masks and runs.

    secret: reads a secret of a workspace. Whatever was read is masked from then on in every run of that workspace.
    """

    def __init__(self, settings: Settings, catalog: Catalog, journal: Journal, secret: Secret) -> None:
        self.settings, self.catalog = settings, catalog
        self._secret = secret
        self._masks: dict[str, Mask] = {}
        self._models: dict[str, Models] = {}
        self.http = GuardedHttp(settings.allowed_hosts)
        self.sandbox = Sandbox()
        self.runs = Runs(journal, self.services, self._masked)

    def models(self, workspace: str) -> Models:
        """The models of a workspace; they answer with its keys."""
        if workspace not in self._models:
            self._models[workspace] = Models(self.settings, lambda name: self._read(workspace, name))
        return self._models[workspace]

    def services(self, workspace: str) -> Services:
        """What a workspace lends to its runs."""

        async def secret(name: str) -> str:
            value = await self._read(workspace, name)
            if value is None:
                raise OperatorError(f"There is no secret `{name}`", mend="Add it in Settings.")
            return value

        return Services(self.models(workspace), self.http, secret, self.sandbox)

    async def prepare(
        self, workspace: str, flow: Flow, given: dict[str, Any], *, source: Source, trigger: str = "", id: str = ""
    ) -> Start:
        """A run of a draft, ready to be started: nothing runs before everything it needs is there.

        Raises: BrokenFlow with every problem, InvalidInput with every field, AuthorError for an unknown start.
        """
        reading = read_flow(flow, self.catalog)
        if problems := await self.errors(workspace, reading):
            raise BrokenFlow(problems)
        plan = compile_reading(reading)
        start = plan.trigger(trigger)
        if misfits := Schema(plan.accepts(start)).misfits(given):
            raise InvalidInput(start, {error.field.lstrip("/"): error.detail for error in misfits})
        document = msgspec.json.encode(flow.model_dump(mode="json")).decode()
        return Start(plan, given, workspace, id, source, trigger=start, document=document)

    async def errors(self, workspace: str, reading: Reading) -> list[Problem]:
        """Everything that keeps a flow from running, in itself and around it."""
        return errors([*check_reading(reading), *await self.what_is_missing(workspace, reading)])

    async def what_is_missing(self, workspace: str, reading: Reading) -> list[Problem]:
        """What keeps a right flow from running now: a secret or a model that is not there."""
        named = {name for _, _, name in needs(reading, "secret")}
        known = {name for name in named if await self._read(workspace, name) is not None}
        return [*missing_secrets(reading, known), *await self._missing_models(workspace, reading)]

    async def _missing_models(self, workspace: str, reading: Reading) -> list[Problem]:
        problems = []
        models = self.models(workspace)
        for step, field, name in needs(reading, "model"):
            if error := await models.ready(name):
                params = {"detail": error.what.rstrip(".") + ".", "mend": error.mend}
                problems.append(Problem("model_not_ready", step, field, params=params))
        return problems

    async def close(self) -> None:
        """End what runs, and every process and connection that was opened for it."""
        await self.runs.close()
        for models in self._models.values():
            await models.close()
        await self.http.close()
        await self.sandbox.close()

    async def _read(self, workspace: str, name: str) -> str | None:
        value = await self._secret(workspace, name)
        if value:
            self._masks.setdefault(workspace, Mask()).add(name, value)
        return value

    def _masked(self, workspace: str, event: Event) -> Event:
        mask = self._masks.get(workspace)
        if mask is None:
            return event
        plain: Any = msgspec.to_builtins(event)
        hidden = mask.hide(plain)
        return event if hidden == plain else msgspec.convert(hidden, type(event))


class Runtime(Workbench):
    """Everything of one installation, with its storage. Made by `open_runtime`."""

    def __init__(self, settings: Settings, catalog: Catalog, database: Database) -> None:
        self.database = database
        self.flows = FlowStore(database)
        self.deployments = DeploymentStore(database)
        self.people = PeopleStore(database)
        self.secrets = SecretStore(database, Vault(load_or_create_key(settings.home / "master.key")))
        self.journal = SqlJournal(database)
        super().__init__(settings, catalog, self.journal, self.secrets.get)

    async def ready(self, workspace: str, flow: Flow) -> list[Problem]:
        """See `what_is_missing`, for a flow by itself; the public API asks."""
        return await self.what_is_missing(workspace, read_flow(flow, self.catalog))

    async def close(self) -> None:
        """End what runs, write what is to be kept, close the database."""
        await super().close()
        await self.database.close()


@asynccontextmanager
async def open_runtime(settings: Settings, catalog: Catalog) -> AsyncIterator[Runtime]:
    """A runtime on its migrated database; closed at the end. Raises: OperatorError."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = await Database.connect(settings)
    try:
        runtime = Runtime(settings, catalog, database)
        await runtime.flows.purge()
    except BaseException:
        await database.close()
        raise
    try:
        yield runtime
    finally:
        await runtime.close()


@asynccontextmanager
async def open_workbench(settings: Settings, catalog: Catalog, secret: Secret) -> AsyncIterator[Workbench]:
    """What runs a flow file without storage: the command line and tests."""
    workbench = Workbench(settings, catalog, MemoryJournal(), secret)
    try:
        yield workbench
    finally:
        await workbench.close()
