"""Nodes with steps inside: for each item, in rounds, beside one another, and with a way on when they fail."""

from itertools import islice
from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field, field_validator

from nodes.data import first_line
from nodes.logic import holds
from runtime.graph.fields import FIXED, Expression, Inside, Items, Label
from runtime.graph.node import RESULT, Body, Calls, Node, Port
from runtime.graph.values import Kind, as_text


class Looped(TypedDict):
    """What came of all items."""

    output: Annotated[list[Any], "What each item gave, in the order of the items."]
    failed: Annotated[int, "How many items failed, and were dropped or kept as errors."]


class ForEach(Node, group="logic", icon="repeat-2"):
    """Runs the steps inside once for each item of a list, several at once, and gives the list of their results."""

    items: Items = Field(title="Items", description="A list, such as {{ start.orders }}.")
    at_once: int = Field(
        5, ge=1, le=100, title="At once", description="How many items run at the same time; 1: one after another."
    )
    on_failure: Literal["stop", "drop", "keep"] = Field(
        "stop",
        title="When an item fails",
        description="stop: this step fails with it. drop: the item is left out. keep: its error stands in its place.",
    )
    result: Inside = Field(
        None,
        title="Result of an item",
        description="Read from the steps inside, such as {{ write.output }}; empty: what the last of them gave.",
    )

    def bodies(self) -> tuple[Body, ...]:
        item = Port("item", help="The item at hand.")
        index = Port("index", Kind.NUMBER, help="Its place in the list, from 0.")
        total = Port("total", Kind.NUMBER, help="How many items there are.")
        return (Body(gives=(item, index, total), independent=True),)

    def summary(self) -> str:
        return first_line(as_text(self.items))

    async def run(self, calls: Calls) -> Looped:
        waiting = iter(enumerate(self.items))

        def begin(count: int) -> None:
            for index, item in islice(waiting, count):
                calls.begin("body", str(index), item=item, index=index, total=len(self.items))

        given: dict[int, Any] = {}
        failed = 0
        begin(self.at_once)
        for _ in self.items:
            outcome = await calls.next()
            if outcome.error is None:
                given[int(outcome.key)] = outcome.taken["result"]
            elif self.on_failure == "stop":
                raise outcome.error
            else:
                failed += 1
                if self.on_failure == "keep":
                    given[int(outcome.key)] = {"error": outcome.failure}
            begin(1)
        return Looped(output=[given[index] for index in sorted(given)], failed=failed)


class Rounds(TypedDict):
    """What came of all rounds."""

    output: Annotated[Any, "The state after the last round."]
    rounds: Annotated[int, "How many rounds there were."]
    met: Annotated[bool, "Whether the condition held in the end; false when the rounds were used up."]


class Repeat(Node, group="logic", icon="refresh-cw"):
    """Runs the steps inside again and again, each round from what the one before gave, until a condition holds."""

    start: Expression = Field(None, title="First state", description="What the first round begins with.")
    rounds: int = Field(10, ge=1, le=1000, title="Rounds at most", description="After that many it ends in any case.")
    state: Inside = Field(
        None,
        title="Next state",
        description="What the next round begins with: {{ improve.text }}; empty: what the last step inside gave.",
    )
    until: Inside = Field(
        None,
        title="Until",
        description="Looked at after each round, such as {{ judge.score > 8 }}; empty: all rounds are run.",
    )

    def bodies(self) -> tuple[Body, ...]:
        state = Port("state", help="What the round before gave; in the first round, the first state.")
        number = Port("round", Kind.NUMBER, help="The number of the round, from 1.")
        following = Port("state", required=False, help="What the next round begins with; else what the last step gave.")
        until = Port("until", required=False, help="Ends the rounds when it holds.")
        return (Body(gives=(state, number), takes=(following, until)),)

    def summary(self) -> str:
        return first_line(as_text(self.until)) or f"{self.rounds} ×"

    async def run(self, calls: Calls) -> Rounds:
        state, number, met = self.start, 0, False
        while number < self.rounds and not met:
            number += 1
            taken = await calls.call("body", str(number), state=state, round=number)
            state, met = taken["state"], holds(taken.get("until"))
        return Rounds(output=state, rounds=number, met=met)


class Parallel(Node, group="logic", icon="columns-3"):
    """Runs several branches of steps at the same time and joins what they give. When one fails, the others end."""

    branches: list[Label] = Field(
        ["first", "second"],
        min_length=1,
        max_length=20,
        title="Branches",
        description="Their names. Each is a place for steps, and the name of its value in the result.",
        json_schema_extra={FIXED: True},
    )

    @field_validator("branches")
    @classmethod
    def _each_once(cls, branches: list[str]) -> list[str]:
        if twice := [name for name in branches if branches.count(name) > 1]:
            raise ValueError(f"the branch `{twice[0]}` stands twice")
        return branches

    def bodies(self) -> tuple[Body, ...]:
        return tuple(Body(name, independent=True) for name in self.branches)

    def summary(self) -> str:
        return ", ".join(self.branches)

    async def run(self, calls: Calls) -> Annotated[dict[str, Any], "What each branch gave, by its name."]:
        for name in self.branches:
            calls.begin(name)
        given: dict[str, Any] = {}
        for _ in self.branches:
            outcome = await calls.next()
            if outcome.error is not None:
                raise outcome.error
            given[outcome.body] = outcome.taken["result"]
        return {name: given[name] for name in self.branches}


class Try(Node, group="logic", icon="life-buoy"):
    """Runs the steps inside; when one fails, those of `catch` instead, if there are any. `finally` runs in any case."""

    def bodies(self) -> tuple[Body, ...]:
        error = Port("error", Kind.OBJECT, help="What failed: what, mend, who, kind, step, its input and cause.")
        return Body(), Body("catch", gives=(error,)), Body("finally", takes=(), cleans=True)

    async def run(self, calls: Calls) -> Annotated[Any, f"{RESULT.help} Of `catch` when something failed."]:
        try:
            calls.begin("body")
            outcome = await calls.next()
            if outcome.error is None:
                return outcome.taken["result"]
            try:
                raise outcome.error
            except Exception:  # what fails in `catch` has this as its cause
                if not calls.has("catch"):
                    raise
                return (await calls.call("catch", error=outcome.failure))["result"]
        finally:
            await calls.call("finally")
