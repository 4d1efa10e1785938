"""Inputs against their JSON Schema: a check of single microseconds for what fits, a precise list for what does not."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.graph.problems import listed

if TYPE_CHECKING:  # it takes a tenth of a second to import, and what plainly fits needs no validator
    from jsonschema import Draft202012Validator, ValidationError

_MOST = 20  # errors told at once
_LONGEST = 200  # characters of a message that quotes the input
_TYPES: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),  # the exact types: to Python true is an int, to JSON it is not
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
}
_PHRASES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_SAYS_NOTHING = {"title", "description", "default", "examples", "$schema"}


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field. field: a JSON pointer into what was given, or `step.setting` of the flow."""

    field: str
    detail: str


class Schema:
    """A compiled JSON Schema. document: the schema itself."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._surely_fits = _quick(document)

    def misfits(self, value: Any) -> list[FieldError]:
        """What is wrong with a value, by field; an empty list when it fits."""
        if self._surely_fits is not None and self._surely_fits(value):
            return []
        found: list[FieldError] = []
        for error in self._validator.iter_errors(value):
            found.extend(_told(error))
            if len(found) >= _MOST:
                break
        return found[:_MOST]

    @cached_property
    def _validator(self) -> "Draft202012Validator":
        from jsonschema import Draft202012Validator
        from referencing import Registry

        # With a registry of its own it never fetches what a `$ref` names.
        return Draft202012Validator(dict(self.document), registry=Registry())


def _quick(schema: Mapping[str, Any]) -> Callable[[Any], bool] | None:
    """Whether a value surely fits, for an object of plainly typed fields; None for any other schema.

    Only a yes is used: whatever it does not pass is judged by the real validator.
    """
    known = {"type", "properties", "required", "additionalProperties"} | _SAYS_NOTHING
    if schema.get("type") != "object" or schema.keys() - known:
        return None
    if schema.get("additionalProperties", True) is not False:
        return None
    fields: dict[str, frozenset[type]] = {}
    for name, field in schema.get("properties", {}).items():
        if field.keys() - _SAYS_NOTHING != {"type"} or field["type"] not in _TYPES:
            return None
        fields[name] = _TYPES[field["type"]]
    required = tuple(schema.get("required", ()))
    nothing: frozenset[type] = frozenset()

    def surely_fits(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name in value:
            if type(value[name]) not in fields.get(name, nothing):
                return False
        return all(name in value for name in required)

    return surely_fits


def _told(error: "ValidationError") -> list[FieldError]:
    """One error of the validator in our words, at the field that a person must change."""
    place = list(error.absolute_path)
    given: Any = error.instance
    rule: Any = error.validator_value
    schema: Any = error.schema
    if error.validator == "required":  # the validator reports each missing name on its own, and begins with it
        name = next(each for each in rule if each not in given and error.message.startswith(repr(each)))
        return [FieldError(pointer([*place, name]), "is missing")]
    if error.validator == "additionalProperties" and rule is False:
        known = schema.get("properties", {})
        shown = listed(f"`{name}`" for name in known)
        extra = [name for name in given if name not in known][:_MOST]
        return [FieldError(pointer([*place, name]), f"is not an input; the inputs are {shown}") for name in extra]
    if error.validator == "type":
        kinds = [rule] if isinstance(rule, str) else rule
        return [FieldError(pointer(place), f"must be {' or '.join(_PHRASES[each] for each in kinds)}")]
    if error.validator == "enum":
        return [FieldError(pointer(place), f"must be one of {listed(map(str, rule))}")]
    if error.validator in ("oneOf", "anyOf") and all("const" in option for option in rule):
        return [FieldError(pointer(place), f"must be one of {listed(str(option['const']) for option in rule)}")]
    return [FieldError(pointer(place), error.message[:_LONGEST])]


def pointer(path: list[Any]) -> str:
    """A JSON pointer (RFC 6901); the whole document is the empty text."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
