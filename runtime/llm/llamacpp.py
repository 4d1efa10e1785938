"""llama.cpp in this process: load a GGUF file when it is first needed, complete prompts, unload.

In process and not over its HTTP port, because that was measured to be the sturdier way here: it loads in half a
second, a stopped completion stops within one token (over HTTP it runs on until the next write fails), unloading
returns the memory, nothing is left behind by a killed process, and a broken schema, grammar, prompt or file is an
error and no crash. The engine opens its port all the same; it stands on loopback behind a random key that nobody has.
"""

import asyncio
import importlib
import json
import os
import re
import secrets
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import AuthorError, OperatorError, ProviderError

_PACKAGE = "xllamacpp"
SLOTS = 2  # completions at the same time; more wait in line
WINDOW = 1344  # tokens of prompt and answer together, for each of them; reading takes a second for each 100 to 300


class TooLong(Exception):
    """The prompt does not fit. tokens: its length."""

    def __init__(self, tokens: int) -> None:
        super().__init__(f"{tokens} tokens")
        self.tokens = tokens


@dataclass(frozen=True, slots=True)
class Finish:
    """How a completion ended: stop is `end` or `length`."""

    stop: str
    input_tokens: int
    output_tokens: int


class LlamaCpp:
    """One model file; nothing is loaded before the first completion.

    model: the GGUF file. name: for error messages.
    """

    def __init__(self, model: Path, name: str) -> None:
        self._model, self._name = model, name
        self._server: Any = None
        self._loading = asyncio.Lock()
        self._slots = asyncio.Semaphore(SLOTS)
        # Threads of our own: a long completion must not sit on asyncio's few shared ones.
        self._threads = ThreadPoolExecutor(SLOTS, thread_name_prefix="llamacpp")
        self._running: set[threading.Event] = set()

    async def complete(
        self, prompt: str, *, max_tokens: int, temperature: float = 0.0, grammar: str = ""
    ) -> AsyncGenerator[str | Finish, None]:
        """Pieces of text as they come, and last the Finish. Leaving the iterator stops the completion.

        prompt: with the model's own turn marks. grammar: GBNF that the text must follow.
        Raises: TooLong, OperatorError (the file cannot be loaded), ProviderError (the engine refused).
        """
        body = {
            "prompt": prompt,
            "max_tokens": max_tokens,
            "temperature": temperature,
            # Small models say the same sentence until the limit; this makes verbatim repetition unlikely.
            "dry_multiplier": 0.0 if grammar else 0.8,
            "dry_allowed_length": 4,
            "stream": True,
            "return_progress": True,  # calls back while the prompt is read, so that it can be stopped there too
        }
        if grammar:
            body["grammar"] = grammar
        await self._slots.acquire()
        stop = threading.Event()
        chunks: asyncio.Queue[Any] = asyncio.Queue()
        try:
            server = await self._loaded()
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(self._threads, _run, server, body, loop, chunks, stop)
        except BaseException:
            self._slots.release()
            raise
        # The slot is free when the thread is, which notices a stop at the next token or batch of the prompt;
        # whoever leaves does not wait for that.
        work.add_done_callback(lambda _: self._slots.release())
        self._running.add(stop)
        try:
            async for part in _parts(chunks, self._name):
                yield part
        finally:
            stop.set()
            self._running.discard(stop)

    async def grammar(self, schema: dict[str, Any]) -> str:
        """The GBNF of a JSON Schema. Raises AuthorError for what llama.cpp cannot turn into a grammar."""
        await self._loaded()
        try:
            rules = str(importlib.import_module(_PACKAGE).json_schema_to_grammar(schema))
            # llama.cpp allows line breaks between all parts, and a small model loves to write them.
            return re.sub(r"^space ::= .*$", 'space ::= " "?', rules, flags=re.MULTILINE)
        except (RuntimeError, ValueError, TypeError) as error:
            raise AuthorError(
                what=f"The built-in model cannot follow this JSON Schema: {error}",
                where=self._name,
                mend="Use an object with simple fields, or choose another model.",
            ) from None

    async def close(self) -> None:
        """Stop what runs, and give the memory back."""
        for stop in self._running:
            stop.set()
        await asyncio.to_thread(self._threads.shutdown)
        self._server = None

    async def _loaded(self) -> Any:
        async with self._loading:
            if self._server is None:
                loop = asyncio.get_running_loop()
                self._server = await loop.run_in_executor(self._threads, _load, self._model, self._name)
            return self._server


def _load(model: Path, name: str) -> Any:
    try:
        xllamacpp = importlib.import_module(_PACKAGE)  # 150 ms that only the built-in model has to pay
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_ctx = SLOTS * WINDOW
        params.n_parallel = SLOTS
        params.n_batch = 256  # how much of a prompt is read before a stop is noticed
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = min(os.cpu_count() or 1, 8)
        params.verbosity = -1
        params.api_keys = [secrets.token_hex(32)]
        params.ui = params.endpoint_slots = params.endpoint_props = False
        return xllamacpp.Server(params)
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        raise OperatorError(
            what=f"The weights cannot be loaded: {error}",
            where=str(model),
            mend=f"Delete that folder and run `canevas weights` to get {name} again.",
        ) from error


def _run(server: Any, body: dict[str, Any], loop: asyncio.AbstractEventLoop, chunks: Any, stop: Any) -> None:
    """In a thread: hand every chunk over to the loop; None is the last."""

    def hand_over(chunk: Any) -> None:
        # A loop that was closed meanwhile has nobody left to listen.
        if not loop.is_closed():
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)

    def on_chunk(chunk: Any) -> bool:
        hand_over(chunk)
        return bool(stop.is_set())  # True stops the completion

    try:
        if not stop.is_set():
            server.handle_completions(body, on_chunk)
    except (RuntimeError, ValueError) as error:
        hand_over({"error": {"message": str(error)}})
    finally:
        hand_over(None)


async def _parts(chunks: "asyncio.Queue[Any]", name: str) -> AsyncGenerator[str | Finish, None]:
    stop, tokens_in, tokens_out = "", 0, 0
    while (chunk := await chunks.get()) is not None:
        if error := chunk.get("error"):
            if error.get("type") == "exceed_context_size_error":
                raise TooLong(int(error["n_prompt_tokens"]))
            raise ProviderError(f"The built-in model failed: {error.get('message')}", where=name)
        for choice in chunk.get("choices", ()):
            if reason := choice.get("finish_reason"):
                stop = "length" if reason == "length" else "end"
            if choice.get("text"):
                yield choice["text"]
        if usage := chunk.get("usage"):
            tokens_in, tokens_out = usage["prompt_tokens"], usage["completion_tokens"]
    if not stop:
        raise ProviderError("The built-in model was stopped before its answer was complete", where=name)
    yield Finish(stop, tokens_in, tokens_out)


def one_of(choices: list[str]) -> str:
    """The grammar of exactly one of these texts."""
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)
