"""The scene of the semantics' tests: flows as people write them, run by the real runtime over a real database."""

import asyncio
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.backend import Backend
from nodes.catalog import NODES
from runtime.assembly import open_runtime
from runtime.graph.catalog import Catalog
from runtime.graph.flow import Flow
from runtime.graph.flowfile import read
from runtime.graph.node import Context, Node
from runtime.interpreter.events import Event, RunFinished
from runtime.interpreter.journal import RunRecord
from runtime.settings import Settings

START = "start: {kind: api_start, config: {fields: [{name: n, type: number, required: false}, {name: list, type: list, required: false}]}}"  # noqa: E501


class Write(Node, effect="writes"):
    """Adds its text to its value, and says that it was entered."""

    text: str = ""

    async def run(self, context: Context, value: Any = None) -> str:
        name = context.key.rpartition(":")[2]
        entered.append(name)
        if name in broken:
            raise ValueError(f"{name} is broken")
        return f"{'' if value is None else value}{self.text}"


entered: list[str] = []  # the paths of the Write steps, in the order in which they were entered
broken: set[str] = set()  # the paths of those that fail
CATALOG = Catalog([*NODES, Write])


def flow(steps: str, edges: str = "", answer: str = "") -> Flow:
    """A flow from its steps and wires in YAML, after a start that takes a number and a list."""
    text = f"canevas: 1\nname: Scene\nsteps:\n  {START}\n{textwrap.indent(textwrap.dedent(steps).strip(), '  ')}\n"
    if answer:
        text += f"  answer: {{kind: answer, config: {{value: '{{{{ {answer} }}}}'}}}}\n"
    if edges:
        text += f"edges:\n{textwrap.dedent(edges).strip()}\n"
    made, problems = read(text)
    assert made is not None, problems
    return made


@dataclass(frozen=True)
class Ada:
    """The person of the tests."""

    id: str = "ada"
    workspace: str = "home"
    name: str = "Ada"


@dataclass
class Scene:
    """A runtime with its backend, as the pages have it."""

    back: Backend
    ada: Ada = field(default_factory=Ada)

    async def run(self, drawn: Flow, **given: Any) -> str:
        """Store a flow, run it until it ends or waits, and forget which steps were entered."""
        run = await self.back.preview(self.ada, await self.back.create(self.ada, drawn), given)
        await self.settled(run)
        entered.clear()
        return run

    async def again(self, run: str, **how: Any) -> str:
        """Repeat a run, until the new one ends or waits."""
        entered.clear()
        new = await self.back.again(self.ada, run, **how)
        assert (await self.settled(new)).parent == run
        return new

    async def answer(self, run: str, step: str, value: Any) -> None:
        await self.back.answer(self.ada, run, step, value)
        await self.settled(run)

    async def settled(self, run: str) -> RunRecord:
        async with asyncio.timeout(20):
            while True:
                record = await self.back.run(self.ada, run)
                if record.state not in ("queued", "running") and not self.back._runtime.runs.alive("home", run):
                    return record
                await asyncio.sleep(0.005)

    async def events(self, run: str) -> list[Event]:
        return await self.back.events(self.ada, run)

    async def gave(self, run: str) -> Any:
        """The answer of a run that is done."""
        ending = (await self.events(run))[-1]
        assert isinstance(ending, RunFinished), ending
        return ending.output

    async def asked(self, run: str) -> list[str]:
        """The steps of a run that wait for a person."""
        return [asked.step for asked in await self.back.waiting(self.ada) if asked.run == run]


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Scene]:
    """A scene over the database in a folder."""
    entered.clear()
    broken.clear()
    async with open_runtime(Settings(home=home), CATALOG) as runtime:
        yield Scene(Backend(runtime, "http://here"))
