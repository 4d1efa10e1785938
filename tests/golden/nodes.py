"""Nodes that misbehave on purpose, or wait, or speak; only for golden flows."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Literal, TypedDict

from pydantic import Field

from runtime.errors import AuthorError, ProviderError
from runtime.graph.messages import Delta
from runtime.graph.node import Context, Node


class Sleep(Node, effect="reads"):
    """Gives its value on after a while."""

    seconds: float = Field(0.0, ge=0)

    async def run(self, value: Any = None) -> Any:
        await asyncio.sleep(self.seconds)
        return value


class Flaky(Node, effect="reads"):
    """Fails the first times that it is tried in a run, then gives how often it was tried."""

    failures: int
    kind_of_error: Literal["provider", "author"] = "provider"

    async def run(self, context: Context) -> int:
        tries[context.key] += 1
        if tries[context.key] > self.failures:
            return tries[context.key]
        if self.kind_of_error == "author":
            raise AuthorError("A setting is wrong", mend="Correct it.")
        raise ProviderError("The service is busy", mend="Try again.", retry=True)


tries: Counter[str] = Counter()  # by the key of an execution, which no two runs share


class Speak(Node, effect="reads"):
    """Says its text word by word."""

    text: str

    async def run(self, context: Context) -> AsyncIterator[Delta | str]:
        for word in self.text.split():
            context.log(f"says {word}")
            yield Delta(f"{word} ")
        yield self.text


class Fields(TypedDict):
    """Two ports."""

    name: str
    amount: float


class Tell(Node):
    """Gives whatever it is told to give, true to its promise or not."""

    output: Any

    async def run(self) -> Fields:
        return self.output  # type: ignore[no-any-return]


class Break(Node):
    """Raises an error that is none of ours."""

    async def run(self, value: Any = None) -> str:
        raise ZeroDivisionError("a bug in the node")


class Dawdle(Node):
    """Says that it is pure, and waits."""

    async def run(self) -> str:
        await asyncio.sleep(0)
        return "never comes here"


class Shout(Node):
    """Writes a text in capitals."""

    mark: str = "!"

    async def run(self, text: str) -> str:
        return text.upper() + self.mark


GOLDEN = (Sleep, Flaky, Speak, Tell, Break, Dawdle, Shout)
