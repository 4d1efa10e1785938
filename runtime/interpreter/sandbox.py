"""The sandbox: runs the programs of expressions in worker processes that have no files, no network and hard limits."""

import asyncio
import math
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pydantic_monty as monty

from runtime.errors import AuthorError, OperatorError
from runtime.graph.expressions import Code, missing
from runtime.graph.program import shorten
from runtime.graph.values import describe

SECONDS = 0.5  # for all expressions of a step together
MEMORY = 32 * 1024 * 1024  # bytes of a worker's heap, values included
DEPTH = 100  # calls in one another
LARGEST = 2**63  # whole numbers beyond do not survive JSON readers and databases

_LIMITS: monty.ResourceLimits = {
    "max_feed_duration_secs": SECONDS,
    "max_memory": MEMORY,
    "max_recursion_depth": DEPTH,
    "max_suspensions": 1,
}
_SMALLER = "Read less, or compute it in several steps."
_WIDER: dict[type[BaseException], tuple[str, str]] = {
    TimeoutError: (f"takes more than {SECONDS} seconds", _SMALLER),
    MemoryError: (f"needs more than {MEMORY // 1024 // 1024} MB", _SMALLER),
    RecursionError: (f"calls itself more than {DEPTH} times", _SMALLER),
}


class Sandbox:
    """Evaluates expressions in pydantic-monty workers.

    workers: how many steps are served at once; the rest wait their turn. Processes start with the first
    expression, and each batch gets a fresh session, so that nothing passes from one step to another.
    """

    # The library's own asyncio pool is not used: 23 of 60 processes that had used it died with SIGABRT at exit,
    # its runtime calling into the finished interpreter. The blocking pool on threads of ours: 0 of 90.

    def __init__(self, workers: int = 2) -> None:
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        self._starting = threading.Lock()
        self._pool: monty.Monty | None = None

    async def evaluate(self, codes: Sequence[Code], names: Mapping[str, Any]) -> list[Any]:
        """The JSON values of the expressions, in order.

        names: step id -> {port: value}, None for a skipped step; at least the steps that the codes read.
        Raises: AuthorError naming the expression; OperatorError when workers keep dying or cannot be started.
        """
        if not codes:
            return []
        inputs = _inputs(codes, names)
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._threads, self._run, codes, inputs)
        except monty.MontyCrashedError as crash:
            if crash.timed_out:
                raise _limit(TimeoutError, codes) from None
            raise OperatorError(
                f"The expression worker died {self._workers + 1} times: {crash}",
                _where(codes),
                "Look for what kills processes on this machine (often the lack of memory), then run again.",
            ) from None
        except monty.MontyError as error:
            raise _explain(error, codes, names) from None
        except (OSError, RuntimeError) as error:
            raise OperatorError(
                f"The expression worker cannot be started: {error}", "pydantic-monty", "Install the requirements again."
            ) from None
        return [_json(answer, code) for answer, code in zip(answers, codes, strict=True)]

    async def close(self) -> None:
        """End the worker processes; the sandbox cannot be used again."""
        await asyncio.to_thread(self._threads.shutdown)
        if self._pool is not None:
            await asyncio.to_thread(self._pool.__exit__, None, None, None)
            self._pool = None

    def _run(self, codes: Sequence[Code], inputs: dict[str, Any]) -> list[Any]:
        # One program a line, so that the line of a traceback tells which expression failed. A range would come
        # back as its own description, `range(0, 3)`.
        lines = ["answers = [", *(f"{code.program}," for code in codes), "]"]
        program = "\n".join([*lines, "[list(each) if isinstance(each, range) else each for each in answers]"])
        for dead in range(self._workers + 1):
            try:
                with self._started().checkout(limits=_LIMITS, os_policy={"sleep": "zero"}) as session:
                    sink = monty.CollectString(max_bytes=10_000)  # without one, prints land on our own stdout
                    answers: list[Any] = session.feed_run(program, inputs=inputs, print_callback=sink)
                    return answers
            except monty.MontyCrashedError as crash:
                # Any idle worker may have been killed since its last use; the pool replaces those it finds dead.
                if crash.timed_out or dead == self._workers:
                    raise
        raise AssertionError("the loop returns or raises")

    def _started(self) -> monty.Monty:
        with self._starting:
            if self._pool is None:
                self._pool = monty.Monty(min_processes=0, max_processes=self._workers).__enter__()
            return self._pool


