"""Random flows for the engine: any graph, any nesting, any order of completion, any failure, drawn by Hypothesis."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from random import Random
from typing import Any, TypedDict

from hypothesis import strategies as st

from runtime.graph.catalog import Catalog
from runtime.graph.expressions import Code
from runtime.graph.fields import Inside
from runtime.graph.flow import Default, Edge, Flow, Retry, Step
from runtime.graph.node import Body, Calls, Context, Ending, Node, Port, Quorum, Request
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


class Some(Sayer):
    """Runs as soon as one of its wires has brought something, whichever; so it says nothing of what it saw."""

    def quorum(self) -> Quorum | None:
        return Quorum(1)

    async def run(self, context: Context, *values: Any) -> Any:
        return await self.word(context, "some", ())


class Asker(Sayer, effect="writes", pauses=True):
    """Asks, so many times. patience: seconds until it goes on by itself; nobody answers those."""

    times: int = 1
    patience: float | None = None

    async def run(self, context: Context, one: Any = "no wire", *values: Any) -> Any:
        until = None if self.patience is None else context.now() + self.patience
        replies = []
        for number in range(self.times):
            request = Request(f"question {number}") if self.patience is None else None
            reply = await context.pause(request, until)
            replies.append("late" if reply.late else reply.value)
        return await self.word(context, one, (*values, *replies))


class Holder(Sayer):
    """A step with bodies; whatever fails inside it fails with one and the same error."""

    result: Inside = None

    async def run(self, context: Context, calls: Calls, one: Any = "no wire", *values: Any) -> Any:
        try:
            found = await self.conduct(calls)
        except Exception:
            raise RuntimeError("not today") from None
        return mark(self.note, one, list(values), found)

    async def conduct(self, calls: Calls) -> Any:
        """Run the bodies."""
        raise AssertionError(calls)


class Each(Holder):
    """A body a number."""

    items: int = 2
    at_once: int = 2
    keep: bool = False

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body", gives=(Port("item"), Port("index"))),)

    async def conduct(self, calls: Calls) -> Any:
        kept: dict[str, Any] = {}
        for number in range(min(self.at_once, self.items)):
            calls.begin("body", str(number), item=f"item {number}", index=number)
        for done in range(self.items):
            outcome = await calls.next()
            if outcome.error is not None and not self.keep:
                raise outcome.error
            kept[outcome.key] = "failed" if outcome.error is not None else outcome.taken["result"]
            if (number := self.at_once + done) < self.items:
                calls.begin("body", str(number), item=f"item {number}", index=number)
        return [kept[str(number)] for number in range(self.items)]


class Rounds(Holder):
    """A body a round."""

    items: int = 2

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body", gives=(Port("item"), Port("index"))),)

    async def conduct(self, calls: Calls) -> Any:
        now = "first"
        for number in range(self.items):
            now = (await calls.call("body", str(number), item=now, index=number))["result"]
        return now


class Guard(Holder):
    """A body, another one when it fails, and a last one in any case."""

    def bodies(self) -> tuple[Body, ...]:
        return Body("body"), Body("catch", gives=(Port("item"),)), Body("finally", takes=(), cleans=True)

    async def conduct(self, calls: Calls) -> Any:
        try:
            calls.begin("body")
            outcome = await calls.next()
            if outcome.error is None:
                return outcome.taken["result"]
            return (await calls.call("catch", item="caught"))["result"]
        finally:
            await calls.call("finally")


class Both(Holder):
    """Two bodies beside one another."""

    def bodies(self) -> tuple[Body, ...]:
        return Body("left"), Body("right")

    async def conduct(self, calls: Calls) -> Any:
        calls.begin("left", "l")
        calls.begin("right", "r")
        ended = [await calls.next() for _ in range(2)]
        for outcome in ended:
            if outcome.error is not None:
                raise outcome.error
        return {outcome.key: outcome.taken["result"] for outcome in sorted(ended, key=lambda each: each.key)}


class End(Sayer, ends=True):
    """Answers."""

    async def run(self, context: Context, one: Any = "no wire", *values: Any) -> Ending:
        return Ending(value=await self.word(context, one, values), status=201)


CATALOG = Catalog([Begin, Sayer, Worker, Crossing, SlowCrossing, Some, Asker, Each, Rounds, Guard, Both, End])
INNER = [*["sayer"] * 3, *["worker"] * 4, "crossing", "slow_crossing", "some", "asker"]
HOLDERS = {
    "each": {"body": ("item", "index")},
    "rounds": {"body": ("item", "index")},
    "guard": {"body": (), "catch": ("item",), "finally": ()},
    "both": {"left": (), "right": ()},
}  # what each body gives
DEEPEST = 3
LONG = 80_000.0  # seconds in which all that is drawn comes to its end, when it is driven all the time


class SlowSandbox:
    """Evaluates `str(step.port)`, after a while."""

    async def evaluate(self, codes: Sequence[Code], names: Mapping[str, Any]) -> list[Any]:
        await WORLD.get().pause()
        return [computed([(code.reads[0].step, str(code.reads[0].keys[0]))], dict(names)) for code in codes]


SERVICES = Services(llm=None, http=None, secret=no_secret, sandbox=SlowSandbox())  # type: ignore[arg-type]


Sources = list[tuple[str, str]]  # steps and their ports


class Drawing:
    """A flow as it is drawn, from the outside in and from its starts on."""

    def __init__(self, draw: st.DrawFn, most: int) -> None:
        self.draw, self.left = draw, most
        self.steps: dict[str, Step] = {}
        self.edges: list[Edge] = []

    def fill(self, within: str, sources: Sources, depth: int) -> Sources:
        """Draw some steps into a place; gives what can be read there in the end."""
        for _ in range(min(self.draw(st.integers(0 if within else 1, 4 if within else self.left)), self.left)):
            if self.left <= 0:
                break
            sources = [*sources, *self.add(within, sources, depth)]
        return sources

    def add(self, within: str, sources: Sources, depth: int) -> Sources:
        """Draw one step that reads some of `sources`, with all that it holds; gives what it gives."""
        draw = self.draw
        self.left -= 1
        name = f"s{len(self.steps)}"
        kinds = [*INNER, *([] if within else ["end"]), *(list(HOLDERS) if depth < DEEPEST and self.left else [])]
        kind = draw(st.sampled_from(kinds))
        into = st.sampled_from(["one", "values", "values", "values", "note", "after"])
        # Mostly what a step gives when all goes well, else most of a flow is skipped and there is little to see.
        likely = [source for source in sources for _ in range(1 if source[1] == "error" else 3)]
        drawn = draw(st.lists(st.tuples(st.sampled_from(likely), into), max_size=4, unique=True)) if likely else []
        if kind == "some":
            drawn = list(dict.fromkeys((source, "values") for source, _ in drawn))
        self.edges += [Edge(*source, name, port) for source, port in drawn]
        made = _step(draw, kind, likely).model_copy(update={"within": within})
        self.steps[name] = made
        if kind in HOLDERS:
            result = None
            for body, gives in HOLDERS[kind].items():
                inside = self.fill(f"{name}.{body}", [*sources, *((name, port) for port in gives)], depth + 1)
                mine = [each for each in inside if each not in sources and each[0] != name]
                if body == "finally":
                    continue
                if mine and draw(st.booleans()):
                    ends = draw(st.lists(st.sampled_from(mine), min_size=1, max_size=2, unique=True))
                    self.edges += [Edge(*source, name, "result") for source in ends]
                if len(HOLDERS[kind]) == 1 and draw(st.booleans()):
                    result = _note(draw, inside) if inside else "nothing"
            if result is not None:
                config = {**made.config, "result": result}
                self.steps[name] = made.model_copy(update={"config": config})
        return [(name, port) for port in gives_of(self.steps[name])]


def gives_of(step: Step) -> list[str]:
    """The output ports of a step."""
    ports = ["left", "right"] if "crossing" in step.kind else [] if step.kind == "end" else ["output"]
    return [*ports, "error"] if step.on_error == "port" else ports


@st.composite
def flows(draw: st.DrawFn, most: int = 12) -> Flow:
    """A flow of up to `most` steps beside one or two starts, with wires and references in any lawful place."""
    drawing = Drawing(draw, most)
    for name in draw(st.sampled_from([["one"], ["one"], ["one", "two"]])):
        drawing.steps[name] = Step(kind="begin")
    drawing.fill("", [(name, "output") for name in drawing.steps], 0)
    order = draw(st.permutations(list(drawing.steps)))
    steps = {name: drawing.steps[name] for name in order}
    return Flow(steps=steps, edges=tuple(draw(st.permutations(drawing.edges))))


def _step(draw: st.DrawFn, kind: str, sources: Sources) -> Step:
    config: dict[str, Any] = {}
    if sources and kind != "some" and draw(st.booleans()):
        config["note"] = _note(draw, sources)
    if kind in ("each", "rounds"):
        config |= {"items": draw(st.integers(0, 3))}
    if kind == "each":
        config |= {"at_once": draw(st.integers(1, 3)), "keep": draw(st.booleans())}
    if kind == "asker":
        config |= {"times": draw(st.integers(1, 2)), "patience": draw(st.sampled_from([None, None, 2.0, 40.0]))}
    trouble = draw(st.sampled_from(["", "", "", "", "", "", "once", "once", "always", "hangs"]))
    retry = draw(st.sampled_from([None, Retry(times=1, wait=0), Retry(times=2, wait=1)]))
    timeout = None
    if kind in HOLDERS or kind == "asker":
        trouble, retry = "", None
    if kind in HOLDERS:
        timeout = draw(st.sampled_from([None, LONG]))
    if trouble == "hangs" and kind in ("worker", "slow_crossing"):
        config["hangs"], timeout = True, 4.0
    elif trouble == "once":
        config["fails"], retry = 1, retry or Retry(times=1, wait=2)
    elif trouble == "always":
        config["fails"] = ALWAYS
    default = Default(default={"left": "instead"} if "crossing" in kind else "instead")
    # Few runs fail, else there is little to see of what comes after a failure.
    on_error = draw(st.sampled_from(["port", "port", default, default, "fail"]))
    if kind == "some" and on_error == "port":
        on_error = default  # the error tells what came, and that is whoever was faster
    return Step(kind=kind, config=config, retry=retry, timeout=timeout, on_error=on_error)


def _note(draw: st.DrawFn, sources: Sources) -> str:
    read = [f"{step}.{port}" for step, port in draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3))]
    form = draw(st.sampled_from(["path", "text", "code", "plain"]))
    return {
        "path": f"{{{{ {read[0]} }}}}",
        "text": "; ".join(f"{each} is {{{{ {each} }}}}" for each in read),
        "code": f"{{{{ str({read[0]}) }}}}",
        "plain": read[0],
    }[form]
