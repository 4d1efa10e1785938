"""Settings and a catalog make a runtime: the one place that joins the parts."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace as replaced
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.errors import CallerError, NotFoundError, OperatorError
from runtime.graph.catalog import Catalog
from runtime.graph.check import check_reading, missing_secrets, needs
from runtime.graph.compiler import compile_flow, compile_reading
from runtime.graph.flow import Flow
from runtime.graph.flowfile import from_document
from runtime.graph.library import EMPTY, Library, gather, reached
from runtime.graph.node import FlowReference
from runtime.graph.plan import BrokenFlow, Plan
from runtime.graph.problems import Problem, errors
from runtime.graph.reading import Reading, read_flow
from runtime.graph.schemas import Schema
from runtime.interpreter.events import Event, RunFailed, RunStarted, StepDelta, encode
from runtime.interpreter.journal import Journal, RunRecord, Source
from runtime.interpreter.mask import Mask
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.replay import replay
from runtime.interpreter.runs import Runs
from runtime.interpreter.sandbox import Sandbox
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start
from runtime.outbound.lent import LentHttp
from runtime.serving.links import AnswerLinks
from runtime.settings import Settings

if TYPE_CHECKING:  # imported where they are first needed: a flow from a file runs without storage, which takes long
    from runtime.llm.models import Models
    from runtime.storage.database import Database

_MOST_READINGS = 256

Secret = Callable[[str, str], Awaitable[str | None]]  # workspace, name -> value
Fetch = Callable[[str, FlowReference], Awaitable[tuple[Flow, int] | None]]  # of a workspace; see `library.Fetch`


async def no_flows(workspace: str, reference: FlowReference) -> None:
    """Where there is no other flow to run."""


class InvalidInput(CallerError):
    """A run was given what its start does not take. fields: what is wrong, by field."""

    def __init__(self, start: str, fields: dict[str, str]) -> None:
        told = "; ".join(f"`{field}` {detail}" if field else f"it {detail}" for field, detail in fields.items())
        super().__init__(f"The input does not fit: {told}", start, "Give what the start asks for.")
        self.fields = fields


class Workbench:
    """What flows run with, without storage: models, the guarded client, the sandbox, masks and runs.

    secret: reads a secret of a workspace. Whatever was read is masked from then on in every run of that workspace.
    fetch: finds the flows that a flow runs.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog, journal: Journal, secret: Secret, fetch: Fetch = no_flows
    ) -> None:
        self.settings, self.catalog = settings, catalog
        self._secret, self._fetch = secret, fetch
        self._masks: dict[str, Mask] = {}
        self._escaped: set[str] = set()  # workspaces with a secret that JSON does not write as it stands
        self._lent: dict[str, Services] = {}
        self._models: dict[str, Models] = {}
        self._readings: dict[int, Reading] = {}  # by the identity of their flow: what is deployed never changes
        self.http = LentHttp(settings.allowed_hosts)
        self.sandbox = Sandbox()
        self.runs = Runs(journal, self.services, self._masked, self.plan_of)

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
        plan, pins = await self._made(workspace, flow)
        start = plan.trigger(trigger)
        if misfits := Schema(plan.accepts(start)).misfits(given):
            raise InvalidInput(start, {error.field.lstrip("/"): error.detail for error in misfits})
        return Start(plan, given, workspace, id, source, trigger=start, document=_written(flow), pins=pins)

    async def _made(
        self, workspace: str, flow: Flow, pins: Mapping[str, int] | None = None
    ) -> tuple[Plan, Mapping[str, int]]:
        """The plan of a flow that can run now, and the versions of the flows that it runs. Raises: BrokenFlow."""
        library = await self.library(workspace, flow, pins)
        # In threads: a flow of ten thousand steps takes seconds.
        reading = await asyncio.to_thread(read_flow, flow, self.catalog, library)
        if problems := await self.errors(workspace, reading):
            raise BrokenFlow(problems)
        return await asyncio.to_thread(compile_reading, reading), library.pins

    async def library(self, workspace: str, flow: Flow, pins: Mapping[str, int] | None = None) -> Library:
        """The other flows that a flow runs, as they are deployed now. pins: as they were when a run started."""
        return await gather(flow, self.catalog, partial(self._fetch, workspace), pins)

    async def flow_of(self, record: RunRecord) -> Flow:
        """The flow as it ran. Raises: NotFoundError when it was not kept."""
        if not record.document:
            raise NotFoundError("The flow of this run was not kept", record.id, "Start it again.")
        return await asyncio.to_thread(_drafted, record)

    async def plan_of(self, record: RunRecord, pins: Mapping[str, int]) -> Plan:
        """With what a run that was put away goes on: the versions with which it started."""
        flow = await self.flow_of(record)
        library = await self.library(record.workspace, flow, pins)
        return await asyncio.to_thread(compile_flow, flow, self.catalog, library)

    async def errors(self, workspace: str, reading: Reading) -> list[Problem]:
        """Everything that keeps a flow from running, in itself and around it."""
        found = await asyncio.to_thread(check_reading, reading)
        return errors([*found, *await self.what_is_missing(workspace, reading)])

    async def what_is_missing(self, workspace: str, reading: Reading) -> list[Problem]:
        """What keeps a right flow, or one that it runs, from running now: a secret or a model that is not there."""
        found = await self._missing(workspace, reading)
        for step in reading.steps.values():
            if step.calls is not None:
                for flow in reached(step.calls, reading.library, self.catalog):
                    inside = await self._missing(workspace, await self._reading(flow))
                    found += [msgspec.structs.replace(each, step=step.id, field="flow") for each in inside]
        return found

    async def _missing(self, workspace: str, reading: Reading) -> list[Problem]:
        named = {name for _, _, name in needs(reading, "secret")}
        known = {name for name in named if await self._read(workspace, name) is not None}
        return [*missing_secrets(reading, known), *await self._missing_models(workspace, reading)]

    async def _reading(self, flow: Flow, library: Library = EMPTY) -> Reading:
        """The reading of a version, which never changes; the library may."""
        reading = self._readings.get(id(flow))
        if reading is None:
            # In a thread: a flow of ten thousand steps takes a second to read.
            reading = await asyncio.to_thread(read_flow, flow, self.catalog)
            if len(self._readings) >= _MOST_READINGS:
                self._readings.clear()
            self._readings[id(flow)] = reading  # it holds the flow, so nothing else gets that id
        return reading if library is EMPTY else replaced(reading, library=library)

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