def _inputs(codes: Sequence[Code], names: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the expressions read: whole ports only, so that `http.status` does not ship a large body."""
    inputs: dict[str, Any] = {}
    for read in (read for code in codes for read in code.reads):
        if read.step not in names:
            raise AuthorError(
                f"There is no step `{shorten(read.step)}`",
                f"{{{{ {shorten(read.source)} }}}}",
                "Use the id of a step before this one.",
            )
        outputs = names[read.step]
        if not read.keys:
            inputs[read.step] = outputs
        elif outputs is None:  # a skipped step: each of its ports reads null, and so does the step as a whole
            ports = inputs.setdefault(read.step, {})
            if ports is not None:
                ports[read.keys[0]] = None
        elif inputs.setdefault(read.step, {}) is not outputs and read.keys[0] in outputs:
            inputs[read.step][read.keys[0]] = outputs[read.keys[0]]
    return inputs


def _explain(error: monty.MontyError, codes: Sequence[Code], names: Mapping[str, Any]) -> AuthorError:
    """Whose expression failed, and why, in the author's words."""
    cause = error.exception()
    if isinstance(error, monty.MontyRuntimeError | monty.MontySyntaxError) and (frames := error.traceback()):
        codes = [codes[min(max(frames[0].line - 2, 0), len(codes) - 1)]]
    if type(cause) in _WIDER:
        return _limit(type(cause), codes)
    if isinstance(cause, KeyError | IndexError | TypeError):
        for read in (read for code in codes for read in code.reads):
            if reason := missing(read.step, read.keys, names):
                return AuthorError(reason, _where(codes), "Correct the expression, or the step it reads.")
    if isinstance(cause, KeyError):
        return AuthorError(f"An object here has no `{shorten(str(cause.args[0]), 40)}`", _where(codes), _CORRECT)
    return AuthorError(f"The expression failed: {shorten(str(error), 200)}", _where(codes), _CORRECT)


_CORRECT = "Correct the expression, or the values it reads."


def _limit(kind: type[BaseException], codes: Sequence[Code]) -> AuthorError:
    what, mend = _WIDER[kind]
    return AuthorError(f"The expression {what}", _where(codes), mend)


def _where(codes: Sequence[Code]) -> str:
    return ", ".join(f"{{{{ {shorten(code.source)} }}}}" for code in codes[:3]) + (" …" if len(codes) > 3 else "")


def _json(answer: Any, code: Code) -> Any:
    """The answer as exact JSON types; tuples become lists because `zip` and `items` give them."""
    try:
        return _plain(answer)
    except _NotPlain as error:
        raise AuthorError(f"The expression gives {error}", _where([code]), error.mend) from None
    except RecursionError:
        raise AuthorError("The expression gives a value that is nested too deeply", _where([code]), _SMALLER) from None


class _NotPlain(Exception):
    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    if kind is int:
        if -LARGEST <= value < LARGEST:
            return value
        raise _NotPlain("a whole number of more than 64 bits", "Turn it into a text with `str(…)`.")
    if kind is float:
        if math.isfinite(value):
            return value
        raise _NotPlain("a number that is not finite", "Check for division by zero and huge values first.")
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise _NotPlain(f"an object with {describe(key)} as a key", "Turn keys into texts with `str(…)`.")
        return {key: _plain(item) for key, item in value.items()}
    if kind is set or kind is frozenset:
        raise _NotPlain("a set", "Wrap it in `sorted(…)` or `list(…)`.")
    raise _NotPlain("something that is not a value", "Give a text, a number, true or false, a list or an object.")
