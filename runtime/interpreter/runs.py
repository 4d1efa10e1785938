"""The life of runs in this process: start, watch, cancel, and what is kept of them at the end."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from runtime.errors import NotFoundError
from runtime.graph.plan import Plan
from runtime.interpreter.engine import Execution
from runtime.interpreter.events import (
    ENDINGS,
    STATE_OF,
    Durable,
    Ending,
    Event,
    Failure,
    RunCancelled,
    RunFailed,
    StepDelta,
    StepFinished,
)
from runtime.interpreter.journal import Journal, RunRecord, Source
from runtime.interpreter.services import Services

log = logging.getLogger(__name__)


def new_run_id() -> str:
    """A run's id: the milliseconds since the epoch, then chance; ids sort by age, and open nothing by themselves."""
    return f"{int(time.time() * 1000):011x}{random.getrandbits(48):012x}"


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. version: 0 for a draft, whose document is then kept with the run."""

    plan: Plan
    given: dict[str, Any]
    workspace: str
    flow: str
    source: Source
    version: int = 0
    trigger: str = ""
    document: str = ""


class Run:
    """One run while this process drives it: what has happened so far, and who waits for more."""

    __slots__ = ("_changed", "_finished", "ending", "execution", "log", "record")

    def __init__(self, record: RunRecord, execution: Execution) -> None:
        self.record = record
        self.log: list[Event] = []
        self.execution: Execution | None = execution
        self.ending: Ending | None = None
        self._finished: set[str] = set()
        self._changed: asyncio.Future[None] | None = None

    @property
    def durable(self) -> list[Durable]:
        """Everything but the deltas."""
        return [event for event in self.log if not isinstance(event, StepDelta)]

    def cancel(self, reason: str) -> None:
        """Ask the run to end; it does within the engine's grace."""
        if self.execution is not None:
            self.execution.cancel(reason)

    def add(self, event: Event) -> None:
        """Note what happened and wake whoever watches."""
        self.log.append(event)
        if type(event) is StepFinished:
            self._finished.add(event.step)
        elif isinstance(event, ENDINGS):
            self._end(event)  # before the watchers wake: they look whether the run goes on
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    def _end(self, ending: Ending) -> None:
        self.ending = ending
        self.execution = None  # what it held goes at once, not when the record is on disk
        self.record = msgspec.structs.replace(
            self.record,
            state=STATE_OF[type(ending)],
            ended=ending.at,
            steps=len(self._finished),
            error=f"{ending.step}: {ending.failure.what}" if isinstance(ending, RunFailed) else "",
        )

    async def watch(self, after: int = 0) -> AsyncIterator[Event]:
        """The events with a seq above `after`, the live ones as they come; ends with the run.

        Deltas of steps that have finished are left out: their whole text stands in StepFinished.
        """
        position = 0
        caught_up = False
        while True:
            while position < len(self.log):
                event = self.log[position]
                position += 1
                if isinstance(event, StepDelta):
                    if caught_up or event.step not in self._finished:
                        yield event
                elif event.seq > after:
                    yield event
            caught_up = True
            if self.record.state != "running":
                return
            if self._changed is None:
                self._changed = asyncio.get_running_loop().create_future()
            # Shielded: a reader that goes away must not take the others' wake-up along.
            await asyncio.shield(self._changed)


