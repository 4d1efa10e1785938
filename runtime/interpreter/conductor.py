"""A step with flows inside, as it runs: a coroutine that begins bodies and is resumed as they end, without a task."""

from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any

from runtime.graph.node import Outcome
from runtime.interpreter.events import StepError
from runtime.interpreter.progress import Scope

Begin = Callable[["Conductor", str, str, dict[str, Any]], Scope]
Kill = Callable[[Scope, Callable[[], None]], None]
Ended = Callable[["Conductor", Any, BaseException | None], None]


class Dropped(BaseException):
    """Thrown into a step whose bodies are no longer wanted; bodies that clean up may still run."""


class Conductor:
    """Drives one such step; it is the `Calls` that the node's `run` is lent.

    begin: opens the scope of a body. kill: ends a scope early, then calls back. ended: told once with the result or
    the error, when no body of it runs any more.
    """

    __slots__ = ("_begin", "_done", "_ended", "_going", "_instead", "_kill", "_run", "_waiting", "index", "scope")

    def __init__(self, scope: Scope, index: int, begin: Begin, kill: Kill, ended: Ended) -> None:
        self.scope, self.index = scope, index
        self._begin, self._kill, self._ended = begin, kill, ended
        self._run: Coroutine[Any, Any, Any] | None = None
        self._going: dict[Scope, tuple[str, str]] = {}
        self._done: deque[Outcome] = deque()
        self._waiting = False
        self._instead: BaseException | None = None

    # --- what the node calls -----------------------------------------------------------------------------------

    def begin(self, body: str, key: str = "", **given: Any) -> None:
        """Start a body beside others."""
        scope = self._begin(self, body, key, given)
        self._going[scope] = body, key

    async def next(self) -> Outcome:
        """The next body that ended."""
        if not self._done:
            if not self._going:
                raise RuntimeError("no body was begun, so none can end")
            await _turn()
        return self._done.popleft()

    async def call(self, body: str, key: str = "", **given: Any) -> dict[str, Any]:
        """Run a body alone."""
        self.begin(body, key, **given)
        outcome = await self.next()
        if outcome.error is not None:
            raise outcome.error
        return outcome.taken

    # --- what the engine calls ---------------------------------------------------------------------------------

    def start(self, run: Coroutine[Any, Any, Any]) -> None:
        """Enter the node's `run`."""
        self._run = run
        self._drive(None)

    def body_ended(self, scope: Scope, taken: dict[str, Any], error: StepError | None = None) -> None:
        """A body gave what it took, or failed and is gone."""
        failure = {} if error is None else error.failure.told()
        self._done.append(Outcome(*self._going.pop(scope), taken, error, failure))
        if self._waiting:
            self._drive(None)

    def cancel(self, instead: BaseException | None = None) -> None:
        """End it early: first its bodies, then itself, which may still run bodies to clean up.

        instead: the error that it ends with; without one it ends as dropped.
        """
        if self._instead is None and self._run is not None:
            self._instead = instead or Dropped()
            self._clear(lambda: self._drive(Dropped()))

    # --- inside ------------------------------------------------------------------------------------------------

    def _drive(self, thrown: BaseException | None) -> None:
        assert self._run is not None
        self._waiting = False
        try:
            awaited = self._run.throw(thrown) if thrown is not None else self._run.send(None)
        except StopIteration as stop:
            self._end(stop.value, None)
        except (Exception, Dropped, SystemExit, CancelledError) as error:
            self._end(None, error)
        else:
            self._waiting = True
            if awaited is not None:
                self._run.close()
                self._end(None, TypeError("a node with bodies may wait for nothing but them"))

    def _end(self, result: Any, error: BaseException | None) -> None:
        self._run = None
        self._clear(lambda: self._ended(self, result, self._instead or error))

    def _clear(self, then: Callable[[], None]) -> None:
        """End the bodies that still run, then go on."""
        self._waiting = False
        left = list(self._going)
        self._going.clear()
        self._done.clear()
        count = len(left)

        def one_less() -> None:
            nonlocal count
            count -= 1
            if not count:
                then()

        if not left:
            then()
        for scope in left:
            self._kill(scope, one_less)


@coroutine
def _turn() -> Generator[None, None, None]:
    """Give the turn back to the engine until a body has ended."""
    yield
