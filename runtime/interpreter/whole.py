"""Runs that are kept whole: driven where the request arrived, written once when they end or wait, or not at all."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from runtime.interpreter.events import Ending, Event, Failure, RunCancelled, RunFailed
from runtime.interpreter.execution import Execution
from runtime.interpreter.journal import Journal, RunRecord
from runtime.interpreter.living import Living
from runtime.interpreter.run import Run

log = logging.getLogger(__name__)


class Whole:
    """Drives such runs. mask: replaces the values of secrets in an event. waits: takes over a run that waits."""

    def __init__(
        self,
        journal: Journal,
        living: Living,
        mask: Callable[[str, Event], Event],
        clock: Callable[[], float],
        waits: Callable[[Run], Awaitable[None]],
    ) -> None:
        self._journal, self._living, self._mask, self._clock, self._waits = journal, living, mask, clock, waits
        self._going: set[asyncio.Future[Any]] = set()  # runs that nobody awaits, and records on their way to disk

    def open(self, record: RunRecord, execution: Execution, past: list[Event]) -> Run:
        """A run that is known from now on."""
        run = Run(record, execution, past)  # type: ignore[arg-type]
        self._living.drive(run)
        return run

    def begin(self, run: Run) -> None:
        """Drive a run to its end whoever waits for it."""
        self._go(self.drive(run))

    async def drive(self, run: Run) -> Ending | None:
        """Drive a run to its end, and hand its record over to the journal; None: it waits."""
        mask, workspace, execution = self._mask, run.record.workspace, run.execution
        assert execution is not None
        try:
            async for events in execution.batches():
                for event in events:
                    run.add(mask(workspace, event))
            if run.ending is None:
                run.stand(run.waiting(self._clock()))
        except asyncio.CancelledError:
            # A server that stops gives up on its requests; what had happened must not vanish with them.
            if run.ending is None:
                run.add(RunCancelled(run.last + 1, time.time(), "Its request was cut off"))
            raise
        except Exception as crash:
            # Not a node's error (the engine turns those into events) but ours: whoever watches must not wait for ever.
            log.exception("run %s broke the engine", run.record.id)
            failure = Failure(f"Canevas failed inside: {type(crash).__name__}", "Report it, with the log.", "operator")
            run.add(RunFailed(run.last + 1, time.time(), "", failure))
        finally:
            self._keep(run)
        return run.ending

    async def drain(self) -> None:
        """Wait until everything has ended and is on disk."""
        while self._going:
            await asyncio.wait(self._going)

    def _go(self, work: Awaitable[Any]) -> None:
        going = asyncio.ensure_future(work)
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    def _keep(self, run: Run) -> None:
        """Hand the run over to the journal; this process knows it until it is on disk."""
        if run.ending is not None and run.record.durability == "fast":
            self._living.leave(run)
            return
        written = run.written = asyncio.ensure_future(self._journal.keep(run.record, run.durable))
        self._going.add(written)
        written.add_done_callback(partial(self._kept, run))

    def _kept(self, run: Run, written: "asyncio.Future[None]") -> None:
        self._going.discard(written)
        self._living.leave(run)
        lost = asyncio.CancelledError() if written.cancelled() else written.exception()
        if lost is not None:
            # The run itself is over and answered; the list of runs misses it, and the operator reads why.
            log.error("the record of run %s could not be kept", run.record.id, exc_info=lost)
        elif run.record.state == "waiting":
            self._go(self._waits(run))
