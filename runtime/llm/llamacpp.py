"""llama.cpp for one model file: loaded when it is first needed, in a process of its own.

Of its own and not in ours, because in ours it was measured to hold the interpreter for half a second while it loads,
and now and then for ever while it unloads. This way a crash is an error of one answer, cancelling is immediate, and
unloading gives everything back. The process ends with ours, even when ours is killed.
"""

import asyncio
import contextlib
import itertools
import json
import re
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import AuthorError, OperatorError, ProviderError

SLOTS = 2  # completions at the same time; more wait in line
WINDOW = 1344  # tokens of prompt and answer together, for each of them; reading 100 to 300 of them takes a second
_WORKER = Path(__file__).with_name("llamacpp_worker.py")
_LINE = 1 << 22  # bytes; a chunk is a few hundred, the grammar of a huge schema may be much more

Chunk = dict[str, Any]
Chunks = asyncio.Queue[Chunk | None]


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
    """One model file; nothing is loaded before the first completion, and after a crash it is loaded again.

    model: the GGUF file. name: for error messages.
    """

    def __init__(self, model: Path, name: str) -> None:
        self._model, self._name = model, name
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(SLOTS)
        self._numbers = itertools.count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._calls: dict[int, Chunks] = {}

    async def complete(
        self, prompt: str, *, max_tokens: int, temperature: float = 0.0, grammar: str = ""
    ) -> AsyncGenerator[str | Finish, None]:
        """Pieces of text as they come, and last the Finish. Leaving the iterator stops the completion.

        prompt: with the model's own turn marks. grammar: GBNF that the text must follow.
        Raises: TooLong, OperatorError (the file cannot be loaded), ProviderError (the engine refused or died).
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
        stop, tokens_in, tokens_out = "", 0, 0
        async with contextlib.aclosing(self._ask({"complete": body})) as chunks:
            async for chunk in chunks:
                if error := chunk.get("error"):
                    if error.get("type") == "exceed_context_size_error":
                        raise TooLong(int(error["n_prompt_tokens"]))
                    raise ProviderError(f"The built-in model failed: {error.get('message')}", where=self._name)
                for choice in chunk.get("choices", ()):
                    if reason := choice.get("finish_reason"):
                        stop = "length" if reason == "length" else "end"
                    if choice.get("text"):
                        yield choice["text"]
                if usage := chunk.get("usage"):
                    tokens_in, tokens_out = usage["prompt_tokens"], usage["completion_tokens"]
        if not stop:
            raise self._died()
        yield Finish(stop, tokens_in, tokens_out)

    async def grammar(self, schema: dict[str, Any]) -> str:
        """The GBNF of a JSON Schema. Raises AuthorError for what llama.cpp cannot turn into a grammar."""
        said = [chunk async for chunk in self._ask({"grammar": schema})]
        if not said:
            raise self._died()
        if error := said[0].get("error"):
            raise AuthorError(
                what=f"The built-in model cannot follow this JSON Schema: {error['message']}",
                where=self._name,
                mend="Use an object with simple fields, or choose another model.",
            )
        # llama.cpp allows line breaks between all parts, and a small model loves to write them.
        return re.sub(r"^space ::= .*$", 'space ::= " "?', said[0]["grammar"], flags=re.MULTILINE)

    async def close(self) -> None:
        """End the process; answers that still come end with an error."""
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reader:
            await self._reader

    async def _ask(self, words: dict[str, Any]) -> AsyncGenerator[Chunk, None]:
        """What the process says to one request; ends early when the process does."""
        await self._slots.acquire()
        try:
            process = await self._started()
        except BaseException:
            self._slots.release()
            raise
        number, chunks = next(self._numbers), Chunks()
        self._calls[number] = chunks
        try:
            await _say(process, {"id": number, **words})
            while (chunk := await chunks.get()) is not None:
                yield chunk
        finally:
            # Whoever leaves early does not wait: the slot becomes free when the process says that it is done, which
            # is at the next token or the next batch of the prompt.
            if number in self._calls:
                with contextlib.suppress(OSError):
                    process.stdin.write(_line({"stop": number}))  # type: ignore[union-attr]

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", str(_WORKER)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                    limit=_LINE,
                )
                await self._load(self._process)
                self._reader = asyncio.create_task(self._read(self._process))
            return self._process

    async def _load(self, process: asyncio.subprocess.Process) -> None:
        try:
            await _say(process, {"model": str(self._model), "slots": SLOTS, "window": WINDOW})
            said = json.loads(await _heard(process) or '{"error": "the process ended"}')
        except BaseException:
            process.kill()
            raise
        if "error" in said:
            await process.wait()
            raise OperatorError(
                what=f"The weights cannot be loaded: {said['error']}",
                where=str(self._model),
                mend=f"Delete that folder and run `canevas weights` to get {self._name} again.",
            )

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand what the process says to whoever asked, until it ends."""
        while line := await _heard(process):
            said = json.loads(line)
            if "chunk" in said:
                self._calls[said["id"]].put_nowait(said["chunk"])
            else:
                self._end(said["id"])
        await process.wait()
        for number in list(self._calls):
            self._end(number)

    def _end(self, number: int) -> None:
        self._calls.pop(number).put_nowait(None)
        self._slots.release()

    def _died(self) -> ProviderError:
        what = "The built-in model was stopped before its answer was complete"
        return ProviderError(what, where=self._name, mend="Try again.", retry=True)


def _line(words: dict[str, Any]) -> bytes:
    return json.dumps(words).encode() + b"\n"


async def _say(process: asyncio.subprocess.Process, words: dict[str, Any]) -> None:
    assert process.stdin
    # A process that has just died is noticed where its answer is awaited.
    with contextlib.suppress(OSError):
        process.stdin.write(_line(words))
        await process.stdin.drain()


async def _heard(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout
    return await process.stdout.readline()


def one_of(choices: list[str]) -> str:
    """The grammar of exactly one of these texts."""
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)
