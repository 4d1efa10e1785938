"""What travels on a wire: the kinds of values, which kind fits into which, and how a value becomes text."""

import math
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


def _refuse(value: object) -> object:
    raise NotJson(f"{type(value).__name__} is not a JSON value")


_encoder = msgspec.json.Encoder(enc_hook=_refuse)


def take_text(value: Any) -> Any:
    """Accept a text; numbers and booleans become text, as `fits` promises."""
    if type(value) is str:
        return value
    if type(value) in (int, float, bool):
        return as_text(value)
    raise NotJson(f"expected a text, got {describe(value)}")


def take_number(value: Any) -> Any:
    """Accept a finite number; true and false are no numbers."""
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    raise NotJson(f"expected a number, got {describe(value)}")


def take_boolean(value: Any) -> Any:
    """Accept true or false."""
    if type(value) is bool:
        return value
    raise NotJson(f"expected true or false, got {describe(value)}")


def take_list(value: Any) -> Any:
    """Accept a list whose whole content is JSON."""
    if type(value) is list:
        return _json(value)
    raise NotJson(f"expected a list, got {describe(value)}")


def take_object(value: Any) -> Any:
    """Accept a dict whose whole content is JSON."""
    if type(value) is dict:
        return _json(value)
    raise NotJson(f"expected an object, got {describe(value)}")


def take_any(value: Any) -> Any:
    """Accept any JSON value."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is list or kind is dict:
        return _json(value)
    if kind is float:
        return take_number(value)
    return _refuse(value)


def _json(value: Any) -> Any:
    try:
        _encoder.encode(value)  # the cheapest walk there is: C speed, one pass, refuses what is not JSON
    except RecursionError:
        raise NotJson("the value is nested too deeply") from None
    except (TypeError, ValueError) as error:
        raise NotJson(str(error)) from None
    return value


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
    """How a port accepts a value. Raises NotJson from the function it gives."""
    take = TAKE[kind]
    return (lambda value: None if value is None else take(value)) if nullable else take


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
    return _encoder.encode(value).decode()
