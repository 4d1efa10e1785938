"""Canevas beside Burr, pydantic-graph, Haystack, LangGraph and bare asyncio, in turns: CPU, wall time and memory.

    python benchmarks/engine_peers.py [--rounds 5] [--turn 0.1]

Chains of 10, 100 and 1,000 pass-through steps, a fan of 1-100-1, a loop of 1,000 rounds, 200 concurrent runs of a
chain of 10 in which one step sleeps 100 ms; the memory that a run holds while it waits there; compiling 1,000 steps;
importing the library in a fresh process. `make peers` installs the peers; without them the rest is measured. Prints
Markdown tables, and which of this project's targets were met.
"""

import argparse
import asyncio
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from drawings import GIVEN, Bare, Canevas, Engine, Way
from peers import engines

CONCURRENT, SLEEP = 200, 0.1
FLAT = (10, 100, 1_000, 10_000)
IMPORTS = 3
SLOW = 1.0  # seconds of CPU a run above which a way has two turns only
ENGINE = "runtime.interpreter.engine"
# The peak of the process itself: on Linux `getrusage` would give that of the process that started it, too.
PROBE = """
import sys; sys.path.insert(0, {root!r}); import {module}; import time; cpu = time.process_time()
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
except OSError:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 ** (2 if sys.platform == "darwin" else 1)
print(cpu, peak)
"""


@dataclass(slots=True)
class Measured:
    """A way that one engine runs one flow. steps: in one call of it. cpu, wall: seconds a step, by turn."""

    way: Way
    answer: object
    steps: int
    times: int = 1
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    async def warm(self, turn: float) -> None:
        """Run it once, see that it is right, and find out how often it fits into a turn."""
        began = time.process_time()
        given = await self.way()
        if given != self.answer:
            raise AssertionError(f"expected {self.answer!r}, got {given!r}")
        await self.way()
        self.times = max(1, int(turn * 2 / (time.process_time() - began + 1e-9)))

    async def turn(self) -> None:
        """One turn."""
        if len(self.cpu) >= 2 and self.cpu[0] * self.steps > SLOW:
            return
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(self.times):
            await self.way()
        self.cpu.append((time.process_time() - cpu) / self.times / self.steps)
        self.wall.append((time.perf_counter() - wall) / self.times / self.steps)


Table = dict[str, dict[str, Measured]]  # by the case's name, then by the engine's


def cases(engines: list[Engine]) -> Table:
    """Every flow for every engine."""
    table: Table = {}
    for engine in engines:
        ways = {
            **{f"chain {length:,}": (engine.chain(length), GIVEN, length) for length in (10, 100, 1_000)},
            "fan 1-100-1": (engine.fan(100), [GIVEN] * 100, 102),
            "loop 1,000": (engine.loop(1_000), 1_000, 1_000),
        }
        together = partial(_together, engine.chain(10, lambda: asyncio.sleep(SLEEP)))
        ways[f"{CONCURRENT} at once"] = (together, [GIVEN] * CONCURRENT, CONCURRENT * 10)
        for name, (way, answer, steps) in ways.items():
            table.setdefault(name, {})[engine.name] = Measured(way, answer, steps)
    return table


async def _together(way: Way) -> list[object]:
    return list(await asyncio.gather(*(way() for _ in range(CONCURRENT))))


async def in_turns(table: Table, rounds: int, turn: float) -> None:
    """Measure: at every round every engine has its turn at every flow."""
    for ways in table.values():
        for way in ways.values():
            await way.warm(turn)
    gc.collect()
    gc.freeze()  # what was built for the other cases is not walked through in each collection
    for _ in range(rounds):
        for ways in table.values():
            for way in ways.values():
                await way.turn()


async def held(engine: Engine) -> float:
    """The bytes that each of the concurrent runs holds while all of them wait in their middle."""
    waiting = 0
    gate = asyncio.Event()

    async def pause() -> None:
        nonlocal waiting
        waiting += 1
        await gate.wait()

    way = engine.chain(10, pause)

    async def hold() -> float:
        nonlocal waiting
        waiting = 0
        gate.clear()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        runs = [asyncio.ensure_future(way()) for _ in range(CONCURRENT)]
        while waiting < CONCURRENT and not any(run.done() for run in runs):
            await asyncio.sleep(0.01)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        gate.set()
        await asyncio.gather(*runs)
        return (after - before) / CONCURRENT

    tracemalloc.start()
    try:
        await hold()  # what is made once, at the first run, is not counted
        return await hold()
    finally:
        tracemalloc.stop()


def compiled(engine: Engine) -> float:
    """Seconds of CPU from nothing to a chain of 1,000 steps that can be run; the better of two."""
    return min(_cpu(lambda: engine.chain(1_000)) for _ in range(2))


def _cpu(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def imported(module: str) -> tuple[float, float]:
    """Seconds of CPU and MiB of a fresh process that imports this, compiled before as in every start but the first."""
    probe = PROBE.format(root=str(Path(__file__).parent.parent), module=module)
    found = []
    with tempfile.TemporaryDirectory() as compiled:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(IMPORTS + 1):  # the first one compiles, and fills the caches
            done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=env)
            found.append([float(number) for number in done.stdout.split()])
    cpu, memory = zip(*found[1:], strict=True)
    return statistics.median(cpu), statistics.median(memory)


