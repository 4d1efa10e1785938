"""A step with flows inside, as it runs: a coroutine that begins bodies and is resumed as they end, without a task."""

import re
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import Any

from runtime.graph.node import Outcome
from runtime.interpreter.events import StepError
from runtime.interpreter.progress import Scope

Begin = Callable[["Conductor", str, str, dict[str, Any]], Scope]
Kill = Callable[[Scope, Callable[[], None]], None]
Ended = Callable[["Conductor", Any, BaseException | None], None]
_BODY = object()  # what a `run` yields that waits for a body; whoever waits for something else yields something else
_IN_PATHS = re.compile(r"[/\[\]]")


class Dropped(BaseException):
    """Thrown into a step whose bodies are no longer wanted; bodies that clean up may still run."""


class Conductor:
    """Drives one such step; it is the `Calls` that the node's `run` is lent.

    begin: opens the scope of a body. kill: ends a scope early, then calls back. ended: told once with the result or
    the error, when no body of it runs any more.
    """

    __slots__ = (
        "_begin",
        "_begun",
        "_done",
        "_ended",
        "_going",
        "_instead",
        "_kill",
        "_run",
        "_thrown",
        "_waiting",
        "index",
        "scope",
    )

    def __init__(self, scope: Scope, index: int, begin: Begin, kill: Kill, ended: Ended) -> None:
        self.scope, self.index = scope, index
        self._begin, self._kill, self._ended = begin, kill, ended
        self._run: Coroutine[Any, Any, Any] | None = None
        self._begun: set[tuple[str, str]] = set()
        self._going: dict[Scope, tuple[str, str]] = {}
        self._done: deque[Outcome] = deque()
        self._waiting = self._thrown = False
        self._instead: BaseException | None = None

    # --- what the node calls -----------------------------------------------------------------------------------

    def begin(self, body: str, key: str = "", **given: Any) -> None:
        """Start a body beside others. Raises ValueError for what the run's record could not tell from others."""
        call = body, key
        if self._run is None:
            raise Dropped  # the run has left it
        if not key.isalnum() and _IN_PATHS.search(key):
            raise ValueError(f"`{key}` is no key of a body: it has a character that stands between parts of a path")
        if call in self._begun:
            raise ValueError(f"the body `{body}` was begun twice with the key `{key}`")
        self._begun.add(call)
        self._going[self._begin(self, body, key, given)] = call

    def has(self, body: str) -> bool:
        """Whether any step stands in a body."""
        steps = self.scope.plan.steps[self.index].bodies[body].steps
        return any(not step.closing for step in steps)

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
        if not self._done:
            await _turn()
        outcome = self._done.popleft()
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
        if scope not in self._going:
            return  # the step went on without it
        failure = {} if error is None else error.failure.told(given=error.given)
        self._done.append(Outcome(*self._going.pop(scope), taken, error, failure))
        if self._waiting:
            self._drive(None)

    def cancel(self, instead: BaseException | None = None) -> None:
        """End it early: first its bodies, then itself, which may still run bodies to clean up.

        instead: the error that it ends with; without one it ends as dropped.
        """
        if self._instead is None and self._run is not None:
            self._instead = instead or Dropped()
            self._wind_up()

    def leave(self) -> None:
        """Let go of the node's `run` where it stands; whatever it says to that, nothing begins any more."""
        run, self._run = self._run, None
        if run is not None:
            with suppress(BaseException):
                run.close()

    # --- inside ------------------------------------------------------------------------------------------------

    def _drive(self, thrown: BaseException | None) -> None:
        if self._run is None:
            return  # the run has left it
        self._waiting = False
        try:
            awaited = self._run.throw(thrown) if thrown is not None else self._run.send(None)
        except StopIteration as stop:
            self._end(stop.value, None)
        except (Exception, Dropped, SystemExit, CancelledError) as error:
            self._end(None, error)
        else:
            self._waiting = True
            if awaited is not _BODY:
                self.leave()
                self._end(None, TypeError("a node with bodies may wait for nothing but them"))
            elif self._instead is not None and not self._thrown:
                self._wind_up()

    def _wind_up(self) -> None:
        """It is to end early: end its bodies, wait for those that clean up already, and then throw it out."""
        cleaning = self.scope.plan.steps[self.index].cleaning
        self._clear([scope for scope, (body, _) in self._going.items() if body not in cleaning], self._throw)

    def _throw(self) -> None:
        if self._done:
            self._drive(None)
        elif self._going:
            self._waiting = True
        else:
            self._thrown = True
            self._drive(Dropped())

    def _end(self, result: Any, error: BaseException | None) -> None:
        self._run = None
        self._clear(list(self._going), lambda: self._ended(self, result, self._instead or error))

    def _clear(self, left: list[Scope], then: Callable[[], None]) -> None:
        """End these bodies, then go on."""
        self._waiting = False
        for scope in left:
            del self._going[scope]
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
def _turn() -> Generator[object, None, None]:
    """Give the turn back to the engine until a body has ended."""
    yield _BODY
