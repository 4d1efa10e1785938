"""What travels on a wire: the kinds of values, which kind fits into which, and how a value becomes text."""

import math
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, is_typeddict

import msgspec

type_names = {
    "text": "a text",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object",
}


class Kind(StrEnum):
    """The closed set of kinds a port can have; every value is plain JSON."""

    ANY = "any"
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"

    @property
    def phrase(self) -> str:
        """The kind in a sentence: `a text`, `an object`."""
        return type_names.get(self.value, "any value")


# Scalars may flow into a text port because turning them into text loses nothing.
_BECOMES_TEXT = {Kind.NUMBER, Kind.BOOLEAN}


def fits(source: Kind, target: Kind) -> bool:
    """Whether a wire may join an output of kind `source` to an input of kind `target`."""
    return source == target or Kind.ANY in (source, target) or (target == Kind.TEXT and source in _BECOMES_TEXT)


def accepted(target: Kind) -> list[Kind]:
    """The kinds an input takes; the canvas lights up ports from this list."""
    return [kind for kind in Kind if fits(kind, target)]


def kind_of_annotation(annotation: Any) -> Kind:
    """The kind a Python annotation stands for; a union of different kinds is `any`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return kind_of_annotation(get_args(annotation)[0])
    if origin is Literal:
        return _common({kind_of(choice) for choice in get_args(annotation)})
    if origin in (Union, types.UnionType):
        return _common({kind_of_annotation(part) for part in get_args(annotation) if part is not type(None)})
    plain = origin or annotation
    if plain is bool:
        return Kind.BOOLEAN
    if is_typeddict(plain):
        return Kind.OBJECT
    if isinstance(plain, type):
        for python, kind in ((str, Kind.TEXT), ((int, float), Kind.NUMBER)):
            if issubclass(plain, python):
                return kind
        if issubclass(plain, Mapping):
            return Kind.OBJECT
        if issubclass(plain, Sequence):
            return Kind.LIST
    return Kind.ANY


def _common(kinds: set[Kind]) -> Kind:
    return kinds.pop() if len(kinds) == 1 else Kind.ANY


_KIND_OF_TYPE: dict[type, Kind] = {
    str: Kind.TEXT,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    bool: Kind.BOOLEAN,
    list: Kind.LIST,
    dict: Kind.OBJECT,
}


def kind_of(value: object) -> Kind:
    """The kind of a JSON value; `any` for null and for what is not JSON."""
    return _KIND_OF_TYPE.get(type(value), Kind.ANY)


class NotJson(ValueError):
    """A node gave something that cannot travel on a wire, such as a set or an object of its own."""


class Large(Exception):
    """A value has more bytes than it may have, or would have in the dearest way to write it."""


ENDLESS = sys.maxsize  # bytes
DEEPEST = 200  # lists and objects in one another: no JSON reader and no stack minds that many

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def plain(value: Any, most: int = ENDLESS) -> Any:
    """The value, if it is JSON; lists and objects are copied, so that nobody changes them behind a wire's back.

    Raises NotJson with the place of what is not JSON, Large for what may have more than `most` bytes as JSON.
    """
    kind = type(value)
    if kind is str:
        if value.isascii():
            if len(value) * 4 > most:
                raise Large
            return value
    elif value is None or kind is bool or (kind is int and -(2**63) <= value < 2**63):
        return value
    # Through JSON and back is the cheapest walk there is (C speed), and what comes back different was no JSON: a
    # set comes back as a list, NaN as null, a key that is a number as a text.
    try:
        written = _encode(value)
        made = _decode(written)
        if kind in _KIND_OF_TYPE and made == value:
            size = len(written)
            if size <= DEEPEST or not _is_deep(value, written):
                if size > most:
                    raise Large
                return made
    except (TypeError, ValueError, AttributeError, RecursionError):
        pass
    raise NotJson(flaw(value) or "it cannot be written as JSON")


def flaw(value: Any, deepest: int = DEEPEST, place: str = "") -> str:
    """Why a value is not JSON, with the place inside it; empty when it is. deepest: the levels that it may have."""
    kind = type(value)
    where = f"`{place if len(place) <= 80 else place[:79] + '…'}`" if place else "it"
    if kind is str and not value.isascii() and _is_torn(value):
        return f"{where} holds half a character (a lone surrogate)"
    if kind is float and not math.isfinite(value):
        return f"{where} is not a finite number"
    if kind is int and _is_endless(value):
        return f"{where} has too many digits"
    if kind is dict or kind is list:
        if not deepest:
            return f"{where} is nested too deeply"
        for key, item in value.items() if kind is dict else enumerate(value):
            if kind is dict and (type(key) is not str or _is_torn(key)):
                return f"{where} has a key that is not a text"
            step = f"[{key}]" if kind is list else f".{key}" if place else str(key)
            if reason := flaw(item, deepest - 1, place + step):
                return reason
    elif value is not None and kind not in _KIND_OF_TYPE:
        return f"{where} is {describe(value)}, not JSON"
    return ""


def _is_endless(number: int) -> bool:
    try:
        str(number)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return True
    return False


def _is_torn(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_deep(value: Any, written: bytes) -> bool:
    """Whether lists and objects stand deeper than DEEPEST in one another; level by level, without recursion."""
    if written.count(b"[") + written.count(b"{") <= DEEPEST:
        return False
    level = [value]
    for _ in range(DEEPEST + 1):
        branches = [each.values() if type(each) is dict else each for each in level if type(each) in (dict, list)]
        level = [item for branch in branches for item in branch]
    return bool(branches)


def take_any(value: Any) -> Any:
    """Accept whatever travels on a wire."""
    return value


def take_text(value: Any) -> Any:
    """Accept a text; numbers and booleans become text, as `fits` promises."""
    if type(value) is str:
        return value
    if type(value) in (int, float, bool):
        return as_text(value)
    raise NotJson(f"expected a text, got {describe(value)}")


def take_number(value: Any) -> Any:
    """Accept a number; true and false are no numbers."""
    if type(value) in (int, float):
        return value
    raise NotJson(f"expected a number, got {describe(value)}")


def take_boolean(value: Any) -> Any:
    """Accept true or false."""
    if type(value) is bool:
        return value
    raise NotJson(f"expected true or false, got {describe(value)}")


def take_list(value: Any) -> Any:
    """Accept a list."""
    if type(value) is list:
        return value
    raise NotJson(f"expected a list, got {describe(value)}")


def take_object(value: Any) -> Any:
    """Accept an object."""
    if type(value) is dict:
        return value
    raise NotJson(f"expected an object, got {describe(value)}")


# How an input of each kind accepts a value that is JSON already; each raises NotJson.
TAKE: dict[Kind, Callable[[Any], Any]] = {
    Kind.ANY: take_any,
    Kind.TEXT: take_text,
    Kind.NUMBER: take_number,
    Kind.BOOLEAN: take_boolean,
    Kind.LIST: take_list,
    Kind.OBJECT: take_object,
}


def allows_null(annotation: Any) -> bool:
    """Whether an annotation such as `str | None` lets null through."""
    if get_origin(annotation) is Annotated:
        return allows_null(get_args(annotation)[0])
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def taker(kind: Kind, nullable: bool) -> Callable[[Any], Any]:
    """How a port accepts a value that is JSON already. Raises NotJson from the function it gives."""
    take = TAKE[kind]
    if not nullable or take is take_any:
        return take
    return lambda value: None if value is None else take(value)


def describe(value: object) -> str:
    """A value in a sentence, by its kind and never by its content (it may be private)."""
    if value is None:
        return "nothing"
    phrase = type_names.get(kind_of(value).value)
    return phrase or f"a Python {type(value).__name__}"


def as_text(value: object) -> str:
    """How a value reads inside a text: null is empty, true is `true`, lists and objects are JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return _encode(value).decode()
