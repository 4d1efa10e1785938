"""The flows that `engine_peers.py` runs, drawn by hand for bare asyncio and for Canevas.

An engine draws a chain of pass-through steps, of which the middle one may pause; a fan from one step to many to one;
and a loop around a step that counts. What it draws is called for every run and gives the run's answer, so that what
was measured is known to be right. `peers.py` draws them for other engines.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).parent.parent))

from nodes.bodies import Repeat
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.node import Context, Node
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services

GIVEN = {"text": "hello", "amount": 3}
Way = Callable[[], Awaitable[Any]]  # one run, to its answer
Pause = Callable[[], Awaitable[object]]
Change = Callable[[Any], Awaitable[Any]]


class Engine(Protocol):
    """One engine. Raises from the constructor: ImportError when it is not installed."""

    name: str
    module: str  # what a program imports of it

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        """GIVEN through so many steps, one after another."""
        ...

    def fan(self, width: int) -> Way:
        """GIVEN to so many steps beside each other, then what all of them gave as one list."""
        ...

    def loop(self, rounds: int) -> Way:
        """A step that adds one, so many times, from zero."""
        ...


class Bare:
    """The same coroutines awaited by hand; what any engine costs comes on top."""

    name, module = "bare asyncio", "asyncio"

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        async def run() -> Any:
            value: Any = GIVEN
            for number in range(length):
                if pause is not None and number == length // 2:
                    await pause()
                value = await same(value)
            return value

        return run

    def fan(self, width: int) -> Way:
        async def run() -> Any:
            return list(await asyncio.gather(*(same(GIVEN) for _ in range(width))))

        return run

    def loop(self, rounds: int) -> Way:
        async def run() -> Any:
            value = 0
            for _ in range(rounds):
                value = await more(value)
            return value

        return run


async def same(value: Any) -> Any:
    """A step that gives what it got."""
    return value


async def more(value: int) -> int:
    """A step that adds one."""
    return value + 1


def after(pause: Pause) -> Change:
    """A step that gives what it got, after a pause."""

    async def same(value: Any) -> Any:
        await pause()
        return value

    return same


class Begin(Node, trigger="api", group="trigger"):
    """Gives the run's input."""

    async def run(self, context: Context) -> Any:
        return context.input


class Pass(Node):
    """Gives what it got."""

    async def run(self, value: Any) -> Any:
        return value


class Gather(Node):
    """A list of what came."""

    async def run(self, *values: Any) -> list[Any]:
        return list(values)


class Count(Node):
    """Adds one."""

    async def run(self, value: float) -> float:
        return value + 1


class Canevas:
    """This project's engine; `watched` makes and consumes every event of a run, else only the ending is asked for."""

    module = "runtime.assembly"

    def __init__(self, watched: bool = False) -> None:
        self.name = f"Canevas, {'every event consumed' if watched else 'unwatched'}"
        self._watched = watched

    def chain(self, length: int, pause: Pause | None = None) -> Way:
        names = ["begin", *(f"s{number}" for number in range(1, length))]  # the start is a step like the others
        steps = {name: Step(kind="pass") for name in names} | {"begin": Step(kind="begin")}
        if pause is not None:
            steps[f"s{length // 2}"] = Step(kind="halt")
        return self._way(steps, [Edge(one, "output", other, "value") for one, other in pairwise(names)], pause)

    def fan(self, width: int) -> Way:
        names = [f"s{number}" for number in range(width)]
        steps = {"begin": Step(kind="begin"), **{name: Step(kind="pass") for name in names}}
        edges = [Edge("begin", "output", name, "value") for name in names]
        edges += [Edge(name, "output", "join", "values") for name in names]
        return self._way({**steps, "join": Step(kind="gather")}, edges)

    def loop(self, rounds: int) -> Way:
        steps = {
            "begin": Step(kind="begin"),
            "loop": Step(kind="repeat", config={"start": 0, "rounds": rounds}),
            "count": Step(kind="count", within="loop"),
        }
        way = self._way(steps, [Edge.parse("begin.output -> loop.after"), Edge.parse("loop.state -> count.value")])

        async def run() -> Any:
            return (await way())["output"]

        return run

    def _way(self, steps: dict[str, Step], edges: list[Edge], pause: Pause | None = None) -> Way:
        class Halt(Node, effect="reads"):
            """Gives what it got, after a pause."""

            async def run(self, value: Any) -> Any:
                assert pause is not None
                await pause()
                return value

        catalog = Catalog([Begin, Pass, Gather, Count, Repeat, Halt])
        plan = compile_flow(Flow(steps=steps, edges=tuple(edges)), catalog)
        services = Services(llm=None, http=None, secret=None, sandbox=None)  # type: ignore[arg-type]

        async def unwatched() -> Any:
            ending = await Execution(plan, services, GIVEN).outcome()
            return ending.output  # type: ignore[union-attr]

        async def watched() -> Any:
            output: Any = None
            async for events in Execution(plan, services, GIVEN).batches():  # as the product itself reads its runs
                for event in events:
                    output = getattr(event, "output", None)
            return output

        return watched if self._watched else unwatched
