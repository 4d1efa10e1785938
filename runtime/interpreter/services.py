"""What the world lends to steps: models, the guarded HTTP client, secrets, and the sandbox of expressions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.graph.expressions import Code
from runtime.graph.messages import Delta, Http, Llm, ModelCall, ModelRequest, Reply


class Evaluator(Protocol):
    """Computes expressions outside this process."""

    async def evaluate(self, codes: Sequence[Code], names: Mapping[str, Any]) -> list[Any]:
        """The value of each program. Raises AuthorError, OperatorError."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the world lends to steps."""

    llm: Llm
    http: Http
    secret: Callable[[str], Awaitable[str]]
    sandbox: Evaluator


class RecordedLlm:
    """The model layer as one step sees it: notes which models answered."""

    __slots__ = ("_calls", "_llm")

    def __init__(self, llm: Llm, calls: list[ModelCall]) -> None:
        self._llm, self._calls = llm, calls

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        async for item in self._llm.stream(request):
            if isinstance(item, Reply):
                self._calls.append(item.call)
            yield item

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await self._llm.embed(texts)
