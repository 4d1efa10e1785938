"""The life of runs in this process: start, watch, answer, cancel, put away while they wait, and keep at the end."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from msgspec.structs import replace

from runtime.errors import ConflictError, NotFoundError
from runtime.graph.plan import Plan
from runtime.interpreter.alarm import Alarm
from runtime.interpreter.engine import Execution
from runtime.interpreter.events import (
    Ending,
    Event,
    Failure,
    RunCancelled,
    RunFailed,
    RunResumed,
    RunStarted,
    StepResumed,
)
from runtime.interpreter.journal import Journal, RunRecord, Source
from runtime.interpreter.run import Run
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start
from runtime.interpreter.waits import Wait, answered, asked, fit, waits_of

log = logging.getLogger(__name__)

_LATER = 60.0  # seconds until a run that could not go on at its time is tried again
_MOST_WAITING = 1_000  # runs in one look at what a workspace is asked

PlanOf = Callable[[RunRecord, Mapping[str, int]], Awaitable[Plan]]
"""The plan with which a recorded run was started; with the versions of other flows that it runs."""


def new_run_id() -> str:
    """A run's id: the milliseconds since the epoch, then chance; ids sort by age, and open nothing by themselves."""
    return f"{int(time.time() * 1000):011x}{random.getrandbits(48):012x}"


async def _no_plan(record: RunRecord, pins: Mapping[str, int]) -> Plan:
    raise NotFoundError("The flow of this run is not known here", record.id, "Start it again.")