async def flat(rounds: int, turn: float) -> dict[int, float]:
    """Seconds of CPU a step of Canevas, unwatched, by the length of the chain."""
    table = {"": {str(length): Measured(Canevas().chain(length), GIVEN, length) for length in FLAT}}
    await in_turns(table, rounds, turn)
    return {length: statistics.median(table[""][str(length)].cpu) for length in FLAT}


def tell(table: Table, engines: list[Engine]) -> None:
    """Print CPU and wall time a step."""
    for title, pick in (("CPU", "cpu"), ("wall", "wall")):
        print(f"\n| µs of {title} a step, median (least) | {' | '.join(table)} |")
        print("| --- |" + " ---: |" * len(table))
        for engine in engines:
            turns = [getattr(ways[engine.name], pick) for ways in table.values()]
            cells = [f"{_micro(statistics.median(seconds))} ({_micro(min(seconds))})" for seconds in turns]
            print(f"| {engine.name} | {' | '.join(cells)} |")


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:,.{2 if seconds < 1e-5 else 0}f}"


@dataclass(frozen=True, slots=True)
class Target:
    """What this project promises of itself, and what was found."""

    what: str
    most: float
    found: float
    unit: str

    def row(self) -> str:
        """One line of the table."""
        met = "met" if self.found <= self.most else "missed"
        return f"| {self.what} | {self.most:g} {self.unit} | {self.found:.3g} {self.unit} | {met} |"


Starts = dict[str, tuple[float, float]]  # seconds of CPU and MiB, by module


def targets(table: Table, lengths: dict[int, float], kept: float, starts: Starts) -> list[Target]:
    """The targets; CPU by the medians."""
    unwatched, watched = Canevas().name, Canevas(watched=True).name

    def cpu(name: str, engine: str) -> float:
        return statistics.median(table[name][engine].cpu) * 1e6

    steepest = max(lengths.values()) / min(lengths.values())
    chains = ["chain 10", "chain 100", "chain 1,000"]
    return [
        Target("chain, unwatched, the worst length", 3, max(cpu(name, unwatched) for name in chains), "µs"),
        Target("chain, every event consumed, the worst length", 10, max(cpu(name, watched) for name in chains), "µs"),
        Target("fan, every event consumed", 15, cpu("fan 1-100-1", watched), "µs"),
        Target("loop, a round, unwatched", 10, cpu("loop 1,000", unwatched), "µs"),
        Target("loop, a round, every event consumed", 10, cpu("loop 1,000", watched), "µs"),
        Target("cost a step, the dearest length beside the cheapest", 1.25, steepest, "times"),
        Target("memory of one more run that waits", 10, kept / 1000, "kB"),
        *(Target(f"importing `{name}`, CPU", 0.25, starts[name][0], "s") for name in (ENGINE, Canevas.module)),
        *(Target(f"importing `{name}`, memory", 60, starts[name][1], "MiB") for name in (ENGINE, Canevas.module)),
    ]


def load() -> str:
    """How busy the machine is."""
    return ", ".join(f"{number:.1f}" for number in os.getloadavg())


async def main(rounds: int, turn: float) -> None:
    before = load()
    found, missing = engines()
    gc.collect()
    gc.freeze()  # the libraries of others, imported beside, cost nobody's collections anything
    if missing:
        print(f"Not installed, so not measured: {', '.join(missing)}. `make peers` installs them.")
    kept = {engine.name: await held(engine) for engine in found}
    compiling = {engine.name: compiled(engine) for engine in found if not isinstance(engine, Bare)}
    modules = dict.fromkeys([ENGINE, *(engine.module for engine in found)])
    starts = {module: imported(module) for module in modules}
    table = cases(found)
    await in_turns(table, rounds, turn)
    lengths = await flat(rounds, turn)

    tell(table, found)
    print("\n| | kB a waiting run | compiling 1,000 steps, ms | import, s of CPU | import, MiB |")
    print("| --- |" + " ---: |" * 4)
    for engine in found:
        ms = f"{compiling[engine.name] * 1e3:.0f}" if engine.name in compiling else "-"
        cpu, memory = starts[engine.module]
        print(f"| {engine.name} | {kept[engine.name] / 1000:.1f} | {ms} | {cpu:.2f} | {memory:.0f} |")
    cells = ", ".join(f"{length:,}: {_micro(seconds)}" for length, seconds in lengths.items())
    print(f"\nµs of CPU a step of Canevas, unwatched, by the length of the chain: {cells}.")
    print("\n| target | at most | found | |\n| --- | ---: | ---: | --- |")
    for target in targets(table, lengths, kept[Canevas().name], starts):
        print(target.row())
    print(f"\nLoad of the machine (1, 5, 15 minutes) before: {before}; after: {load()}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turn", type=float, default=0.1, help="seconds of CPU of one turn, about")
    options = parser.parse_args()
    asyncio.run(main(options.rounds, options.turn))
