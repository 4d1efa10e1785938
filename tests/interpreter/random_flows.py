"""Random flows for the engine: any graph, any order of completion, any failure, drawn by Hypothesis."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from random import Random
from typing import Any, TypedDict

from hypothesis import strategies as st

from runtime.graph.catalog import Catalog
from runtime.graph.expressions import Code
from runtime.graph.flow import Default, Edge, Flow, Retry, Step
from runtime.graph.node import Context, Ending, Node
from runtime.interpreter.services import Services
from tests.interpreter.oracle import ALWAYS, computed, mark, ways
from tests.interpreter.stage import Begin, no_secret


class World:
    """What is outside of a run: how often bodies were entered, ever and by this process, and how long things take."""

    def __init__(self, seed: int, before: "World | None" = None) -> None:
        self.ever: Counter[str] = Counter() if before is None else before.ever
        self.entered: set[str] = set()
        self._chance = Random(seed)

    async def pause(self) -> None:
        """A while: none, the same as others, or longer."""
        await asyncio.sleep(self._chance.choice([0, 0, 1, 1, 2, 3, 5, 0.001]))


WORLD: ContextVar[World] = ContextVar("WORLD")


class Sayer(Node):
    """Gives a word for all it saw. note: may be computed or wired. fails: so many tries fail. hangs: for ever."""

    note: Any = ""
    fails: int = 0
    hangs: bool = False

    async def run(self, context: Context, one: Any = "no wire", *values: Any) -> Any:
        return await self.word(context, one, values)

    async def word(self, context: Context, one: Any, values: tuple[Any, ...]) -> str:
        world, step = WORLD.get(), context.key.rpartition(":")[2]
        world.ever[step] += 1
        world.entered.add(step)
        context.log("entered")
        if self.effect == "reads":
            await world.pause()
        if self.hangs:
            await asyncio.Event().wait()
        if world.ever[step] <= self.fails:
            raise RuntimeError("not today")
        return mark(self.note, one, list(values))


class Worker(Sayer, effect="reads"):
    """The same as a task that takes a while."""


class Ways(TypedDict, total=False):
    """The ways of a Crossing."""

    left: Any
    right: Any


class Crossing(Sayer):
    """Takes ways by what it saw."""

    async def run(self, context: Context, one: Any = "no wire", *values: Any) -> Ways:
        return ways(await self.word(context, one, values))  # type: ignore[return-value]


class SlowCrossing(Crossing, effect="reads"):
    """The same as a task that takes a while."""


class End(Sayer, ends=True):
    """Answers."""

    async def run(self, context: Context, one: Any = "no wire", *values: Any) -> Ending:
        return Ending(value=await self.word(context, one, values), status=201)


CATALOG = Catalog([Begin, Sayer, Worker, Crossing, SlowCrossing, End])
KINDS = ["sayer", "sayer", "sayer", "worker", "worker", "worker", "worker", "crossing", "slow_crossing", "end"]


class SlowSandbox:
    """Evaluates `str(step.port)`, after a while."""

    async def evaluate(self, codes: Sequence[Code], names: Mapping[str, Any]) -> list[Any]:
        await WORLD.get().pause()
        return [computed([(code.reads[0].step, str(code.reads[0].keys[0]))], dict(names)) for code in codes]


SERVICES = Services(llm=None, http=None, secret=no_secret, sandbox=SlowSandbox())  # type: ignore[arg-type]


def gives(step: Step) -> list[str]:
    """The output ports of a step."""
    ports = ["left", "right"] if "crossing" in step.kind else [] if step.kind == "end" else ["output"]
    return [*ports, "error"] if step.on_error == "port" else ports


@st.composite
def flows(draw: st.DrawFn, most: int = 12) -> Flow:
    """A flow of up to `most` steps beside one or two starts, with wires and references in any lawful place."""
    names = [f"s{number}" for number in range(draw(st.integers(1, most)))]
    steps = {name: Step(kind="begin") for name in draw(st.sampled_from([["one"], ["one"], ["one", "two"]]))}
    edges: list[Edge] = []
    for name in names:
        # Mostly what a step gives when all goes well, else most of a flow is skipped and there is little to see.
        sources = [(other, port) for other, step in steps.items() for port in gives(step) * 3 if port != "error"]
        sources += [(other, "error") for other, step in steps.items() if step.on_error == "port"]
        into = st.sampled_from(["one", "values", "values", "values", "note", "after"])
        wires = st.tuples(st.sampled_from(sources), into)
        drawn = draw(st.lists(wires, max_size=4, unique=True))
        edges += [Edge(*source, name, port) for source, port in drawn]
        steps[name] = _step(draw, sources)
    order = draw(st.permutations(list(steps)))
    return Flow(steps={name: steps[name] for name in order}, edges=tuple(draw(st.permutations(edges))))


def _step(draw: st.DrawFn, sources: list[tuple[str, str]]) -> Step:
    kind = draw(st.sampled_from(KINDS))
    config: dict[str, Any] = {}
    if draw(st.booleans()):
        config["note"] = _note(draw, sources)
    trouble = draw(st.sampled_from(["", "", "", "", "", "", "once", "once", "always", "hangs"]))
    retry = draw(st.sampled_from([None, Retry(times=1, wait=0), Retry(times=2, wait=1)]))
    timeout = None
    if trouble == "hangs" and kind in ("worker", "slow_crossing"):
        config["hangs"], timeout = True, 4.0
    elif trouble == "once":
        config["fails"], retry = 1, retry or Retry(times=1, wait=2)
    elif trouble == "always":
        config["fails"] = ALWAYS
    default = Default(default={"left": "instead"} if "crossing" in kind else "instead")
    # Few runs fail, else there is little to see of what comes after a failure.
    on_error = draw(st.sampled_from(["port", "port", default, default, "fail"]))
    return Step(kind=kind, config=config, retry=retry, timeout=timeout, on_error=on_error)


def _note(draw: st.DrawFn, sources: list[tuple[str, str]]) -> str:
    read = [f"{step}.{port}" for step, port in draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3))]
    form = draw(st.sampled_from(["path", "text", "code", "plain"]))
    return {
        "path": f"{{{{ {read[0]} }}}}",
        "text": "; ".join(f"{each} is {{{{ {each} }}}}" for each in read),
        "code": f"{{{{ str({read[0]}) }}}}",
        "plain": read[0],
    }[form]
