"""The sandbox: runs the programs of expressions in worker processes that have no files, no network and hard limits."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from runtime.errors import OperatorError
from runtime.graph.expressions import Code, ExpressionFailed
from runtime.interpreter.batch import (
    DEPTH,
    MEMORY,
    SECONDS,
    answer,
    asking,
    begun,
    failed,
    inputs,
    program,
    where,
)

if TYPE_CHECKING:
    import pydantic_monty as monty  # elsewhere where it is needed: whose flows compute nothing start without it

_LIMITS: "monty.ResourceLimits" = {
    "max_feed_duration_secs": SECONDS,
    "max_memory": MEMORY,
    "max_recursion_depth": DEPTH,
    "max_suspensions": 1,
}
_PRINTED = 10_000  # bytes; without a place to go, prints land on our own stdout


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
        Raises: ExpressionFailed; OperatorError when workers keep dying or cannot be started.
        """
        if not codes:
            return []
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(self._threads, self._answers, codes, names)
        return [answer(value, code, n) for n, (value, code) in enumerate(zip(answers, codes, strict=True))]

    async def close(self) -> None:
        """End the worker processes; the sandbox cannot be used again."""
        await asyncio.to_thread(self._threads.shutdown)
        if self._pool is not None:
            await asyncio.to_thread(self._pool.__exit__, None, None, None)
            self._pool = None

    # --- on a thread -------------------------------------------------------------------------------------------

    def _answers(self, codes: Sequence[Code], names: Mapping[str, Any]) -> list[Any]:
        import pydantic_monty as monty

        read, sink = inputs(codes, names), monty.CollectString(max_bytes=_PRINTED)
        try:
            answers: list[Any] = self._feed(program(codes), read, sink)
        except monty.MontyCrashedError as crash:
            if crash.timed_out:
                raise failed(codes, begun("", None, len(codes)), TimeoutError(), names, "") from None
            raise OperatorError(
                f"The expression worker died {self._workers + 1} times: {crash}",
                where(codes),
                "Look for what kills processes on this machine (often the lack of memory), then run again.",
            ) from None
        except monty.MontyError as error:
            raise self._explain(error, codes, names, sink.output) from None
        except (OSError, RuntimeError) as error:
            raise OperatorError(
                f"The expression worker cannot be started: {error}", "pydantic-monty", "Install the requirements again."
            ) from None
        return answers

    def _feed(self, text: str, read: dict[str, Any], sink: "monty.CollectString") -> Any:
        """What a worker makes of a program. Raises: MontyError."""
        import pydantic_monty as monty

        for dead in range(self._workers + 1):
            try:
                with self._started().checkout(limits=_LIMITS, os_policy={"sleep": "zero"}) as session:
                    return session.feed_run(text, inputs=read, print_callback=sink)
            except monty.MontyCrashedError as crash:
                # Any idle worker may have been killed since its last use; the pool replaces those it finds dead.
                if crash.timed_out or dead == self._workers:
                    raise
        raise AssertionError("the loop returns or raises")

    def _started(self) -> "monty.Monty":
        import pydantic_monty as monty

        with self._starting:
            if self._pool is None:
                self._pool = monty.Monty(min_processes=0, max_processes=self._workers).__enter__()
            return self._pool

    def _explain(
        self, error: "monty.MontyError", codes: Sequence[Code], names: Mapping[str, Any], printed: str
    ) -> ExpressionFailed:
        """Whose expression failed, and why."""
        import pydantic_monty as monty

        traced = isinstance(error, monty.MontyRuntimeError | monty.MontySyntaxError)
        line = next((frame.line for frame in error.traceback()), None) if traced else None  # type: ignore[attr-defined]
        number, cause = begun(printed, line, len(codes)), error.exception()
        if isinstance(cause, KeyError) and number is not None:
            try:
                self._feed(asking(codes[number]), inputs(codes, names), monty.CollectString(max_bytes=_PRINTED))
            except monty.MontyError as told:
                cause = told.exception()
        return failed(codes, number, cause, names, str(error))