def _written(flow: Flow) -> str:
    return msgspec.json.encode(flow.model_dump(mode="json")).decode()


def _drafted(record: RunRecord) -> Flow:
    flow, problems = from_document(msgspec.json.decode(record.document))
    if flow is None:
        raise NotFoundError("The flow of this run was not kept", record.id, str(problems[0]))
    return flow


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
        key = load_or_create_key(settings.home / "master.key")
        self.secrets = SecretStore(database, Vault(key))
        self.links = AnswerLinks(key)
        self.journal = SqlJournal(database)
        super().__init__(settings, catalog, self.journal, self.secrets.get, self._called)

    async def ready(self, workspace: str, flow: Flow, library: Library = EMPTY) -> list[Problem]:
        """See `what_is_missing`, for a flow by itself; the public API asks each second for each flow that is called."""
        return await self.what_is_missing(workspace, await self._reading(flow, library))

    async def flow_of(self, record: RunRecord) -> Flow:
        """The flow as it ran. Raises: NotFoundError when its version is gone."""
        if not record.version:
            return await super().flow_of(record)
        return await self.deployments.flow(record.workspace, record.flow, record.version)

    async def again(
        self,
        workspace: str,
        run: str,
        *,
        failed: bool = False,
        again: Collection[str] = (),
        outputs: Mapping[str, dict[str, Any]] | None = None,
        draft: bool = False,
        version: int = 0,
    ) -> Start:
        """A run, ready to be started, that repeats another: whole when nothing else is said.

        failed: from the steps that failed. again: paths of steps to run again. outputs: what these steps are to have
        given. draft: with the flow as it stands in the editor; version: as it was published under this number. Steps
        that have changed run again then, also where another flow that they run has been deployed anew since.
        Raises: NotFoundError, BrokenFlow, AuthorError when that flow lacks the start, CallerError for an output that
        a step could not have given.
        """
        record = await self.runs.record(workspace, run)
        past = [event for event in await self.runs.so_far(workspace, run) if not isinstance(event, StepDelta)]
        began = next((event for event in past if isinstance(event, RunStarted)), None)
        if began is None:
            raise NotFoundError("Nothing of this run was kept", run, "Start the flow anew.")
        if failed and not isinstance(past[-1], RunFailed):
            raise NotFoundError("No step of this run failed", run, "Repeat it whole, or from a step.")
        flow = before = await self.flow_of(record)
        if draft:
            flow = (await self.flows.load(workspace, record.flow)).flow
        elif version:
            flow = await self.deployments.flow(workspace, record.flow, version)
        other = draft or bool(version)
        plan, pins = await self._made(workspace, flow, None if other else began.pins)
        start = Start(
            plan,
            began.input,
            workspace,
            record.flow,
            "preview",
            version=0 if draft else version or record.version,
            trigger=plan.trigger(began.trigger),
            document=_written(flow) if draft else "" if version else record.document,
            pins=pins,
            parent=run,
        )
        if not (failed or again or outputs or other):
            return start
        changed = before if other else None
        kept = replay(plan, past, again=again, outputs=outputs, before=changed, pins=pins, parent=run, now=time.time())
        return replaced(start, past=kept)

    async def _called(self, workspace: str, reference: FlowReference) -> tuple[Flow, int] | None:
        """A flow that another one runs: the version that is said, or the one that was deployed last."""
        version = reference.version
        if not version:
            standing = await self.deployments.deployments(workspace, reference.flow)
            if not standing:
                return None
            version = standing[0].version
        try:
            return await self.deployments.flow(workspace, reference.flow, version), version
        except NotFoundError:
            return None

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
        await runtime.runs.recover(alone=not settings.database_url)  # a folder has one owner, a server may have many
    except BaseException:
        await database.close()
        raise
    try:
        yield runtime
    finally:
        await runtime.close()


@asynccontextmanager
async def open_workbench(
    settings: Settings, catalog: Catalog, secret: Secret, fetch: Fetch = no_flows
) -> AsyncIterator[Workbench]:
    """What runs a flow file without storage: the command line and tests."""
    workbench = Workbench(settings, catalog, MemoryJournal(), secret, fetch)
    try:
        yield workbench
    finally:
        await workbench.close()
