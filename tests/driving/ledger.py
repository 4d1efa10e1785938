"""Segments that do what a script says and write down what they did: many processes write into one file."""

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.interpreter.driver import Lease, Rest, elapsed

TURN = 0.02


@dataclass(frozen=True)
class Lap:
    """What one segment of a run does: hold on until it is let go (or drained), then rest.

    after: seconds from its rest until it wants to go on. fails: it raises, as a database that does not answer would.
    """

    state: str = "ended"
    after: float | None = None
    why: str = ""
    holds: bool = False
    fails: bool = False


@dataclass(frozen=True)
class Ledger:
    """A folder with the scripts of the runs and one file of lines, one thing that happened each."""

    folder: Path
    draining: asyncio.Event = field(default_factory=asyncio.Event)

    def script(self, run: str, *laps: Lap) -> None:
        """What the segments of a run do, one after the other; one that was cut off is done again."""
        (self.folder / f"{run}.json").write_text(json.dumps([lap.__dict__ for lap in laps]))

    def let_go(self, run: str) -> None:
        """What holds on rests now."""
        (self.folder / f"{run}.go").touch()

    def write(self, run: str, what: str, **more: Any) -> None:
        """One line, whole also when many processes write at once."""
        line = json.dumps({"run": run, "what": what, "pid": os.getpid(), "time": time.time(), **more}) + "\n"
        file = os.open(self.folder / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def lines(self, what: str = "", run: str = "") -> list[dict[str, Any]]:
        """What happened so far, in order."""
        path = self.folder / "ledger"
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in found if what in ("", line["what"]) and run in ("", line["run"])]

    async def until(self, what: str, run: str = "", count: int = 1, within: float = 30.0) -> list[dict[str, Any]]:
        """Wait until something happened so often."""
        async with asyncio.timeout(within):
            while len(found := self.lines(what, run)) < count:
                await asyncio.sleep(TURN)
        return found

    async def segment(self, workspace: str, run: str, lease: Lease) -> Rest:
        """The segment to give to a driver."""
        laps = json.loads((self.folder / f"{run}.json").read_text())
        lap = Lap(**laps[min(len(self.lines("rest", run)), len(laps) - 1)])
        self.write(run, "begin", held=lease.held, workspace=workspace)
        try:
            return await self._lap(run, lap, lease)
        except asyncio.CancelledError:
            self.write(run, "cut", held=lease.held)
            raise

    async def _lap(self, run: str, lap: Lap, lease: Lease) -> Rest:
        turn = elapsed()
        while lap.holds and not (self.folder / f"{run}.go").exists():
            if self.draining.is_set():
                self.write(run, "drained")
                return Rest("queued")
            await asyncio.sleep(TURN)
            if elapsed() - turn > 0.5:
                self.write(run, "woke", held=lease.held, away=elapsed() - turn)
            turn = elapsed()
        if lap.fails and not self.lines("failed", run):
            self.write(run, "failed")
            raise ConnectionError("the database at secret:5432 does not answer")
        self.write(run, "rest", state=lap.state)
        return Rest(lap.state, None if lap.after is None else time.time() + lap.after, lap.why)
