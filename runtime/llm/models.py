"""All models of an installation behind one door: chooses the provider by the name that a request says."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from typing import cast

from runtime.errors import AuthorError, CanevasError
from runtime.graph.messages import Delta, ModelRequest, Reply
from runtime.llm.anthropic import Anthropic
from runtime.llm.builtin import Builtin
from runtime.llm.model import ModelInfo, Provider
from runtime.llm.weights import EMBEDDINGS, absent, is_there
from runtime.memory.embeddings import Embeddings
from runtime.settings import Settings


class Models:
    """What nodes get as `context.llm`.

    secret: gives the value of a named secret, None when there is none; asked anew for every request, so that a
    changed key counts at once. Nothing is loaded or connected before the first request.
    """

    def __init__(self, settings: Settings, secret: Callable[[str], Awaitable[str | None]]) -> None:
        self._providers: tuple[Provider, ...] = (
            Anthropic(settings.anthropic_url, secret),
            Builtin(settings.weights, self.embed),
        )
        self._weights = settings.weights
        self._embeddings = Embeddings(EMBEDDINGS.home(settings.weights))

    def known(self) -> list[ModelInfo]:
        """The models to choose from, in the order to show them."""
        return [info for provider in self._providers for info in provider.known()]

    def providers(self, names: Collection[str]) -> tuple[str, ...]:
        """Who serves these models, by the name that limits use; a model that nobody serves has none."""
        serving = [provider for provider in self._providers if any(map(provider.serves, names))]
        return tuple(sorted({info.provider for provider in serving for info in provider.known()}))

    async def ready(self, name: str) -> CanevasError | None:
        """What is missing before the model `name` can answer; None when nothing is."""
        try:
            return await self._provider(name).ready(name)
        except AuthorError as unknown:
            return unknown

    async def embeddings_ready(self) -> CanevasError | None:
        """What is missing before `embed` can answer; None when nothing is."""
        if is_there(EMBEDDINGS, self._weights):
            return None
        return absent(EMBEDDINGS, "the built-in embeddings", self._weights)

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        """See `Llm.stream`. Raises AuthorError for a name that no provider serves."""
        # Closed by hand: an abandoned async generator is closed some time later, by the garbage collector.
        parts = cast("AsyncGenerator[Delta | Reply, None]", self._provider(request.model).stream(request))
        async with aclosing(parts):
            async for part in parts:
                yield part

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See `Llm.embed`: 512 numbers a text; English, French and fourteen more languages share one space."""
        if missing := await self.embeddings_ready():
            raise missing
        return await self._embeddings.embed(texts)

    async def close(self) -> None:
        """Close connections and unload models."""
        for provider in self._providers:
            await provider.close()

    def _provider(self, name: str) -> Provider:
        for provider in self._providers:
            if provider.serves(name):
                return provider
        names = ", ".join(info.name for info in self.known())
        raise AuthorError(
            what=f"There is no model named `{name}`",
            where=name,
            mend=f"Choose one of: {names}; or any other name that begins with `claude-`.",
        )