class Runs:
    """Starts runs and knows those that are alive; the journal knows the others.

    services: what a workspace lends to its runs. mask: replaces the values of secrets in an event. plan_of: what a
    run that was put away goes on with.
    """

    def __init__(
        self,
        journal: Journal,
        services: Callable[[str], Services],
        mask: Callable[[str, Event], Event] = lambda workspace, event: event,
        plan_of: PlanOf = _no_plan,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal, self._services, self._mask, self._plan_of = journal, services, mask, plan_of
        self._clock = clock
        self._alive: dict[str, Run] = {}
        self._watched: WeakValueDictionary[str, Run] = WeakValueDictionary()  # that wait; as long as somebody looks
        self._claims: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._going: set[asyncio.Future[Any]] = set()  # runs that nobody awaits, and records on their way to disk
        self._alarm = Alarm(self._ring, clock)
        self._closed = False

    # --- runs that start here ----------------------------------------------------------------------------------

    def start(self, start: Start) -> Run:
        """Start a run that goes on whoever watches. Raises AuthorError for a start that the flow does not have."""
        run = self._open(start)
        self._go(self._drive(run))
        return run

    async def answer(self, start: Start) -> tuple[RunRecord, Ending | None]:
        """Run to the end where the request arrived, and answer before the record is written.

        None: the run waits for somebody, or for long, and is on disk; it goes on whoever asked. Raises OperatorError
        when it cannot be written that it waits.
        """
        run = self._open(start)
        ending = await self._drive(run)
        if ending is None:
            await _settled(run)
            assert run.written is not None
            run.written.result()
        return run.record, ending

    async def recover(self, *, alone: bool = False) -> None:
        """Once at the start of the process: runs that wait for a time go on at theirs, whoever put them away.

        alone: no other process drives runs of this journal, so those that were going on when the last one died go on.
        """
        for workspace, run, wake in await self._journal.wakes():
            self._alarm.set(workspace, run, wake)
        if alone:
            for record in await self._journal.unfinished():
                self._go(self._take_over(record))

    # --- runs that are there -----------------------------------------------------------------------------------

    async def watch(self, workspace: str, run: str, after: int = 0) -> AsyncIterator[Event]:
        """The events of a run, alive or not, from `after` on; of one that waits, until it has ended. NotFoundError."""
        found = await self._find(workspace, run)
        if found is not None:
            async for event in found.watch(after):
                yield event
        else:
            for recorded in await self._journal.events(workspace, run, after):
                yield recorded

    async def _find(self, workspace: str, run: str) -> Run | None:
        """A run that is alive, or that waits; None when it has ended."""
        if alive := self.alive(workspace, run):
            return alive
        async with self._claim(run):  # so that it does not go on while it is loaded
            if found := self.alive(workspace, run) or self._waiting(workspace, run):
                return found
            record = await self._journal.record(workspace, run)
            if record.state != "waiting":
                return None
            past = await self._journal.events(workspace, run)
            found = self._watched[run] = Run(record, past=past)
            if self._closed:
                found.leave()
            return found

    async def so_far(self, workspace: str, run: str) -> list[Event]:
        """What has happened in a run until now, without waiting for more. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        return list(alive.log) if alive is not None else list(await self._journal.events(workspace, run))

    def alive(self, workspace: str, run: str) -> Run | None:
        """The run, if this process drives it, or is still writing its record."""
        found = self._alive.get(run)
        return found if found is not None and found.record.workspace == workspace else None

    def _waiting(self, workspace: str, run: str) -> Run | None:
        found = self._watched.get(run)
        return found if found is not None and found.record.workspace == workspace else None

    def newest_alive(self, workspace: str, flow: str, source: Source) -> Run | None:
        """The youngest run of a flow that is still going."""
        mine = (run for run in reversed(self._alive.values()) if run.record.state == "running")
        return next(
            (r for r in mine if (r.record.workspace, r.record.flow, r.record.source) == (workspace, flow, source)), None
        )

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

    async def asked(self, workspace: str) -> list[tuple[RunRecord, Wait]]:
        """What people are asked by the runs of a workspace, the first asked first; of at most a thousand runs."""
        put_away = await self.records(workspace, state="waiting", limit=_MOST_WAITING)
        found = [(record, wait) for record in put_away for wait in record.waits]
        for run in self._alive.values():  # one branch may wait while others run
            if run.record.workspace == workspace and run.record.state == "running":
                found += [(run.record, wait) for wait in run.waits]
        return sorted((each for each in found if each[1].request is not None), key=lambda each: each[1].asked)

    async def waits(self, workspace: str, run: str) -> tuple[Wait, ...]:
        """What one run waits for. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        return alive.waits if alive is not None else (await self._journal.record(workspace, run)).waits

    # --- what people do to runs --------------------------------------------------------------------------------

    async def answer_pause(self, workspace: str, run: str, step: str, value: Any, by: str = "") -> None:
        """Answer what a step asked; the run goes on, also one that was put away.

        Raises: InvalidAnswer naming the field, ConflictError when it was answered or is over, NotFoundError; and what
        keeps the flow from going on, after which it still waits.
        """
        async with self._claim(run):
            alive = self.alive(workspace, run)
            if alive is not None:
                if await _told(alive, step, value, by):
                    return
                await _settled(alive)
            record = await self._journal.record(workspace, run)
            fit(asked(record.waits, step), value)
            try:
                await self._take_up(record, [StepResumed(0, self._clock(), step, value, by)])
            except ConflictError:
                raise answered(step) from None  # another process was faster

    async def cancel(self, workspace: str, run: str, reason: str = "") -> None:
        """Ask a run to end, also one that waits. Raises NotFoundError when it is not going on here."""
        async with self._claim(run):
            alive = await self._driven(workspace, run)
            if alive is None:
                record = await self._journal.record(workspace, run)
                if record.state != "waiting":
                    raise _over(run)
                alive = await self._take_up(record, [RunResumed(0, self._clock())])
            if alive.ending is not None:
                raise _over(run)
            alive.cancel(reason)

    async def close(self) -> None:
        """Cancel what runs and wait until everything is written; what waits goes on waiting."""
        self._closed = True
        self._alarm.stop()
        for run in list(self._alive.values()):
            run.cancel("Canevas was stopped")
        while self._going:
            await asyncio.wait(self._going)
        for run in list(self._watched.values()):
            run.leave()

    # --- runs that were put away -------------------------------------------------------------------------------

    def _claim(self, run: str) -> asyncio.Lock:
        """Who answers, cancels or takes up a run does it alone in this process."""
        found = self._claims.get(run)
        if found is None:
            found = self._claims[run] = asyncio.Lock()
        return found

    async def _driven(self, workspace: str, run: str) -> Run | None:
        """The run if it is being driven; waits for one that is just being written."""
        alive = self.alive(workspace, run)
        if alive is not None and alive.execution is None and alive.ending is None:
            await _settled(alive)
            alive = self.alive(workspace, run)
        return alive

    async def _take_up(self, record: RunRecord, resumed: Iterable[StepResumed | RunResumed]) -> Run:
        """Let a run that waits go on from its events. Raises ConflictError when another process did."""
        workspace, id = record.workspace, record.id
        past = await self._journal.events(workspace, id)
        waits = [(wait.step, wait.asked) for wait in waits_of(past)]
        if record.state == "waiting" and waits != [(wait.step, wait.asked) for wait in record.waits]:
            raise ConflictError("The run has gone on meanwhile", id, "Look at the run.")  # between two reads
        began = next(event for event in past if isinstance(event, RunStarted))
        plan = await self._plan_of(record, began.pins)
        news = [replace(event, seq=past[-1].seq + number) for number, event in enumerate(resumed, 1)]
        execution = Execution(plan, self._services(workspace), past=[*past, *news], run=id, clock=self._clock)
        record = replace(record, state="running", waits=(), wake=None)
        told = [self._mask(workspace, event) for event in news]
        # The claim of this process: whoever comes second with these numbers is refused.
        await self._journal.close(record, told)  # type: ignore[arg-type]
        run = self._alive[id] = self._waiting(workspace, id) or Run(record, past=past)
        run.take_up(record, execution, past[-1].seq + len(news))
        for event in told:
            run.add(event)
        self._go(self._drive(run))
        return run

    async def _take_over(self, record: RunRecord) -> None:
        """Go on with a run whose process died; one that cannot go on has failed, and says why."""
        try:
            async with self._claim(record.id):
                await self._take_up(record, [RunResumed(0, self._clock())])
        except ConflictError:
            return  # somebody drives it after all
        except Exception as error:
            log.exception("run %s could not be taken over", record.id)
            past = await self._journal.events(record.workspace, record.id)
            failed = RunFailed(len(past) + 1, self._clock(), "", Failure.of(error))
            record = replace(record, state="failed", ended=failed.at, error=failed.failure.what, waits=(), wake=None)
            await self._journal.close(record, [failed])

    def _ring(self, workspace: str, run: str) -> None:
        self._go(self._wake_up(workspace, run))

    async def _wake_up(self, workspace: str, run: str) -> None:
        """The time of a run may have come: what it waited for until now is late."""
        try:
            async with self._claim(run):
                if await self._driven(workspace, run) is not None:
                    return
                record, now = await self._journal.record(workspace, run), self._clock()
                due = [wait for wait in record.waits if wait.until is not None and wait.until <= now]
                if due:
                    await self._take_up(record, [StepResumed(0, now, wait.step, late=True) for wait in due])
        except (ConflictError, NotFoundError):
            return  # it went on elsewhere, or is gone
        except Exception:
            # The database or the flow cannot be read now; the run still waits, and the operator reads why.
            log.exception("run %s could not go on at its time", run)
            self._alarm.set(workspace, run, self._clock() + _LATER)

    # --- driving -----------------------------------------------------------------------------------------------

    def _go(self, work: Awaitable[Any]) -> None:
        going = asyncio.ensure_future(work)
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    def _open(self, start: Start) -> Run:
        id = new_run_id()
        execution = Execution(
            start.plan,
            self._services(start.workspace),
            start.given,
            trigger=start.trigger,
            run=id,
            past=start.past,
            parent=start.parent,
            pins=dict(start.pins),
            clock=self._clock,
        )
        record = RunRecord(
            id=id,
            workspace=start.workspace,
            flow=start.flow,
            flow_name=start.plan.flow.name,
            source=start.source,
            started=self._clock(),
            version=start.version,
            document=start.document,
            parent=start.parent,
        )
        past = [self._mask(start.workspace, event) for event in start.past]
        run = self._alive[id] = Run(record, execution, past)  # type: ignore[arg-type]
        return run

    async def _drive(self, run: Run) -> Ending | None:
        mask, workspace, execution = self._mask, run.record.workspace, run.execution
        assert execution is not None
        try:
            async for events in execution.batches():
                for event in events:
                    run.add(mask(workspace, event))
            if run.ending is None:
                run.put_away()
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
        return run.ending

    def _keep(self, run: Run) -> None:
        """Hand the run over to the journal; this process knows it until it is on disk."""
        events = run.durable
        if run.kept:
            write = self._journal.close(run.record, [event for event in events if event.seq > run.kept])
        else:
            write = self._journal.keep(run.record, events)  # type: ignore[assignment]
        written = run.written = asyncio.ensure_future(write)
        self._going.add(written)
        written.add_done_callback(partial(self._kept, run))

    def _kept(self, run: Run, written: "asyncio.Future[None]") -> None:
        self._going.discard(written)
        record = run.record
        del self._alive[record.id]
        lost = asyncio.CancelledError() if written.cancelled() else written.exception()
        if lost is not None:
            # The run itself is over and answered; the list of runs misses it, and the operator reads why.
            log.error("the record of run %s could not be kept", record.id, exc_info=lost)
        elif record.state == "waiting":
            self._watched[record.id] = run
            if run.stopped is not None:  # too late for what drove it
                self._go(self.cancel(record.workspace, record.id, run.stopped))
            elif record.wake is not None:
                self._alarm.set(record.workspace, record.id, record.wake)


def _over(run: str) -> NotFoundError:
    return NotFoundError("This run is not going on", run, "It has ended already; look at the list of runs.")


async def _told(run: Run, step: str, value: Any, by: str) -> bool:
    """Answer a run that is being driven; False: it is put away. Raises: InvalidAnswer, ConflictError."""
    while run.execution is not None:
        fit(asked(run.waits, step), value)
        try:
            run.execution.reply(step, value, by)
        except ConflictError:
            await run.changed()  # somebody was just faster, or the run is just being put away
        else:
            return True
    if run.ending is not None:
        raise answered(step)
    return False


async def _settled(run: Run) -> None:
    """Wait until a run that goes on no more is on disk, or was lost."""
    if run.written is not None:
        await asyncio.wait({run.written})