class Runs:
    """Starts runs and knows those that are alive; the journal knows the others.

    services: what a workspace lends to its runs. mask: replaces the values of secrets in an event.
    """

    def __init__(
        self,
        journal: Journal,
        services: Callable[[str], Services],
        mask: Callable[[str, Event], Event] = lambda workspace, event: event,
    ) -> None:
        self._journal, self._services, self._mask = journal, services, mask
        self._alive: dict[str, Run] = {}
        self._going: set[asyncio.Future[Any]] = set()  # runs that nobody awaits, and records on their way to disk

    def start(self, start: Start) -> Run:
        """Start a run that goes on whoever watches. Raises AuthorError for a start that the flow does not have."""
        run = self._open(start)
        driven = asyncio.ensure_future(self._drive(run))
        self._going.add(driven)
        driven.add_done_callback(self._going.discard)
        return run

    async def answer(self, start: Start) -> tuple[RunRecord, Ending]:
        """Run to the end where the request arrived, and answer before the record is written."""
        run = self._open(start)
        ending = await self._drive(run)
        return run.record, ending

    async def watch(self, workspace: str, run: str, after: int = 0) -> AsyncIterator[Event]:
        """The events of a run, alive or not, from `after` on. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        if alive is not None:
            async for event in alive.watch(after):
                yield event
        else:
            for recorded in await self._journal.events(workspace, run, after):
                yield recorded

    async def so_far(self, workspace: str, run: str) -> list[Event]:
        """What has happened in a run until now, without waiting for more. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        return list(alive.log) if alive is not None else list(await self._journal.events(workspace, run))

    def alive(self, workspace: str, run: str) -> Run | None:
        """The run, if this process drives it."""
        found = self._alive.get(run)
        return found if found is not None and found.record.workspace == workspace else None

    def newest_alive(self, workspace: str, flow: str, source: Source) -> Run | None:
        """The youngest run of a flow that is still going."""
        mine = (run for run in reversed(self._alive.values()) if run.record.state == "running")
        return next(
            (r for r in mine if (r.record.workspace, r.record.flow, r.record.source) == (workspace, flow, source)), None
        )

    def cancel(self, workspace: str, run: str, reason: str = "") -> None:
        """Ask a run to end. Raises NotFoundError when it is not alive here."""
        alive = self.alive(workspace, run)
        if alive is None or alive.record.state != "running":
            raise NotFoundError("This run is not going on", run, "It has ended already; look at the list of runs.")
        alive.cancel(reason)

    async def record(self, workspace: str, run: str) -> RunRecord:
        """One run, alive or not. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        return alive.record if alive is not None else await self._journal.record(workspace, run)

    async def records(
        self, workspace: str, *, flow: str = "", state: str = "", limit: int = 50, before: float | None = None
    ) -> list[RunRecord]:
        """The newest runs first, those that are alive among them; flow, state: only those; before: started earlier."""
        kept = await self._journal.records(workspace, flow=flow, state=state, limit=limit, before=before)
        alive = {
            run.record.id: run.record
            for run in self._alive.values()
            if run.record.workspace == workspace
            and flow in ("", run.record.flow)
            and state in ("", run.record.state)
            and (before is None or run.record.started < before)
        }
        both = {**{record.id: record for record in kept if record.id not in self._alive}, **alive}
        return sorted(both.values(), key=lambda record: record.started, reverse=True)[:limit]

    async def close(self) -> None:
        """Cancel what is alive and wait until everything is written."""
        for run in list(self._alive.values()):
            run.cancel("Canevas was stopped")
        while self._going:
            await asyncio.wait(self._going)

    def _open(self, start: Start) -> Run:
        id = new_run_id()
        execution = Execution(start.plan, self._services(start.workspace), start.given, trigger=start.trigger, run=id)
        record = RunRecord(
            id=id,
            workspace=start.workspace,
            flow=start.flow,
            flow_name=start.plan.flow.name,
            source=start.source,
            started=time.time(),
            version=start.version,
            document=start.document,
        )
        run = self._alive[id] = Run(record, execution)
        return run

    async def _drive(self, run: Run) -> Ending:
        mask, workspace, execution = self._mask, run.record.workspace, run.execution
        assert execution is not None
        try:
            async for events in execution.batches():
                for event in events:
                    run.add(mask(workspace, event))
        except asyncio.CancelledError:
            # A server that stops gives up on its requests; what had happened must not vanish with them.
            if run.ending is None:
                run.add(RunCancelled(len(run.durable) + 1, time.time(), "Its request was cut off"))
            raise
        except Exception as crash:
            # Not a node's error (the engine turns those into events) but ours: whoever watches must not wait for ever.
            log.exception("run %s broke the engine", run.record.id)
            failure = Failure(f"Canevas failed inside: {type(crash).__name__}", "Report it, with the log.", "operator")
            run.add(RunFailed(len(run.durable) + 1, time.time(), "", failure))
        finally:
            self._keep(run)
        assert run.ending is not None
        return run.ending

    def _keep(self, run: Run) -> None:
        """Hand the run over to the journal; this process knows it until it is on disk."""
        kept = asyncio.ensure_future(self._journal.keep(run.record, run.durable))
        self._going.add(kept)
        kept.add_done_callback(partial(self._kept, run.record.id))

    def _kept(self, run: str, kept: "asyncio.Future[None]") -> None:
        self._going.discard(kept)
        del self._alive[run]
        lost = asyncio.CancelledError() if kept.cancelled() else kept.exception()
        if lost is not None:
            # The run itself is over and answered; the list of runs misses it, and the operator reads why.
            log.error("the record of run %s could not be kept", run, exc_info=lost)
