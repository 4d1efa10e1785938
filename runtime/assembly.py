"""Settings and a catalog make a runtime: the one place that joins the parts."""

import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace as replaced
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.driving.clockwork import Clockwork
from runtime.driving.local import LocalDriver
from runtime.errors import NotFoundError
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.library import EMPTY, Library
from runtime.graph.node import FlowReference
from runtime.graph.problems import Problem
from runtime.interpreter.driver import Driver, Lease
from runtime.interpreter.events import Event, RunFailed, RunStarted, StepDelta
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.replay import replay
from runtime.interpreter.start import Start, record_of
from runtime.relay.choosing import relay_for
from runtime.relay.watching import watch
from runtime.serving.links import AnswerLinks
from runtime.settings import Settings
from runtime.workbench import Workbench, written

if TYPE_CHECKING:  # imported where they are first needed: a flow from a file runs without storage, which takes long
    from runtime.storage.database import Database
    from runtime.storage.schedules import Tick


_YEARS = 3e9  # seconds; no run waits for a time after that


@dataclass(frozen=True, slots=True)
class Work:
    """Which runs a worker takes: of which queues, with which labels, and how many of each at once."""

    queues: Sequence[str] = ("default",)
    labels: Sequence[str] = ()
    at_once: int = 100


class Runtime(Workbench):
    """Everything of one installation, with its storage. Made by `open_runtime`."""

    def __init__(self, settings: Settings, catalog: Catalog, database: "Database", work: Work | None = None) -> None:
        from runtime.storage.deployments import DeploymentStore
        from runtime.storage.flows import FlowStore
        from runtime.storage.journal import SqlJournal
        from runtime.storage.limits import LimitStore
        from runtime.storage.notices import NoticesLine
        from runtime.storage.ownership import LEASE, Owner
        from runtime.storage.people import PeopleStore
        from runtime.storage.schedules import ScheduleStore
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
        self.schedules = ScheduleStore(database)
        self.limits = LimitStore(database)
        shared = not database.is_sqlite  # one process owns a file; a server may have several
        self._relay = relay_for(settings.relay_url, NoticesLine(settings) if shared else None)
        self._lease = Lease(LEASE if shared else None)
        self._owner = Owner(settings, self._lease) if shared and not settings.temporal_url else None
        self.driver = self._driver(settings, work, shared)
        self.clockwork = Clockwork(
            self.schedules.next, partial(self.schedules.fire, self._scheduled), self.driver.drive, shared=shared
        )
        elsewhere = self._watched if shared else None
        super().__init__(
            settings,
            catalog,
            self.journal,
            self.driver,
            self.secrets.get,
            self._called,
            live=self._relay if shared else None,
            elsewhere=elsewhere,
        )

    def _driver(self, settings: Settings, work: Work | None, shared: bool) -> Driver:
        if not settings.temporal_url:
            return LocalDriver(self.journal, lease=self._lease, shared=shared, allowed=self.limits.all)
        from runtime.driving.temporal import TemporalDriver  # takes a while, and most have no Temporal

        taken = work or Work()
        return TemporalDriver(
            settings.temporal_url,
            self._unfinished,
            namespace=settings.temporal_namespace,
            api_key=settings.temporal_api_key,
            tls=settings.temporal_tls,
            queues=taken.queues,
            labels=taken.labels,
            at_once=taken.at_once,
            work=work is not None,
        )

    async def rules_changed(self) -> None:
        """Something was deployed, taken down, paused or limited: what waits for its turn or time may go on."""
        self.clockwork.nudge()
        if isinstance(self.driver, LocalDriver):
            await self.driver.limits_changed()

    async def _unfinished(self) -> list[RunRecord]:
        """The runs that somebody has to see to, now or at a time."""
        later = time.time() + _YEARS
        return list(
            {run.id: run for run in (*await self.journal.unfinished(), *await self.journal.due(later))}.values()
        )

    async def open(self) -> None:
        """Begin to drive: what was going on when the last process died goes on, and schedules fire."""
        await self._relay.open()
        if self._owner is not None:
            await self._owner.open()
        await self.runs.open()
        self.clockwork.start()

    def _watched(self, workspace: str, run: str, after: int) -> AsyncIterator[Event]:
        """The events of a run that another process drives."""
        return watch(self._relay, lambda seq: self.journal.events(workspace, run, seq), workspace, run, after)

    async def _scheduled(self, tick: "Tick") -> tuple[RunRecord, RunStarted]:
        """The run of a tick, as it is queued."""
        schedule = tick.schedule
        flow = await self.deployments.flow(schedule.workspace, schedule.flow, schedule.version)
        library = await self.library(schedule.workspace, flow)
        plan = compile_flow(flow, self.catalog, library)
        start = Start(
            plan,
            tick.given,
            schedule.workspace,
            schedule.flow,
            "schedule",
            version=schedule.version,
            trigger=schedule.step,
            id=tick.run,
            slug=schedule.slug,
            durability="step",
        )
        now = time.time()
        record = msgspec.structs.replace(
            record_of(start, now, self.models(schedule.workspace).providers(plan.models)), state="queued", since=now
        )
        return record, RunStarted(1, now, schedule.step, tick.given, "", dict(library.pins))

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
            document=written(flow) if draft else "" if version else record.document,
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
        await self.clockwork.close()
        await super().close()
        if self._owner is not None:
            await self._owner.close()
        await self._relay.close()
        await self.database.close()


@asynccontextmanager
async def open_runtime(
    settings: Settings, catalog: Catalog, *, drives: bool = True, work: Work | None = None
) -> AsyncIterator[Runtime]:
    """A runtime on its migrated database; closed at the end. Raises: OperatorError.

    drives: runs go on in it, and schedules fire. work: which ones it takes where Temporal hands them out.
    """
    from runtime.storage.database import Database

    settings.home.mkdir(parents=True, exist_ok=True)
    database = await Database.connect(settings)
    try:
        runtime = Runtime(settings, catalog, database, work)
        await runtime.flows.purge()
        if drives:
            await runtime.open()
    except BaseException:
        await database.close()
        raise
    try:
        yield runtime
    finally:
        await runtime.close()
