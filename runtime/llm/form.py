"""Filling in a form from a text: how the built-in model answers a JSON schema.

Left alone under a JSON grammar, the demo model invents values: 21 of 40 fields of the labelled requests were right.
So code finds what could stand in a field (addresses, numbers, phrases of the text), and the model only chooses, one
field after the other; what one field has taken is not offered to the next.
"""

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from runtime.graph.messages import Message, ModelRequest
from runtime.llm.chatml import Prompt, clipped
from runtime.llm.excerpts import Embed
from runtime.llm.passages import (
    ADDRESS,
    LINK,
    PHONE,
    content_lines,
    counted,
    is_proper,
    kinship,
    matches,
    numbers,
    phrases,
    plain,
    sentences,
)
from runtime.memory.similarity import nearest

Schema = dict[str, Any]
# The model's choice among whole JSON values: prompt so far and choices in, one of the choices out.
Choose = Callable[[str, list[str]], Awaitable[str]]

_READ = 1_500  # characters of the text; more phrases than that make choosing slow
_SYSTEM = "You read a text and fill in a form as JSON. Copy the values from the text."
_GOODS = re.compile(r"product|produit|item|article|goods|wants? to (buy|order)|veut (acheter|commander)")
_TOLD = re.compile(r"summar|r[ée]sum|message|request|demande|besoin|detail|note|comment|descri|reason|raison|answer")
_FIRM = re.compile(r"company|soci[ée]t[ée]|entreprise|organi[sz]ation|firm|employer|employeur|customer's business")
_CALLED = re.compile(rf"name|nom\b|person|contact|client|customer|city|ville|country|pays|{_FIRM.pattern}")
_KINDS = (
    (re.compile(r"mail|courriel", re.I), ADDRESS),
    (re.compile(r"url|uri|web|site|lien|link", re.I), LINK),
    (re.compile(r"phone|t[ée]l[ée]?|mobile", re.I), PHONE),
)
_SCALARS = {"string", "integer", "number", "boolean", "null"}


def is_form(schema: Schema) -> bool:
    """Whether the schema is an object whose fields are values, choices, lists of those, or such objects."""
    return schema.get("type") == "object" and all(map(_is_field, schema.get("properties", {}).values()))


def _is_field(schema: Any) -> bool:
    if not isinstance(schema, dict) or {"$ref", "allOf", "anyOf", "oneOf", "not", "if"} & schema.keys():
        return False
    if "enum" in schema or "const" in schema:
        return True
    kind = _kind(schema)
    if kind == "array":
        return _is_field(schema.get("items", {"type": "string"}))
    return is_form(schema) if kind == "object" else kind in _SCALARS


def _kind(schema: Schema) -> str:
    """The type of a field; of `["string", "null"]` the one that is not null."""
    kind = schema.get("type", "string")
    return next((each for each in kind if each != "null"), "null") if isinstance(kind, list) else str(kind)


