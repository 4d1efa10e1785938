"""Several machines: a server, two `canevas worker`, Temporal and PostgreSQL; a worker dies, and the other goes on."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nodes.catalog import load
from runtime.assembly import Runtime, open_runtime
from runtime.graph.flow import Flow
from runtime.interpreter.events import RunCancelled, RunFinished, RunResumed, StepFinished
from runtime.interpreter.journal import RunRecord
from runtime.settings import Settings
from tests.servers.postgres import postgres, postgres_url
from tests.servers.temporal import Temporal, temporal

__all__ = ["postgres", "postgres_url", "temporal"]

START = {"kind": "api_start", "config": {"fields": [{"name": "n", "type": "number", "required": False}]}}
STEPS = 20
ROOT = Path(__file__).parents[2]


def slow(queue: str) -> Flow:
    """Twenty steps of a third of a second each."""
    wait = {"kind": "wait", "config": {"duration": 0.3, "unit": "seconds"}}
    steps = {"start": START, **{f"w{number}": wait for number in range(STEPS)}}
    edges = ["start.n -> w0", *(f"w{number}.output -> w{number + 1}" for number in range(STEPS - 1))]
    running = {"durability": "step", "queue": queue}
    return Flow.model_validate({"name": "Slow", "steps": steps, "edges": edges, "running": running})


@asynccontextmanager
async def worker(settings: Settings, queue: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A `canevas worker` of its own, and its name; it is killed in the end."""
    environment = {
        **os.environ,
        "CANEVAS_DATABASE_URL": settings.database_url,
        "CANEVAS_TEMPORAL_URL": settings.temporal_url,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "canevas", "worker", "--queues", queue, "--home", str(settings.home)),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            said = (await process.stdout.readline()).decode()
        found = re.match(r"Worker (\S+) takes", said)
        assert found, said
        yield process, found[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def going(runtime: Runtime, run: str) -> RunRecord:
    async with asyncio.timeout(30):
        while (record := await runtime.runs.record("home", run)).state != "running":
            await asyncio.sleep(0.05)
    return record


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str, temporal: Temporal) -> Settings:
    return Settings(home=tmp_path, database_url=postgres_url, temporal_url=temporal.url)


async def test_a_run_goes_on_when_its_worker_dies_and_ends_when_somebody_says_so(settings: Settings) -> None:
    async with open_runtime(settings, load()) as runtime:
        drawn = slow("slow")
        entry = await runtime.flows.create("home", drawn, "me")
        start = await runtime.prepare("home", drawn, {"n": 1}, source="test", id=entry.id)
        async with worker(settings, "slow") as (first, name), worker(settings, "slow") as (second, other):
            run = (await runtime.runs.begin(start)).id
            watching = asyncio.create_task(_watched(runtime, run))
            record = await going(runtime, run)
            dies, stays = (first, other) if record.worker == name else (second, name)
            await asyncio.sleep(1)
            dies.kill()
            async with asyncio.timeout(40):
                events = await watching
            resumed = [event for event in events if isinstance(event, RunResumed)]
            assert [(event.worker, event.lost) for event in resumed][-1] == (stays, True)
            assert isinstance(events[-1], RunFinished)
            finished = [event.step for event in events if isinstance(event, StepFinished)]
            assert len(finished) == len(set(finished)) == STEPS + 1
            assert [event.seq for event in events] == list(range(1, len(events) + 1))

            regretted = (await runtime.runs.begin(start)).id
            await going(runtime, regretted)
            began = asyncio.get_running_loop().time()
            await runtime.runs.cancel("home", regretted, "enough")
            async with asyncio.timeout(10):
                ending = (await _watched(runtime, regretted))[-1]
            assert isinstance(ending, RunCancelled)
            assert ending.reason == "enough"
            assert asyncio.get_running_loop().time() - began < 3


async def _watched(runtime: Runtime, run: str) -> list:
    return [event async for event in runtime.runs.watch("home", run) if hasattr(event, "seq")]
