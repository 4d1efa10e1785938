"""The engine beside bare asyncio awaiting the same coroutines, in turns: CPU and wall time a step.

    python benchmarks/engine.py [--rounds 9] [--steps 20000]

Chains of 10, 100 and 1000 pass-through steps and a fan of 1-100-1: unwatched (only the outcome is asked for) and
watched (every event is made and read). The same with bodies that may wait, each of which is a task with a time-out.
Medians over the rounds, at each of which every way has its turn. Prints a Markdown table.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.node import Context, Node
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services

GIVEN = {"text": "hello", "amount": 3}
SERVICES = Services(llm=None, http=None, secret=None, sandbox=None)  # type: ignore[arg-type]


class Begin(Node, trigger="api", group="trigger"):
    """Gives the run's input."""

    async def run(self, context: Context) -> Any:
        return context.input


class Pass(Node):
    """Gives what it got."""

    async def run(self, value: Any) -> Any:
        return value


class Wait(Pass, effect="reads"):
    """The same for a body that may wait: it runs as a task, with a time-out."""


class Gather(Node):
    """A list of what came."""

    async def run(self, *values: Any) -> list[Any]:
        return list(values)


CATALOG = Catalog([Begin, Pass, Wait, Gather])
Way = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Case:
    """A flow in its three ways. cpu, wall: seconds a step of every round, by way."""

    name: str
    steps: int
    ways: dict[str, Way]
    compiled: float
    cpu: dict[str, list[float]] = field(default_factory=dict)
    wall: dict[str, list[float]] = field(default_factory=dict)


def chain(length: int, kind: str) -> Case:
    names = ["begin", *(f"s{number}" for number in range(length))]
    flow = Flow(
        steps={name: Step(kind=kind if name != "begin" else "begin") for name in names},
        edges=tuple(Edge(one, "output", other, "value") for one, other in pairwise(names)),
    )
    nodes = [_node(kind) for _ in range(length)]

    async def bare() -> object:
        value: Any = GIVEN
        for node in nodes:
            value = await node.run(value)
        return value

    return case(f"chain of {length}", flow, bare)


def fan(width: int, kind: str) -> Case:
    names = [f"s{number}" for number in range(width)]
    flow = Flow(
        steps={"begin": Step(kind="begin"), **{name: Step(kind=kind) for name in names}, "join": Step(kind="gather")},
        edges=(
            *(Edge("begin", "output", name, "value") for name in names),
            *(Edge(name, "output", "join", "values") for name in names),
        ),
    )
    nodes, join = [_node(kind) for _ in range(width)], Gather()

    async def bare() -> object:
        return await join.run(*await asyncio.gather(*(node.run(GIVEN) for node in nodes)))

    return case(f"fan of 1-{width}-1", flow, bare)


def _node(kind: str) -> Any:
    node = CATALOG.get(kind)
    assert node is not None
    return node()


def case(name: str, flow: Flow, bare: Way) -> Case:
    began = time.perf_counter()
    plan = compile_flow(flow, CATALOG)
    compiled = time.perf_counter() - began

    async def unwatched() -> object:
        return await Execution(plan, SERVICES, GIVEN).outcome()

    async def watched() -> object:
        # In batches, as the product itself reads its runs.
        return [event async for events in Execution(plan, SERVICES, GIVEN).batches() for event in events]

    return Case(name, len(flow.steps), {"bare": bare, "unwatched": unwatched, "watched": watched}, compiled)


async def measure(one: Case, steps: int) -> None:
    """One round: each way in turn, often enough to run about that many steps."""
    times = max(1, steps // one.steps)
    for name, way in one.ways.items():
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(times):
            await way()
        one.cpu.setdefault(name, []).append((time.process_time() - cpu) / times / one.steps)
        one.wall.setdefault(name, []).append((time.perf_counter() - wall) / times / one.steps)


def row(one: Case) -> str:
    cells = [one.name]
    for name in one.ways:
        cells += [f"{statistics.median(seconds[name]) * 1e6:.2f}" for seconds in (one.cpu, one.wall)]
    return f"| {' | '.join(cells)} | {one.compiled * 1e3:.0f} |"


async def main(rounds: int, steps: int) -> None:
    groups = {
        "pure steps": [chain(10, "pass"), chain(100, "pass"), chain(1000, "pass"), fan(100, "pass")],
        "steps that may wait": [chain(100, "wait"), fan(100, "wait")],
    }
    for _ in range(rounds):
        for cases in groups.values():
            for one in cases:
                await measure(one, steps if cases is groups["pure steps"] else steps // 5)
    print("| µs a step | bare CPU | wall | unwatched CPU | wall | watched CPU | wall | compile, ms |")
    print("| --- |" + " ---: |" * 7)
    for name, cases in groups.items():
        print(f"| **{name}** | | | | | | | |")
        for one in cases:
            print(row(one))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20_000, help="steps to run in each turn")
    options = parser.parse_args()
    asyncio.run(main(options.rounds, options.steps))
