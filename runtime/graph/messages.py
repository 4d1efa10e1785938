"""What nodes say to models and to HTTP servers, and what comes back: plain values, no transport."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A question to a model.

    model: a name such as `claude-haiku-5-5` or `builtin`. temperature: 0 to 1, None for the model's own
    default. max_tokens: upper bound of the answer. schema: a JSON Schema that the answer must follow.
    """

    model: str
    messages: Sequence[Message]
    system: str = ""
    temperature: float | None = None
    max_tokens: int = 1024
    schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it comes; live only, never stored."""

    text: str


class ModelCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which model answered and what it used; recorded with the step. demo: the built-in demo model.

    cost: US dollars, 0 when the model's price is not known.
    """

    model: str
    provider: str
    input_tokens: int = 0
    output_tokens: int = 0
    demo: bool = False
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's whole answer. stop: `end`, `length` or `refusal`. data: the parsed answer when a schema was asked."""

    text: str
    call: ModelCall
    stop: str = "end"
    data: Any = None


class Llm(Protocol):
    """What a node may ask of models."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        """Deltas as they come, and last exactly one Reply. Raises ProviderError, OperatorError, AuthorError."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A unit vector a text, the same length for all, from the built-in embeddings."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A call to a server outside. timeout: seconds for the whole exchange."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the server said. url: where redirects ended. headers: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str


class Http(Protocol):
    """The guarded client: refuses private addresses, re-checks redirects, bounds size and time."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request. Raises ProviderError (network, size, time) or AuthorError (a refused address)."""
        ...
