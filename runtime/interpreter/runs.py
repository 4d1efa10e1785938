"""The life of runs as this process sees it: start, watch, answer, cancel; the driver sees to those that are durable."""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from runtime.errors import CanevasError, ConflictError, NotFoundError, OperatorError
from runtime.graph.plan import Plan
from runtime.interpreter.driver import Driver
from runtime.interpreter.events import (
    Ending,
    Event,
    RunCancelled,
    RunStarted,
    StepResumed,
)
from runtime.interpreter.execution import Execution
from runtime.interpreter.journal import CANCEL, Journal, RunRecord, Signal, answer_to
from runtime.interpreter.known import Elsewhere, Known
from runtime.interpreter.run import Run
from runtime.interpreter.segments import Live, PlanOf, Segments, Silent
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start, durability_of, input_of, record_of
from runtime.interpreter.waits import answered, asked, fit, waits_of
from runtime.interpreter.whole import Whole

log = logging.getLogger(__name__)

_GLANCE = 0.25  # seconds between two looks at a run that another process drives
_PROMPT = 1.0  # seconds in which a run that was answered mostly goes on


async def _no_plan(record: RunRecord, pins: Mapping[str, int]) -> Plan:
    raise NotFoundError("The flow of this run is not known here", record.id, "Start it again.")


