"""What is done with mortal processes, and what must be true when every run is at its end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from runtime.interpreter.events import Durable, RunFinished, StepFinished, StepResumed, StepStarted
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal
from tests.durable.flows import POSTS
from tests.durable.mortal import Ledger

Kill = tuple[str, int]  # a point, and at which time
NEVER: Kill = ("nowhere", 1)


class Nursery:
    """Gives birth to processes; see `mortal`."""

    def __init__(self) -> None:
        root = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.durable.mortal"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": root},
        )

    def bear(self, job: dict[str, Any]) -> int:
        """A process that lives from now on: its id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """Wait for its end: 0, or the signal that killed it, below 0."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


class Place:
    """A database and the processes on it; a story is a workspace of its own."""

    def __init__(self, nursery: Nursery, home: Path, url: str) -> None:
        self._nursery, self._home, self._url = nursery, home, url
        self._stories = 0

    async def prepare(self) -> None:
        await (await Database.connect(self._settings)).close()

    @property
    def _settings(self) -> Settings:
        return Settings(home=self._home, database_url=self._url)

    async def story(self, kills: list[Kill], *, after: float = 0.0) -> tuple[int, list[str]]:
        """Processes that are killed there, one after the other, and one that ends: how many were, what is wrong.

        after: seconds after which the first is killed, wherever it is.
        """
        self._stories += 1
        name = f"s{self._stories}"
        job = {"home": str(self._home), "url": self._url, "workspace": name, "ledger": str(self._home / name)}
        killed = 0
        for number, kill in enumerate([*kills, NEVER]):
            sudden = {"after": after} if after and not number else {}
            code = await asyncio.to_thread(self._live, {**job, "kill": kill, **sudden})
            if code == 0:
                break
            if code not in (-signal.SIGKILL, -signal.SIGALRM):
                return killed, [f"the process after {killed} kills ended with {code}"]
            killed += 1
        return killed, await self._verdict(name, killed)

    async def points(self) -> Counter[str]:
        """How often a process that nobody kills comes to each point."""
        job = {"home": str(self._home), "url": self._url, "workspace": "dry", "ledger": str(self._home / "dry")}
        assert await asyncio.to_thread(self._live, {**job, "kill": ("", 1)}) == 0
        return Counter(about for what, about in Ledger(job["ledger"]).lines() if what == "point")

    async def stopped(self, seconds: float) -> list[str]:
        """The only process is stopped in the middle of its runs, and goes on."""
        name = "stopped"
        job = {"home": str(self._home), "url": self._url, "workspace": name, "ledger": str(self._home / name)}
        pid = self._nursery.bear({**job, "kill": NEVER})
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
        code = await asyncio.to_thread(self._nursery.ended)
        assert code == 0
        return await self._verdict(name, 0)

    def _live(self, job: dict[str, Any]) -> int:
        self._nursery.bear(job)
        return self._nursery.ended()

    async def _verdict(self, name: str, kills: int) -> list[str]:
        database = Database(self._settings)
        journal = SqlJournal(database)
        seen = Counter(Ledger(str(self._home / name)).lines())
        wrong = [f"{flow} was never accepted" for flow in POSTS if not seen["accepted", flow]]
        for flow in POSTS:
            run = f"{name}-{flow}"
            wrong += judged(flow, run, await journal.events(name, run), seen, kills)
        await database.close()
        return wrong


def judged(flow: str, run: str, log: list[Durable], seen: Counter[tuple[str, ...]], kills: int) -> list[str]:
    """What is wrong with a run that should have ended by now, after so many kills."""
    wrong = []

    def must(right: bool, what: str) -> None:
        if not right:
            wrong.append(f"{run}: {what}")

    must(isinstance(log[-1], RunFinished), f"ended with {log[-1]}")
    must([event.seq for event in log] == list(range(1, len(log) + 1)), "the seq has gaps")
    posted = {about.partition(":")[2] for what, about in seen if what == "posted" and about.startswith(f"{run}:")}
    must(posted == set(POSTS[flow]), f"posted {sorted(posted)}")
    for step in POSTS[flow]:
        key = f"{run}:{step}"
        entered, done = seen["entered", key], seen["posted", key]
        place = {type(event): event.seq for event in log if getattr(event, "step", "") == step}
        started = sum(isinstance(event, StepStarted) and event.step == step for event in log)
        finished = sum(isinstance(event, StepFinished) and event.step == step for event in log)
        must(finished == 1, f"{step} finished {finished} times")
        must(place.get(StepStarted, 0) < place.get(StepFinished, 0), f"{step} was begun after it had finished")
        must(entered <= started, f"{step} was entered {entered} times and announced {started} times")
        must(done <= 1 + kills, f"{step} posted {done} times after {kills} kills")
        if step == "once":
            again = sum(isinstance(e, StepResumed) and e.step == step and e.value["choice"] == "again" for e in log)
            must(entered <= 1 + again, f"{step} ran {entered} times, and {again} times somebody said so")
            must(done == 1, f"{step} posted {done} times")
    return wrong
