"""Asking a model in a test: the request, the vault and the whole answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from runtime.graph.messages import Delta, Message, ModelRequest, Reply
from runtime.llm.model import Model


async def no_secret(_: str) -> str | None:
    return None


def secret(value: str) -> Callable[[str], Awaitable[str | None]]:
    """A vault with the one secret `anthropic`."""

    async def give(name: str) -> str | None:
        return value if name == "anthropic" else None

    return give


def question(model: str, text: str = "Hello", **rest: Any) -> ModelRequest:
    return ModelRequest(model, [Message("user", text)], **rest)


async def answered(model: Model, request: ModelRequest) -> tuple[list[str], Reply]:
    """The deltas and the reply; fails when the order of the protocol is broken."""
    parts = [part async for part in model.stream(request)]
    assert all(isinstance(part, Delta) for part in parts[:-1])
    assert isinstance(parts[-1], Reply)
    return [part.text for part in parts[:-1]], parts[-1]
