"""What a provider of models is: the protocol behind every name in a flow's model field."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from runtime.errors import CanevasError
from runtime.graph.messages import Delta, ModelRequest, Reply


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One entry of the model list.

    name: what a flow says, such as `builtin`. label: what a person reads. demo: fluent but often wrong, to be
    labelled so wherever it answers. local: nothing leaves this machine. temperature: whether the model takes one;
    where it does not, a request's temperature is left out.
    """

    name: str
    label: str
    provider: str
    demo: bool = False
    local: bool = False
    temperature: bool = True


class Model(Protocol):
    """Something that answers requests; a fallback, a budget or a cache around models is a Model too."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        """Deltas as they come, and last exactly one Reply. Closing the iterator closes the provider's stream.

        Raises: ProviderError, OperatorError, AuthorError.
        """
        ...


class Provider(Model, Protocol):
    """A family of models reached in one way."""

    def known(self) -> list[ModelInfo]:
        """The models to offer; a provider may serve more names than it lists."""
        ...

    def serves(self, name: str) -> bool:
        """Whether a request for the model `name` is this provider's to answer."""
        ...

    async def ready(self, name: str) -> CanevasError | None:
        """What is missing before `name` can answer, found without asking it; None when nothing is."""
        ...

    async def close(self) -> None:
        """Give back connections, threads and memory; the provider is not used afterwards."""
        ...
