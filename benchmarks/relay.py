"""Tokens of runs in one process, watched in another: over PostgreSQL, Valkey and NATS, and inside one process.

    python benchmarks/relay.py [--seconds 5] [--only valkey]

The servers come as wheels (the development dependencies) and are started on the loopback with their defaults. A worker
process tells; this process listens. Latency is from `tell` to the listener, at 20 runs of 50 tokens a second each; CPU
is of each process for one token at that rate, and when all is told as fast as the loop turns. Prints a Markdown table.
"""

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from runtime.interpreter.events import StepDelta
from runtime.relay.reel import Listener, Piece
from runtime.relay.relay import Relay
from tests.relay.stations import OwnPostgres, Server, Station
from tests.servers.nats import Nats
from tests.servers.valkey import Valkey

KINDS = ("local", "postgresql", "valkey", "nats")
RUNS, PAUSE = 20, 0.02
BURST = 20_000
LATE = 2_000
COLUMNS = (
    "relay",
    "p50 / p95 / worst, ms",
    "CPU a token, worker",
    "CPU a token, server",
    "at once: worker",
    "server",
    "tokens/s",
    "unwatched: worker",
    f"late, {LATE:,} tokens",
)


@dataclass(slots=True)
class Task:
    """What the worker is to tell: `tokens` in each of `runs`, with so many seconds between two."""

    name: str
    runs: int
    tokens: int
    pause: float


async def tell(relay: Relay, task: Task) -> None:
    """Tell it; each delta says when. The last piece of a run is a notice."""
    for _ in range(task.tokens):
        for run in range(task.runs):
            relay.tell("bench", f"{task.name}{run}", 1, 1, StepDelta("write", f"{time.monotonic():.9f}"))
        await asyncio.sleep(task.pause)
    for run in range(task.runs):
        relay.tell("bench", f"{task.name}{run}", 1, 2)


async def work(kind: str, url: str) -> None:
    """The worker: a task a line of its input, and the CPU time of each a line of its output."""
    relay = await Station.of(kind, url).relay()
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = Task(**json.loads(line))
        before = time.process_time()
        await tell(relay, task)
        if task.pause:
            await asyncio.sleep(0.2)  # what was told last is sent
        print(json.dumps(time.process_time() - before), flush=True)


async def listen(listener: Listener) -> list[float]:
    """Milliseconds that each delta of a run took, until its notice."""
    took: list[float] = []
    async for piece in listener:
        assert isinstance(piece, Piece), piece
        if piece.delta is None:
            return took
        took.append((time.monotonic() - float(piece.delta.text)) * 1000)
    raise AssertionError("the relay was closed")


async def watched(
    relay: Relay, task: Task, ordered: "Callable[[Task], asyncio.Future[float]]"
) -> tuple[list[float], float, float, float]:
    """Latencies, CPU seconds of the worker, of this process, and seconds, of a task."""

    async def watch(run: int) -> list[float]:
        with relay.listen("bench", f"{task.name}{run}") as listener:
            return await listen(listener)

    watching = [asyncio.create_task(watch(run)) for run in range(task.runs)]
    await asyncio.sleep(0.5)
    before, began = time.process_time(), time.monotonic()
    done = ordered(task)
    took = [each for run in await asyncio.gather(*watching) for each in run]
    seconds, cpu = time.monotonic() - began, time.process_time() - before
    return took, await done, cpu, seconds


async def measure(kind: str, url: str, seconds: float) -> list[str]:
    """A line of the table."""
    station = Station.of(kind, url)
    relay = await station.relay()
    process = None
    if kind != "local":
        command = [sys.executable, __file__, "--worker", kind, url]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ordered(task: Task) -> "asyncio.Future[float]":
        if process is None:
            return asyncio.ensure_future(alone(relay, task))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({name: getattr(task, name) for name in Task.__slots__}) + "\n")
        process.stdin.flush()
        output = process.stdout
        return asyncio.ensure_future(asyncio.to_thread(lambda: float(output.readline())))

    await watched(relay, Task("warm", 1, 20, 0.01), ordered)
    tokens = int(seconds / PAUSE)
    took, worker, server, _ = await watched(relay, Task("steady", RUNS, tokens, PAUSE), ordered)
    paced = RUNS * tokens
    _, fast_worker, fast_server, lasted = await watched(relay, Task("burst", RUNS, BURST // RUNS, 0), ordered)
    unwatched = await ordered(Task("unseen", RUNS, BURST // RUNS, 0))
    await ordered(Task("late", 1, LATE, 0))
    began = time.monotonic()
    with relay.listen("bench", "late0") as listener:
        await listen(listener)
    late = (time.monotonic() - began) * 1000
    if process is not None:
        process.communicate()
    await station.close()
    took.sort()
    p95 = took[int(len(took) * 0.95)]
    both = process is None  # one process is both, and its CPU time cannot be told apart
    return [
        {"local": "in process", "postgresql": "PostgreSQL", "valkey": "Valkey", "nats": "NATS"}[kind],
        " / ".join(map(short, (statistics.median(took), p95, took[-1]))),
        micro(worker, paced),
        "" if both else micro(server, paced),
        micro(fast_worker, BURST),
        "" if both else micro(fast_server, BURST),
        f"{BURST / lasted:,.0f}",
        micro(unwatched, BURST),
        f"{short(late)} ms",
    ]


async def alone(relay: Relay, task: Task) -> float:
    """Tell a task in this process."""
    before = time.process_time()
    await tell(relay, task)
    return time.process_time() - before


def micro(seconds: float, count: int) -> str:
    """Microseconds for one of so many."""
    return f"{short(seconds / count * 1e6)} µs"


def short(number: float) -> str:
    """A number with as many digits as mean something."""
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"


def main() -> None:
    """Measure each kind, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--worker", nargs=2, metavar=("KIND", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if given.worker:
        uvloop.run(work(*given.worker))
        return
    print("| " + " | ".join(COLUMNS) + " |")
    print("| --- |" + " ---: |" * (len(COLUMNS) - 1), flush=True)
    for kind in [given.only] if given.only else KINDS:
        made: dict[str, Callable[[], Server]] = {"postgresql": OwnPostgres, "valkey": Valkey, "nats": Nats}
        server = made[kind]() if kind in made else None
        if server is not None:
            server.start()
        try:
            print(
                f"| {' | '.join(uvloop.run(measure(kind, server.url if server else '', given.seconds)))} |", flush=True
            )
        finally:
            if isinstance(server, OwnPostgres):
                server.remove()
            elif server is not None:
                server.kill()


if __name__ == "__main__":
    main()
