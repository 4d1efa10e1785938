"""What flows run with, without storage: models, the guarded client, the sandbox, masks and runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace as replaced
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.driving.local import LocalDriver
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
from runtime.interpreter.driver import Driver
from runtime.interpreter.events import Event, encode
from runtime.interpreter.journal import Journal, RunRecord, Source
from runtime.interpreter.known import Elsewhere
from runtime.interpreter.mask import Mask
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs
from runtime.interpreter.sandbox import Sandbox
from runtime.interpreter.segments import Live
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start
from runtime.outbound.lent import LentHttp
from runtime.settings import Settings

if TYPE_CHECKING:  # imported where they are first needed: a flow from a file runs without storage, which takes long
    from runtime.llm.models import Models

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
        self,
        settings: Settings,
        catalog: Catalog,
        journal: Journal,
        driver: Driver,
        secret: Secret,
        fetch: Fetch = no_flows,
        *,
        live: Live | None = None,
        elsewhere: Elsewhere | None = None,
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
        self.runs = Runs(
            journal,
            driver,
            self.services,
            self._masked,
            self.plan_of,
            live=live,
            elsewhere=elsewhere,
            providers=lambda workspace, plan: self.models(workspace).providers(plan.models) if plan.models else (),
        )

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
        return Start(plan, given, workspace, id, source, trigger=start, document=written(flow), pins=pins)

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


def written(flow: Flow) -> str:
    return msgspec.json.encode(flow.model_dump(mode="json")).decode()


def _drafted(record: RunRecord) -> Flow:
    flow, problems = from_document(msgspec.json.decode(record.document))
    if flow is None:
        raise NotFoundError("The flow of this run was not kept", record.id, str(problems[0]))
    return flow


@asynccontextmanager
async def open_workbench(
    settings: Settings, catalog: Catalog, secret: Secret, fetch: Fetch = no_flows
) -> AsyncIterator[Workbench]:
    """What runs a flow file without storage: the command line and tests."""
    journal = MemoryJournal()
    workbench = Workbench(settings, catalog, journal, LocalDriver(journal), secret, fetch)
    try:
        await workbench.runs.open()
        yield workbench
    finally:
        await workbench.close()
