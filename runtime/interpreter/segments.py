"""Segments of runs that are kept step by step: claim a run, go on with it, write each step down, put it away or end it.

Who owns a run is told by its events: a claim appends RunResumed, and from then on what the owner before would append
does not follow. Between a write and the body that it lets begin stands nothing but a look at the lease.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Protocol

import msgspec
from msgspec.structs import replace

from runtime.errors import AuthorError, CanevasError, ConflictError, NotFoundError, OperatorError
from runtime.graph.plan import BrokenFlow, Plan
from runtime.interpreter.driver import Lease, Rest
from runtime.interpreter.events import (
    ENDINGS,
    STATE_OF,
    Durable,
    Event,
    Failure,
    RunFailed,
    RunResumed,
    RunStarted,
    StepDelta,
    StepFinished,
    StepPaused,
    StepResumed,
)
from runtime.interpreter.execution import Execution
from runtime.interpreter.journal import CANCEL, Journal, RunRecord, Signal, Signalled, answer_to
from runtime.interpreter.living import Living
from runtime.interpreter.run import Run
from runtime.interpreter.services import Services
from runtime.interpreter.waits import Wait, waits_of

log = logging.getLogger(__name__)

PlanOf = Callable[[RunRecord, Mapping[str, int]], Awaitable[Plan]]
"""The plan with which a recorded run was started; with the versions of other flows that it runs."""

MOST_LOST = 5  # processes that may die with a run, with no step finished in between, before it is taken for the cause
_SOON, _LATER = 0.05, 1.0  # seconds between two tries to write
_UNFIT = 5.0  # seconds until a run that this process cannot drive is offered again
_OVER = frozenset(STATE_OF.values())


class Live(Protocol):
    """Tells other processes what happens in a run, for those who watch it there; never waits, never raises."""

    def tell(self, workspace: str, run: str, epoch: int, after: int, delta: StepDelta | None = None) -> None:
        """A delta, or without one: the journal has the events up to `after`. epoch: the seq of the claim."""
        ...

    def done(self, workspace: str, run: str) -> None:
        """The run is driven here no more."""
        ...


class Silent:
    """Where there is no other process."""

    def tell(self, workspace: str, run: str, epoch: int, after: int, delta: StepDelta | None = None) -> None:
        """Nobody listens."""

    def done(self, workspace: str, run: str) -> None:
        """Nobody listens."""


class Taken(Exception):
    """Somebody else drives the run by now."""


class Segments:
    """Drives runs, each from where its events end until it ends or waits.

    worker: the name of this process in the record. mask: replaces the values of secrets in an event. live: tells other
    processes what happens.
    """

    def __init__(
        self,
        journal: Journal,
        living: Living,
        services: Callable[[str], Services],
        mask: Callable[[str, Event], Event],
        plan_of: PlanOf,
        clock: Callable[[], float],
        worker: str,
        live: Live,
    ) -> None:
        self._journal, self._living, self._services, self._mask, self._live = journal, living, services, mask, live
        self._plan_of, self._clock, self.worker = plan_of, clock, worker
        self.closing = False  # runs stop at their next checkpoint, for another process to go on with

    async def drive(self, workspace: str, id: str, lease: Lease) -> Rest:
        """See `driver.Segment`."""
        while True:
            async with self._living.claim(id):
                run = self._living.driven(workspace, id)
                if run is not None and run.driving:
                    return Rest("ended", why="it is driven here already")
                if run is None:
                    claimed = await self._claim(workspace, id, lease)
                    if isinstance(claimed, Rest):
                        return claimed
                    run = claimed
                run.driving = True
            try:
                rest = await self._go_on(run, lease)
            except Taken:
                log.warning("run %s is driven by another process now", id)
                rest = Rest("queued", self._clock() + _LATER, "another process drives it")
            finally:
                run.driving = False
                if run.ending is None:
                    run.stand(run.record)
                self._living.leave(run)
                self._live.done(workspace, id)
            if rest is not None:
                return rest

    # --- claiming ----------------------------------------------------------------------------------------------

    async def _claim(self, workspace: str, id: str, lease: Lease) -> Run | Rest:
        """Own the run from here on, if there is something to do."""
        try:
            record, now = await self._journal.record(workspace, id), self._clock()
        except NotFoundError:
            return Rest("ended", why="it was refused, or is gone")
        if record.state in _OVER:
            return Rest("ended")
        if self.closing:
            return Rest("queued")
        signals = await self._journal.signals(workspace, id)
        if record.state == "queued" and record.due is not None and record.due > now and not signals:
            return Rest("queued", record.due)
        if record.state == "waiting" and not signals and (record.wake is None or record.wake > now):
            return Rest("waiting", record.wake)
        try:
            past = await self._journal.events(workspace, id)
            if isinstance(past[-1], ENDINGS):
                return Rest("ended")  # since its record was read
            began = next(event for event in past if isinstance(event, RunStarted))
            plan = await self._plan_of(record, began.pins)
        except msgspec.ValidationError as error:
            return await self._unfit(record, f"A newer Canevas began it: {error}")
        except BrokenFlow as error:
            if any(problem.code != "unknown_kind" for problem in error.problems):
                return await self._impossible(record, error)
            return await self._unfit(record, str(error))
        except NotFoundError as error:
            return await self._impossible(record, error)
        lost = record.state == "running" and record.worker != self.worker
        if lost and died_with(past) >= MOST_LOST:
            return await self._impossible(record, _deadly())
        cancel = next((signal for signal in signals if signal.name == CANCEL), None)
        news, read = self._news(past, signals, now, lost)
        execution = Execution(plan, self._services(workspace), past=[*past, *news], run=id, clock=self._clock)
        record = replace(
            record, state="running", waits=(), wake=None, due=None, error="", worker=self.worker, since=now
        )
        told: list[Durable] = [self._mask(workspace, event) for event in news]  # type: ignore[misc]
        await self._journal.close(record, told, read=read)
        if not lease.held:
            raise OperatorError("The right to drive was lost while the run was claimed", id, "Another process goes on.")
        run = self._living.known(workspace, id) or Run(record)
        for event in past[run.last :]:
            run.add(event)
        run.stand(record, execution)
        self._living.drive(run)
        run.epoch = told[0].seq
        for event in told:
            run.add(event)
        self._live.tell(workspace, id, run.epoch, run.last)
        if cancel is not None:
            run.signals.add(CANCEL)
            run.cancel(str(cancel.value or ""))
        return run

    def _news(
        self, past: Sequence[Durable], signals: Sequence[Signal], now: float, lost: bool
    ) -> tuple[list[Durable], list[str]]:
        """What is told first when the run goes on: who drives it, and what it waited for; and the signals that says."""
        seq = past[-1].seq + 1
        news: list[Durable] = [RunResumed(seq, now, self.worker, lost)]
        read = []
        said = {signal.name: signal for signal in signals if signal.name != CANCEL}
        for wait in waits_of(past):
            answer = said.pop(answer_to(wait), None)
            late = wait.until is not None and wait.until <= now
            if answer is not None:
                news.append(StepResumed(seq + len(news), now, wait.step, answer.value, answer.by))
                read.append(answer.name)
            elif late:
                news.append(StepResumed(seq + len(news), now, wait.step, late=True))
        return news, [*read, *said]  # what answers nothing any more goes too

    async def _unfit(self, record: RunRecord, why: str) -> Rest:
        """Something that the run needs is not here, such as a kind of node: it stays queued, and says so."""
        if record.error != why:
            await self._journal.close(replace(record, state="queued", error=why, worker=""))
        return Rest("queued", self._clock() + _UNFIT, why)

    async def _impossible(self, record: RunRecord, error: CanevasError) -> Rest:
        """The run can go on nowhere: it has failed, and says why."""
        past = await self._journal.events(record.workspace, record.id)
        failed = RunFailed(past[-1].seq + 1, self._clock(), "", Failure.of(error))
        run = self._living.known(record.workspace, record.id) or Run(record)
        await self._journal.close(run.ended(failed, past), [failed])
        for event in [*past[run.last :], failed]:
            run.add(event)
        return Rest("ended")

    # --- going on ----------------------------------------------------------------------------------------------

    async def _go_on(self, run: Run, lease: Lease) -> Rest | None:
        """Drive a run; None: it would wait, but somebody wants something of it."""
        execution, workspace = run.execution, run.record.workspace
        assert execution is not None
        try:
            async with aclosing(execution.checkpoints()) as checkpoints:
                async for events in checkpoints:
                    await self._keep(run, [self._mask(workspace, event) for event in events], lease)
                    if not lease.held:
                        raise Taken
                    if self.closing and run.ending is None and not execution.busy:
                        return await self._give_back(run, lease)
        except asyncio.CancelledError:
            if self.closing and run.ending is None and lease.held:
                await self._give_back(run, lease)
            raise
        except (CanevasError, Taken):
            raise
        except Exception as crash:
            # Not a node's error (the engine turns those into events) but ours: whoever watches must not wait for ever.
            log.exception("run %s broke the engine", run.record.id)
            failure = Failure(f"Canevas failed inside: {type(crash).__name__}", "Report it, with the log.", "operator")
            await self._keep(run, [RunFailed(run.last + 1, self._clock(), "", failure)], lease)
        return Rest("ended") if run.ending is not None else await self._park(run, lease)

    async def _keep(self, run: Run, events: list[Event], lease: Lease) -> None:
        """Write down what has happened; those who watch learn of it when it is on disk."""
        durable = [event for event in events if not isinstance(event, StepDelta)]
        if durable:
            read = self._read(run, durable)
            record, last = run.record, durable[-1]
            accepted = run.written is None or run.written.done()
            if isinstance(last, ENDINGS):
                record, read = run.ended(last, durable), [*run.signals]
            if not accepted:
                await self._open(run, record, durable)
            elif isinstance(last, ENDINGS) or any(isinstance(event, StepPaused | StepResumed) for event in durable):
                if not isinstance(last, ENDINGS):
                    record = replace(record, waits=waits_of([*run.log, *durable]))
                await self._write(run, durable, lease, lambda: self._journal.close(record, durable, read=read))
            else:
                place = record.workspace, record.id
                await self._write(run, durable, lease, lambda: self._journal.append(*place, durable))
        place = run.record.workspace, run.record.id
        for event in events:
            run.add(event)
            if isinstance(event, StepDelta):
                self._live.tell(*place, run.epoch, run.last, event)
        if durable:
            self._live.tell(*place, run.epoch, run.last)

    def _read(self, run: Run, durable: Sequence[Durable]) -> list[str]:
        """The signals that have come to something."""
        if not run.signals:
            return []
        steps = {event.step for event in durable if isinstance(event, StepResumed)}
        return [name for name in run.signals if name.rpartition("@")[0] in steps]

    async def _open(self, run: Run, record: RunRecord, durable: Sequence[Durable]) -> None:
        """The first write of a new run: from then on it is accepted. When it fails, nobody was promised a run.

        Raises: OperatorError when it may be there all the same; then it is to be driven again. Taken.
        """
        assert run.written is not None
        try:
            await self._journal.open(record, durable, run.key)
        except CanevasError as error:
            run.written.set_exception(error)
            run.written.exception()  # whoever started the run is told; nobody else needs to be
            if isinstance(error, OperatorError):
                raise
            raise Taken from error
        run.written.set_result(None)

    async def _write(
        self, run: Run, durable: Sequence[Durable], lease: Lease, write: Callable[[], Awaitable[None]]
    ) -> None:
        """Write, however long the database is away: that it does not answer fails no step. Raises: Taken."""
        wait, unsure = _SOON, False
        while True:
            try:
                await write()
            except Signalled:
                raise
            except ConflictError:
                if unsure and await self._stands(run, durable):
                    return  # the answer to an earlier try was lost
                raise Taken from None
            except OperatorError as error:
                if not unsure:
                    log.warning("run %s waits for its record to be written: %s", run.record.id, error)
                unsure = True
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LATER)
                if not lease.held:
                    raise Taken from None
            else:
                return

    async def _stands(self, run: Run, durable: Sequence[Durable]) -> bool:
        """Whether the journal has these events already."""
        if not durable:
            return False
        there = await self._journal.events(run.record.workspace, run.record.id, durable[0].seq - 1)
        return there[: len(durable)] == list(durable)

    # --- resting -----------------------------------------------------------------------------------------------

    async def _park(self, run: Run, lease: Lease) -> Rest | None:
        """Put a run away that only waits, unless somebody wants something of it."""
        record = run.waiting(self._clock())
        try:
            await self._write(run, (), lease, lambda: self._journal.close(record, after=run.last, parks=True))
        except Signalled:
            return None
        run.stand(record)
        return Rest("waiting", record.wake)

    async def _give_back(self, run: Run, lease: Lease) -> Rest:
        """This process ends: let another one go on with the run."""
        record = replace(run.record, state="queued", since=self._clock(), worker="")
        await self._write(run, (), lease, lambda: self._journal.close(record, after=run.last))
        run.stand(record)
        run.leave()
        return Rest("queued")

    # --- signals -----------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Tell the runs that are driven here what others want of them; to be called a few times a second."""
        for workspace, id in await self._journal.signalled(self.worker):
            run = self._living.driven(workspace, id)
            if run is not None and run.execution is not None:
                for signal in await self._journal.signals(workspace, id):
                    self._tell(run, signal)

    def _tell(self, run: Run, signal: Signal) -> None:
        if signal.name in run.signals or run.execution is None:
            return
        run.signals.add(signal.name)
        if signal.name == CANCEL:
            run.cancel(str(signal.value or ""))
            return
        waits = {answer_to(wait): wait for wait in run.waits}
        wait: Wait | None = waits.get(signal.name)
        if wait is not None:
            with suppress(ConflictError):  # its time was over in the same moment
                run.execution.reply(wait.step, signal.value, signal.by)


def died_with(past: Sequence[Durable]) -> int:
    """How many processes have died with a run since a step of it last finished."""
    count = 0
    for event in reversed(past):
        if isinstance(event, StepFinished | StepPaused):
            break
        count += isinstance(event, RunResumed) and event.lost
    return count


def _deadly() -> AuthorError:
    what = f"{MOST_LOST} processes have died while they ran this step, so it is not tried again"
    return AuthorError(what, "", "See what the step needs, such as memory; then repeat the run from there.")
