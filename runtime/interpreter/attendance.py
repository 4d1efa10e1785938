"""One body that waits, from its call to its result, its error, its time-out or its pause."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from typing import Any

from runtime.errors import AuthorError, CallerError, OperatorError, ProviderError
from runtime.graph.flow import Cause, Retry
from runtime.graph.messages import Delta
from runtime.graph.node import Node, Reply, Request
from runtime.graph.plan import PlannedStep


class Late(ProviderError):
    """A step did not end in its time."""

    def __init__(self, step: PlannedStep) -> None:
        super().__init__(
            f"The step did not end within {step.timeout:g} s",
            step.id,
            "Give it a longer time-out, or look at what it waits for.",
            retry=True,
        )


class BrokenPromise(AuthorError):
    """A node gave something else than it says it gives."""


class Pausing(BaseException):
    """Leaves a body that has to wait for a person or a time."""

    def __init__(self, request: dict[str, Any] | None, until: float | None) -> None:
        super().__init__()
        self.request, self.until = request, until


class Pauses:
    """The `context.pause` of one entry into a body: it gives what was answered before, then it leaves the body."""

    __slots__ = ("_count", "_replies")

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies, self._count = replies, 0

    async def __call__(self, request: Request | None = None, until: float | None = None) -> Reply:
        self._count += 1
        if self._count <= len(self._replies):
            return self._replies[self._count - 1]
        raise Pausing(None if request is None else asdict(request), until)


async def attend(
    step: PlannedStep, node: Node, values: dict[str, Any], say: Callable[[str], None] | None
) -> tuple[Any, BaseException | None, float]:
    """Call a body that waits: (result, error, milliseconds). say: takes the text that it streams, if it does.

    Raises: Pausing; CancelledError when the caller is cancelled.
    """
    began = time.perf_counter()
    limit = asyncio.timeout(step.timeout)
    error: BaseException | None = None
    result: Any = None
    try:
        async with limit:
            body = step.call(node, **values)
            result = await (body if say is None else _streamed(body, say))
    except (Exception, SystemExit) as raised:
        error = raised
    if limit.expired():  # also when the body took no notice and gave something after all
        error = Late(step)
    return result, error, round((time.perf_counter() - began) * 1000, 3)


async def _streamed(items: AsyncIterator[Any], say: Callable[[str], None]) -> Any:
    result: Any = None
    async for item in items:
        if type(item) is Delta:
            say(item.text)
        else:
            result = item
    return result


def may_go_better(error: BaseException, retry: Retry) -> bool:
    """Whether a failed try is one that the step wants tried again."""
    cause = _cause(error)
    return cause is not None and cause in retry.on


def _cause(error: BaseException) -> Cause | None:
    if isinstance(error, Late):
        return "timeout"
    if isinstance(error, ProviderError):
        return "provider" if error.retry else None
    if isinstance(error, OperatorError):
        return "operator"
    if isinstance(error, AuthorError | CallerError):
        return None
    return "node"
