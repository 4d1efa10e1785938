"""Nodes for the engine's tests: they hold flows, wait for people, or run before all their wires brought something."""

from typing import Any

from runtime.graph.catalog import Catalog
from runtime.graph.fields import Expression, Inside
from runtime.graph.node import CALLED, Body, Calls, Context, FlowReference, Node, Port, Quorum, Request
from tests.interpreter import stage


class ForEach(Node, group="logic"):
    """A body an item, so many at once. keep: an item that fails gives its error."""

    items: Expression = None
    at_once: int = 4
    keep: bool = False
    result: Inside = None

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body", gives=(Port("item"), Port("index"))),)

    async def run(self, calls: Calls) -> list[Any]:
        kept: list[Any] = [None] * len(self.items)
        todo = iter(enumerate(self.items))
        going = 0

        def more() -> int:
            for index, item in todo:
                calls.begin("body", str(index), item=item, index=index)
                return 1
            return 0

        for _ in range(self.at_once):
            going += more()
        while going:
            outcome = await calls.next()
            if outcome.error is not None and not self.keep:
                raise outcome.error
            said = f"failed: {outcome.error}" if outcome.error is not None else outcome.taken["result"]
            kept[int(outcome.key)] = said
            going += more() - 1
        return kept


class Repeat(Node, group="logic"):
    """A body a round, each with what the last one left."""

    rounds: int = 3
    state: Inside = None

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body", gives=(Port("now"), Port("round")), takes=(Port("state", required=False),)),)

    async def run(self, calls: Calls, start: Any = None) -> Any:
        now = start
        for number in range(self.rounds):
            now = (await calls.call("body", str(number), now=now, round=number))["state"]
        return now


class Try(Node, group="logic"):
    """A body, one for its error, and one that cleans up."""

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body"), Body("catch", gives=(Port("error"),)), Body("finally", takes=(), cleans=True))

    async def run(self, calls: Calls) -> Any:
        try:
            return (await calls.call("body"))["result"]
        except Exception as error:
            return (await calls.call("catch", error=str(error)))["result"]
        finally:
            await calls.call("finally")


class Ensure(Node, group="logic"):
    """A body and one that cleans up; errors go on."""

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body"), Body("finally", takes=(), cleans=True))

    async def run(self, calls: Calls) -> Any:
        try:
            return (await calls.call("body"))["result"]
        finally:
            await calls.call("finally")


class Parallel(Node, group="logic"):
    """Bodies beside one another, by name."""

    branches: list[str] = ["one", "two"]

    def bodies(self) -> tuple[Body, ...]:
        return tuple(Body(name) for name in self.branches)

    async def run(self, calls: Calls) -> dict[str, Any]:
        for name in self.branches:
            calls.begin(name, name)
        ended = [await calls.next() for _ in self.branches]
        for outcome in ended:
            if outcome.error is not None:
                raise outcome.error
        given = {outcome.key: outcome.taken["result"] for outcome in ended}
        return {name: given[name] for name in self.branches}


class Odd(Node, group="logic"):
    """Runs its bodies as a test says, mostly in ways that are not allowed."""

    def bodies(self) -> tuple[Body, ...]:
        return (Body("body"), Body("finally", takes=(), cleans=True))

    async def run(self, context: Context, calls: Calls, value: Any = None) -> Any:
        return await stage.body_of(context)(context, calls)


class First(Node, group="logic"):
    """Runs as soon as `count` of its wires have brought something."""

    count: int = 1
    cancel: bool = False

    def quorum(self) -> Quorum | None:
        return Quorum(self.count, self.cancel)

    async def run(self, *values: Any) -> list[Any]:
        return list(values)


class Ask(Node, effect="writes", pauses=True, group="human"):
    """Asks so many times, one after the other, and gives the replies. seconds: how long it waits for each."""

    times: int = 1
    seconds: float | None = None

    async def run(self, context: Context, value: Any = None) -> list[Any]:
        until = None if self.seconds is None else context.now() + self.seconds
        replies = []
        for number in range(self.times):
            reply = await context.pause(Request(f"question {number}", shown=value), until)
            replies.append("late" if reply.late else reply.value)
        return replies


class Call(Node, group="logic"):
    """Runs another flow."""

    name: str = ""

    def inputs(self) -> tuple[Port, ...]:
        return ()

    def calls(self) -> FlowReference | None:
        return FlowReference(self.name)

    async def run(self, calls: Calls, **given: Any) -> Any:
        return (await calls.call(CALLED, **given))["output"]


CATALOG = Catalog([*stage.NODES, ForEach, Repeat, Try, Ensure, Parallel, Odd, First, Ask, Call])