class Form:
    """One form and the text it is filled in from."""

    def __init__(self, request: ModelRequest, choose: Choose, embed: Embed) -> None:
        self._schema = request.schema or {}
        told = "\n".join(message.text for message in request.messages if message.role == "user")
        self.text = clipped("\n".join(content_lines(told)) or plain(told), _READ)
        self._choose, self._embed = choose, embed
        self._taken: list[str] = []
        self._written = ""

    def prompt(self) -> str:
        """What the model reads before the form begins."""
        names = "\n".join(_named(name, part) for name, part in self._schema.get("properties", {}).items())
        question = Message("user", f"Text: {self.text}\n\nFields:\n{names}")
        return Prompt(_SYSTEM, [question]).rendered(2 * _READ)

    async def filled(self) -> AsyncGenerator[str, None]:
        """The form as JSON text, a piece a field."""
        async for piece in self._object(self._schema):
            self._written += piece
            yield piece

    async def _object(self, schema: Schema) -> AsyncGenerator[str, None]:
        separator = "{"
        for name, part in schema.get("properties", {}).items():
            key = f"{separator}{json.dumps(name, ensure_ascii=False)}:"
            separator = ", "
            inner, marks = (part["items"], "[]") if isinstance(part.get("items"), dict) else (part, ("", ""))
            if _kind(inner) == "object" and not {"enum", "const"} & inner.keys():
                # Of a list of objects, one: where the next would begin in the text is more than this model can say.
                yield f"{key} {marks[0]}"
                async for piece in self._object(inner):
                    yield piece
                yield marks[1]
            else:
                value = await self._value(name, part, self._written + key)
                yield f"{key} {json.dumps(value, ensure_ascii=False)}"
        yield "}" if separator != "{" else "{}"

    async def _value(self, name: str, schema: Schema, begun: str) -> Any:
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return await self._named_choice(name, schema["enum"])
        kind = _kind(schema)
        if kind == "array":
            return await self._list(name, schema.get("items", {"type": "string"}))
        if kind == "null":
            return None
        choices = [True, False] if kind == "boolean" else self._candidates(name, schema, kind)
        if not choices:
            return None if "null" in schema.get("type", ()) else _nothing(schema, kind)
        value = choices[0]
        if len(choices) > 1:
            # The blank belongs to the choice: tokens of this model begin with their blank.
            offered = {f" {json.dumps(choice, ensure_ascii=False)}": choice for choice in choices}
            value = offered[await self._choose(begun, list(offered))]
        self._taken.append(str(value))
        return value

    def _candidates(self, name: str, schema: Schema, kind: str) -> list[Any]:
        """What the field could hold, in the order of the text."""
        about = f"{name} {schema.get('title', '')} {schema.get('description', '')} {schema.get('format', '')}".lower()
        if kind in ("integer", "number"):
            low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
            without = PHONE.sub(" ", ADDRESS.sub(" ", LINK.sub(" ", self.text)))
            found = [number for number in numbers(without) if low <= number <= high]
            whole = [int(number) if number.is_integer() else number for number in found]
            return self._fresh([number for number in whole if kind == "number" or isinstance(number, int)])
        longest = schema.get("maxLength", 10_000)
        for pattern, shape in _KINDS:
            if pattern.search(about):
                return [match for match in matches(shape, self.text) if len(match) <= longest]
        return [text for text in self._texts(about) if len(text) <= longest]

    def _texts(self, about: str) -> list[str]:
        """Parts of the text for a field that is about this; the field's words say which kind of part."""
        offered = self._fresh(phrases(self.text))
        if _GOODS.search(about):
            return self._fresh(counted(self.text)) or offered
        if _TOLD.search(about):
            return self._fresh(sentences(self.text))
        if not _CALLED.search(about):
            return offered
        proper = [text for text in offered if is_proper(text)] or offered
        # ana.keller@brightside.example says by itself who Ana Keller is, and what Brightside is.
        places = [address.partition("@") for address in matches(ADDRESS, self.text)]
        addresses = " ".join(host if _FIRM.search(about) else person for person, _, host in places)
        nearest_kin = max(kinship(text, addresses) for text in proper) if proper else 0
        return [text for text in proper if kinship(text, addresses) == nearest_kin]

    def _fresh(self, choices: list[Any]) -> list[Any]:
        """The choices that no other field has taken a part of; all when none is left."""
        fresh = [each for each in choices if not any(str(each) in old or old in str(each) for old in self._taken)]
        return fresh or choices

    async def _named_choice(self, name: str, choices: list[Any]) -> Any:
        """The choice that the text names, else the one nearest to it in meaning."""
        named = [each for each in choices if re.search(rf"\b{re.escape(str(each))}\b", self.text, re.IGNORECASE)]
        if len(named) == 1 or len(choices) == 1:
            return (named or choices)[0]
        vectors = await self._embed([self.text, *(f"{name}: {each}" for each in choices)])
        return choices[nearest(vectors[0], vectors[1:])[0].index]

    async def _list(self, name: str, items: Schema) -> list[Any]:
        """Every address, number or named choice of the text; of phrases, which have no end, the first few."""
        if "enum" in items:
            named = [each for each in items["enum"] if str(each).lower() in self.text.lower()]
            return named or [await self._named_choice(name, items["enum"])]
        if _kind(items) not in ("string", "integer", "number"):
            return []
        return self._candidates(name, items, _kind(items))[:3]


def _nothing(schema: Schema, kind: str) -> Any:
    return "" if kind == "string" else schema.get("minimum", 0)


def _named(name: str, schema: Schema) -> str:
    return f"- {name}: {schema.get('description') or schema.get('title') or name.replace('_', ' ')}"
