"""Claude: its models, its key, and the way to ask it."""

import asyncio
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from runtime.errors import CanevasError, OperatorError
from runtime.graph.messages import Delta, ModelRequest, Reply
from runtime.llm.model import ModelInfo

if TYPE_CHECKING:
    from runtime.llm.messages_api import MessagesApi

SECRET = "anthropic"  # noqa: S105 - the name of the secret, not its value
PROVIDER = "anthropic"
_KNOWN = {
    "claude-haiku-5-5": "Claude Haiku 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-fable-5-2": "Claude Fable 5.2",
    "claude-haiku-4-5": "Claude Haiku 4.5",
}
# The last models that take a temperature and do not think unless told to. Everything newer, whatever its name,
# refuses a temperature and thinks by itself.
CLASSIC = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-6")


class Anthropic:
    """The Claude models, for whoever has stored a key as the secret `anthropic`.

    url: of the Messages API, empty for Anthropic's own. timeout: an httpx2 timeout, to connect and between two bytes.
    """

    def __init__(self, url: str, secret: Callable[[str], Awaitable[str | None]], timeout: Any = None) -> None:
        self._asked = (url, secret, timeout)
        self._secret = secret
        self._api: MessagesApi | None = None

    def known(self) -> list[ModelInfo]:
        return [
            ModelInfo(name, label, PROVIDER, temperature=name.startswith(CLASSIC)) for name, label in _KNOWN.items()
        ]

    def serves(self, name: str) -> bool:
        return name.startswith("claude-")

    async def ready(self, name: str) -> CanevasError | None:
        return None if await self._secret(SECRET) else no_key(name)

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        if self._api is None:
            # The SDK takes most of a second to import, which neither a start nor the other runs should wait for.
            module = await asyncio.to_thread(importlib.import_module, "runtime.llm.messages_api")
            self._api = self._api or module.MessagesApi(*self._asked)
        parts = cast("AsyncGenerator[Delta | Reply, None]", self._api.stream(request))
        async with aclosing(parts):
            async for part in parts:
                yield part

    async def close(self) -> None:
        if self._api is not None:
            await self._api.close()


def no_key(model: str) -> OperatorError:
    return OperatorError(
        what="There is no key for Anthropic",
        where=model,
        mend=f"Add a secret named `{SECRET}` in Settings, or choose the built-in model.",
    )