class Runs(Known):
    """Starts runs, and tells of all there are, whoever drives them.

    driver: sees to runs that are kept step by step. services: what a workspace lends to its runs. mask: replaces the
    values of secrets in an event. plan_of: what a run that was put away goes on with. live: tells other processes what
    happens here. elsewhere: watches a run that another process drives, where others drive runs of this journal.
    providers: of the models that a plan names, in a workspace.
    """

    def __init__(
        self,
        journal: Journal,
        driver: Driver,
        services: Callable[[str], Services],
        mask: Callable[[str, Event], Event] = lambda workspace, event: event,
        plan_of: PlanOf = _no_plan,
        clock: Callable[[], float] = time.time,
        *,
        live: Live | None = None,
        elsewhere: Elsewhere | None = None,
        providers: Callable[[str, Plan], tuple[str, ...]] = lambda workspace, plan: (),
    ) -> None:
        super().__init__(journal, elsewhere)
        self._driver, self._services, self._mask, self._clock = driver, services, mask, clock
        self._providers = providers
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(24):06x}"
        self._segments = Segments(journal, self._living, services, mask, plan_of, clock, self.worker, live or Silent())
        self._whole = Whole(journal, self._living, mask, clock, self._waits)
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to drive: what was going on when the last process died goes on, and what waits goes on at its time."""
        await self._driver.open(self._segments.drive)
        if self._elsewhere is not None:
            self._looking = asyncio.create_task(self._look_around())

    # --- runs that start here ----------------------------------------------------------------------------------

    async def begin(self, start: Start) -> RunRecord:
        """Start a run that goes on whoever watches; one that is kept step by step is on disk when this returns.

        Raises: AuthorError for a start that the flow does not have, CallerError, ConflictError when its key was used
        (see `keyed`), OperatorError when it cannot be written.
        """
        if (start.durability or durability_of(start.plan, start.source)) == "step":
            return (await self._accept(start)).record
        run = self._open(start)
        self._whole.begin(run)
        return run.record

    async def answer(self, start: Start) -> tuple[RunRecord, Ending | None]:
        """Run to the end, and answer; None: the run waits for somebody, or for long, and goes on whoever asked.

        Unless it is kept step by step it runs where the request arrived, and answers before its record is written.
        Raises: as `begin` does.
        """
        if (start.durability or durability_of(start.plan, start.source)) == "step":
            run = await self._accept(start)
            await run.rested()
            return run.record, run.ending
        run = self._open(start)
        ending = await self._whole.drive(run)
        if ending is None:
            await _settled(run)
            assert run.written is not None
            run.written.result()
        return run.record, ending

    async def _accept(self, start: Start) -> Run:
        """Write down that a run is to be driven, or that it is being driven here from now on."""
        record, now = self._record(start), self._clock()
        execution = self._execution(start, record.id)  # before anything is written: it may refuse the start
        record = replace(record, durability="step", state="queued", since=now)
        if not start.past and self._driver.admit(record):
            record = replace(record, state="running", worker=self.worker, due=None)
            run = Run(record, execution)
            run.key, run.written = start.key, asyncio.get_running_loop().create_future()
            self._living.drive(run)
            await self._driver.drive(record)
            await asyncio.shield(run.written)
            return run
        events = [self._mask(start.workspace, event) for event in start.past]
        if not events:
            trigger = start.plan.trigger(start.trigger)
            began = RunStarted(1, now, trigger, input_of(start.given), start.parent, dict(start.pins))
            events = [self._mask(start.workspace, began)]
        try:
            await self._journal.open(record, events, start.key)  # type: ignore[arg-type]
        except OperatorError:
            await self._driver.drive(record)  # nobody was promised anything, and yet it may be there
            raise
        run = self._follow(record)
        await self._driver.drive(record)
        return run

    # --- what people do to runs --------------------------------------------------------------------------------

    async def answer_pause(self, workspace: str, run: str, step: str, value: Any, by: str = "") -> None:
        """Answer what a step asked; the run goes on, also one that was put away.

        Raises: InvalidAnswer naming the field, ConflictError when it was answered or is over, NotFoundError; and what
        keeps the answer from being written.
        """
        alive = self.alive(workspace, run)
        if alive is not None and await _told(alive, step, value, by):
            return
        async with self._living.claim(run):
            if alive is not None:
                await _settled(alive)
            record = await self._journal.record(workspace, run)
            while not await self._leave_answer(record, step, value, by):
                pass  # the run has gone on meanwhile, perhaps in another branch
        await self._see_to(record)

    async def _leave_answer(self, record: RunRecord, step: str, value: Any, by: str) -> bool:
        """Leave an answer for whoever drives the run; False: the run has gone on since it was looked at."""
        past = await self._journal.events(record.workspace, record.id)
        wait = asked(waits_of(past), step)
        fit(wait, value)
        signal = Signal(answer_to(wait), value, by, self._clock())
        try:
            # Not a new event: whoever drives the run, or just puts it away, must not be overtaken. And only to a run
            # that stands where it did: else it may have read an answer already, which left no trace but its events.
            await self._signal(record, signal, past[-1].seq)
        except ConflictError:
            left = await self._journal.signals(record.workspace, record.id)
            if any(other.name == signal.name for other in left):
                raise answered(step) from None
            return False
        return True

    async def _signal(self, record: RunRecord, signal: Signal, after: int | None = None) -> None:
        """Leave a signal. When one may be there that nobody looked at, the run is driven all the same: it looks."""
        try:
            await self._journal.signal(record.workspace, record.id, signal, after)
        except (ConflictError, OperatorError):
            await self._driver.drive(replace(record, due=None))
            raise

    async def _see_to(self, record: RunRecord) -> None:
        """Have a run driven that was told something; who asks next is to see that it goes on, if that is soon."""
        shown = self._follow(record)
        await self._driver.drive(record)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PROMPT):
                while shown.record.state == "waiting":
                    await shown.changed()

    async def cancel(self, workspace: str, run: str, reason: str = "") -> None:
        """Ask a run to end, wherever it is. Raises NotFoundError when it has ended, or is not there."""
        alive = self.alive(workspace, run)
        if alive is not None and alive.ending is None and alive.record.durability != "step":
            alive.cancel(reason)  # nothing of it is kept yet
            return
        record = await self.record(workspace, run)
        if record.state not in ("queued", "running", "waiting"):
            raise _over(run)
        if record.state == "queued" and await self._withdraw(record, reason):
            return
        try:
            await self._signal(record, Signal(CANCEL, reason, at=self._clock()))
        except ConflictError:
            return  # somebody has asked for it already
        alive = self.alive(workspace, run)
        if alive is not None and alive.execution is not None:
            alive.signals.add(CANCEL)
            alive.cancel(reason)
        else:  # it may have been put away since it was looked at
            await self._see_to(replace(await self._journal.record(workspace, run), due=None))

    async def _withdraw(self, record: RunRecord, reason: str) -> bool:
        """Cancel a run of which no step has begun; False: somebody has taken it up, or bodies may have to clean up."""
        past = await self._journal.events(record.workspace, record.id)
        cancelled = RunCancelled(past[-1].seq + 1, self._clock(), reason)
        if not isinstance(past[-1], RunStarted):
            return False
        run = self._follow(record)
        try:
            await self._journal.close(run.ended(cancelled), [cancelled])
        except ConflictError:
            return False
        for event in [*past[run.last :], cancelled]:
            run.add(event)
        return True

    async def close(self) -> None:
        """End what is not kept, and wait until everything is written; durable runs go on in another process."""
        self._closed = self._segments.closing = True
        for run in self._living:
            if run.record.durability != "step":
                run.cancel("Canevas was stopped")
        await self._driver.close()
        if self._looking is not None:
            self._looking.cancel()
        await self._whole.drain()
        for run in self._living.watched():
            run.leave()

    # --- other processes ---------------------------------------------------------------------------------------

    async def _look_around(self) -> None:
        """Hear what others want of the runs here, and see what becomes of the runs there that somebody here watches."""
        while True:
            await asyncio.sleep(_GLANCE)
            try:
                await self._segments.listen()
                for run in self._living.watched():
                    await self._catch_up(run)
            except CanevasError as error:
                log.warning("the runs of other processes cannot be seen: %s", error)

    # --- starting ----------------------------------------------------------------------------------------------

    def _record(self, start: Start) -> RunRecord:
        return record_of(start, self._clock(), self._providers(start.workspace, start.plan))

    def _open(self, start: Start) -> Run:
        record = self._record(start)
        past = [self._mask(start.workspace, event) for event in start.past]
        return self._whole.open(record, self._execution(start, record.id), past)

    def _execution(self, start: Start, id: str) -> Execution:
        return Execution(
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

    async def _waits(self, run: Run) -> None:
        """A run that was to be kept whole waits, and is on disk: from now on the driver sees to it."""
        if run.stopped is not None:  # too late for what drove it
            await self.cancel(run.record.workspace, run.record.id, run.stopped)
        elif not self._closed:
            await self._driver.drive(run.record)


def _over(run: str) -> NotFoundError:
    return NotFoundError("This run is not going on", run, "It has ended already; look at the list of runs.")


async def _told(run: Run, step: str, value: Any, by: str) -> bool:
    """Answer a run that is being driven, and wait until that is told; False: it is put away.

    Raises: InvalidAnswer, ConflictError.
    """
    while (execution := run.execution) is not None:
        fit(asked(run.waits, step), value)
        before = run.last
        try:
            execution.reply(step, value, by)
        except ConflictError:
            await run.changed()  # somebody was just faster, or the run is just being put away
            continue
        while not any(isinstance(e, StepResumed) and e.step == step and e.seq > before for e in run.log):
            if run.ending is not None:
                return True
            if run.execution is not execution:
                break  # it went with what drove the run; to be said again
            await run.changed()
        else:
            return True
    if run.ending is not None:
        raise answered(step)
    return False


async def _settled(run: Run) -> None:
    """Wait until a run that goes on no more is on disk, or was lost."""
    if run.written is not None:
        await asyncio.wait({run.written})
