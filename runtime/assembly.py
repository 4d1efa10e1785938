"""Settings and a catalog make a runtime: the one place that joins the parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.errors import CallerError, OperatorError
from runtime.graph.catalog import Catalog
from runtime.graph.check import check_reading, missing_secrets, needs
from runtime.graph.flow import Flow
from runtime.graph.plan import BrokenFlow, compile_reading
from runtime.graph.problems import Problem, errors
from runtime.graph.reading import Reading, read_flow
from runtime.interpreter.events import Event, encode
from runtime.interpreter.journal import Journal, Source
from runtime.interpreter.mask import Mask
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs, Start
from runtime.interpreter.sandbox import Sandbox
from runtime.interpreter.services import Services
from runtime.outbound.lent import LentHttp
from runtime.serving.schemas import Schema
from runtime.settings import Settings

if TYPE_CHECKING:  # imported where they are first needed: a flow from a file runs without storage, which takes long
    from runtime.llm.models import Models
    from runtime.storage.database import Database

_MOST_READINGS = 256

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
        self._escaped: set[str] = set()  # workspaces with a secret that JSON does not write as it stands
        self._lent: dict[str, Services] = {}
        self._models: dict[str, Models] = {}
        self.http = LentHttp(settings.allowed_hosts)
        self.sandbox = Sandbox()
        self.runs = Runs(journal, self.services, self._masked)

    def models(self, workspace: str) -> "Models":
        """The models of a workspace; they answer with its keys."""
        if workspace not in self._models:
            from runtime.llm.models import Models

            self._models[workspace] = Models(self.settings, lambda name: self._read(workspace, name))
        return self._models[workspace]

    def services(self, workspace: str) -> Services:
        """What a workspace lends to its runs."""
        if workspace not in self._lent:
            self._lent[workspace] = self._lend(workspace)
        return self._lent[workspace]

    def _lend(self, workspace: str) -> Services:
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
        # In threads: a flow of ten thousand steps takes seconds.
        reading = await asyncio.to_thread(read_flow, flow, self.catalog)
        if problems := await self.errors(workspace, reading):
            raise BrokenFlow(problems)
        plan = await asyncio.to_thread(compile_reading, reading)
        start = plan.trigger(trigger)
        if misfits := Schema(plan.accepts(start)).misfits(given):
            raise InvalidInput(start, {error.field.lstrip("/"): error.detail for error in misfits})
        document = msgspec.json.encode(flow.model_dump(mode="json")).decode()
        return Start(plan, given, workspace, id, source, trigger=start, document=document)

    async def errors(self, workspace: str, reading: Reading) -> list[Problem]:
        """Everything that keeps a flow from running, in itself and around it."""
        found = await asyncio.to_thread(check_reading, reading)
        return errors([*found, *await self.what_is_missing(workspace, reading)])

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
            if not _stands_in_json(value):
                self._escaped.add(workspace)
        return value

    def _masked(self, workspace: str, event: Event) -> Event:
        mask = self._masks.get(workspace)
        if mask is None:
            return event
        # Nearly no event holds a secret, and to look for one in the whole text is cheaper than to walk its values.
        if workspace not in self._escaped and mask.hide(text := encode(event).decode()) is text:
            return event
        plain: Any = msgspec.to_builtins(event)
        hidden = mask.hide(plain)
        return event if hidden == plain else msgspec.convert(hidden, type(event))


def _stands_in_json(value: str) -> bool:
    """Does JSON write a text, and what URLs and base64 make of it, without an escape?"""
    return value.isascii() and msgspec.json.encode(value)[1:-1] == value.encode()


class Runtime(Workbench):
    """Everything of one installation, with its storage. Made by `open_runtime`."""

    def __init__(self, settings: Settings, catalog: Catalog, database: "Database") -> None:
        from runtime.storage.deployments import DeploymentStore
        from runtime.storage.flows import FlowStore
        from runtime.storage.journal import SqlJournal
        from runtime.storage.people import PeopleStore
        from runtime.storage.secrets import SecretStore
        from runtime.storage.vault import Vault, load_or_create_key

        self.database = database
        self.flows = FlowStore(database)
        self.deployments = DeploymentStore(database)
        self.people = PeopleStore(database)
        self.secrets = SecretStore(database, Vault(load_or_create_key(settings.home / "master.key")))
        self.journal = SqlJournal(database)
        self._readings: dict[int, Reading] = {}  # by the identity of their flow: what is deployed never changes
        super().__init__(settings, catalog, self.journal, self.secrets.get)

    async def ready(self, workspace: str, flow: Flow) -> list[Problem]:
        """See `what_is_missing`, for a flow by itself; the public API asks each second for each flow that is called."""
        reading = self._readings.get(id(flow))
        if reading is None:
            # In a thread: a flow of ten thousand steps takes a second to read.
            reading = await asyncio.to_thread(read_flow, flow, self.catalog)
            if len(self._readings) >= _MOST_READINGS:
                self._readings.clear()
            self._readings[id(flow)] = reading  # it holds the flow, so nothing else gets that id
        return await self.what_is_missing(workspace, reading)

    async def close(self) -> None:
        """End what runs, write what is to be kept, close the database."""
        await super().close()
        await self.database.close()


@asynccontextmanager
async def open_runtime(settings: Settings, catalog: Catalog) -> AsyncIterator[Runtime]:
    """A runtime on its migrated database; closed at the end. Raises: OperatorError."""
    from runtime.storage.database import Database

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
