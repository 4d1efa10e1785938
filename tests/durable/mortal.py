"""Processes that drive durable runs and kill themselves at a named point; run as a script, it forks them on demand.

The script reads a job a line from its input and writes how the process of the job ended. It holds the imports, so a
process costs milliseconds and not the second that Python needs to load everything.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from runtime.driving.local import LocalDriver
from runtime.errors import ConflictError
from runtime.interpreter import engine
from runtime.interpreter.cut import CUT
from runtime.interpreter.driver import Lease, Rest, Segment
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.runs import Runs
from runtime.interpreter.services import Services
from runtime.interpreter.start import Start
from runtime.settings import Settings
from runtime.storage.changes import Change, Refusals
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal
from runtime.storage.writer import RunWriter
from tests.durable.flows import DONE_BEFORE, POSTS, YES, Plans, drawn_all

PLANS = Plans(drawn_all())


class Ledger:
    """What the world outside has seen, line by line in a file; a line that was written outlives who wrote it."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self.path = Path(path)

    def write(self, what: str, about: str) -> None:
        os.write(self._file, f"{what} {about}\n".encode())

    def lines(self) -> list[tuple[str, ...]]:
        return [tuple(line.split(" ", 1)) for line in self.path.read_text().splitlines()]


class Reaper:
    """Kills this process at the `count`th time that it comes to a point; without a point it counts them."""

    def __init__(self, point: str, count: int, ledger: Ledger) -> None:
        self._point, self._left, self._ledger = point, count, ledger

    def __call__(self, point: str) -> None:
        if not self._point:
            self._ledger.write("point", point)
        elif point == self._point:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


class MortalWriter(RunWriter):
    """Dies before a transaction, or when it is durable and nobody knows."""

    def __init__(self, database: Database, reap: Reaper) -> None:
        super().__init__(database)
        self._reap = reap

    async def _written(self, changes: list[Change]) -> Refusals:
        kinds = {_kind(change) for change in changes}
        for kind in sorted(kinds):
            self._reap(f"before {kind}")
        written = await super()._written(changes)
        for kind in sorted(kinds):
            self._reap(f"after {kind}")
        return written


def _kind(change: Change) -> str:
    if change.run is not None:
        return "open"
    if change.parks:
        return "park"
    if change.signal is not None:
        return "signal"
    return "append" if change.standing is None else "close"


class MortalDriver(LocalDriver):
    """Dies before and after segments, and when a time has come."""

    reap: Reaper

    async def open(self, segment: Segment) -> None:
        async def mortal(workspace: str, run: str, lease: Lease) -> Rest:
            self.reap("before segment")
            rest = await segment(workspace, run, lease)
            self.reap("after segment")
            return rest

        await super().open(mortal)

    async def _see(self) -> None:
        self.reap("timer")
        await super()._see()


class Window:
    """The world outside, as nodes reach it."""

    def __init__(self, ledger: Ledger, reap: Reaper) -> None:
        self._ledger, self._reap = ledger, reap

    async def post(self, key: str) -> None:
        self._ledger.write("entered", key)
        self._reap("before effect")
        await asyncio.sleep(0.001)
        self._ledger.write("posted", key)
        self._reap("after effect")
        await asyncio.sleep(0.001)

    async def busy(self, key: str) -> bool:
        self._ledger.write("asked", key)
        return Counter(self._ledger.lines())["asked", key] <= DONE_BEFORE


class Life:
    """One process: starts what nobody has promised yet, and goes on until every run is at its end."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.workspace = job["workspace"]
        self.ledger = Ledger(job["ledger"])
        self.reap = Reaper(*job["kill"], self.ledger)
        self.database = Database(Settings(home=Path(job["home"]), database_url=job["url"]))
        self.journal = SqlJournal(self.database)
        self.journal._writer = MortalWriter(self.database, self.reap)
        # As the product does: what a server still writes of a process that is dead comes after others have looked.
        self.driver = MortalDriver(self.journal, shared=bool(job["url"]))
        self.driver.reap = self.reap
        window = Window(self.ledger, self.reap)
        services = Services(None, window, None, None)  # type: ignore[arg-type]
        self.runs = Runs(self.journal, self.driver, lambda workspace: services, plan_of=PLANS.of)

    async def live(self) -> None:
        await self.runs.open()
        promised = {about for what, about in self.ledger.lines() if what == "accepted"}
        await asyncio.gather(*(self._begin(flow) for flow in POSTS if flow not in promised))
        while any([await self._attend(record) for record in await self.journal.records(self.workspace)]):
            await asyncio.sleep(0.01)
        await self.runs.close()
        await self.database.close()

    async def _begin(self, flow: str) -> None:
        start = Start(PLANS.plans[flow], {}, self.workspace, flow, "webhook", id=f"{self.workspace}-{flow}", key="1")
        try:
            await self.runs.begin(start)
        except ConflictError:
            assert await self.runs.keyed(self.workspace, flow, "1") is not None
        self.reap("before acknowledgement")
        self.ledger.write("accepted", flow)
        self.reap("after acknowledgement")

    async def _attend(self, record: RunRecord) -> bool:
        """Answer what a run asks; whether it goes on."""
        for wait in record.waits:
            if wait.request is None:
                continue
            value: Any = YES
            if wait.request.get(CUT):  # a person looks into the ledger
                posted = ("posted", f"{record.id}:{wait.step}") in self.ledger.lines()
                value = {"choice": "done", "output": {"output": None}} if posted else {"choice": "again"}
            try:
                await self.runs.answer_pause(self.workspace, record.id, wait.step, value)
            except ConflictError:
                continue
            self.reap("before answer's acknowledgement")
            self.ledger.write("answered", f"{record.id}:{wait.step}")
            self.reap("after answer's acknowledgement")
        return record.state not in ("done", "failed", "cancelled")


def _die_or_end(job: dict[str, Any]) -> None:
    logging.disable(logging.CRITICAL)
    engine.PATIENCE = 0.05  # else a short wait is not put away
    if job.get("after"):  # the system ends it wherever it is, also inside SQLite
        signal.setitimer(signal.ITIMER_REAL, job["after"])

    async def main() -> None:
        async with asyncio.timeout(40):
            await Life(job).live()

    code = 1
    try:
        asyncio.run(main())
        code = 0
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def fork_on_demand() -> None:
    """Fork a process for each job, and say with which code it ended; negative: by which signal."""
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            _die_or_end(job)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    fork_on_demand()
