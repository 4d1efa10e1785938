"""The form of a node, derived from its class: one description a setting, from the closed set of widgets."""

from functools import lru_cache
from typing import Any

import msgspec
from pydantic import BaseModel

from runtime.graph.catalog import widget_of


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One setting as a form shows it.

    widget: one of `runtime.graph.fields.WIDGETS`. options: of a select. minimum, maximum: of a number.
    whole: a number without a fraction. pattern, longest: of a text. columns: of `fields` and `records` with a
    known shape, empty when each record may have its own. item: the widget of the entries of `list` and `key_values`.
    free: a `json` that takes any value, a text too. inside: computed over the steps inside, when a body ends.
    """

    name: str
    label: str
    widget: str
    help: str = ""
    required: bool = False
    default: Any = None
    options: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    pattern: str = ""
    longest: int | None = None
    columns: "tuple[Field, ...]" = ()
    item: str = ""
    free: bool = False
    inside: bool = False


@lru_cache(maxsize=1024)
def form_of(model: type[BaseModel]) -> tuple[Field, ...]:
    """The settings of a node, or of another part of a flow, in the order of its class."""
    schema = model.model_json_schema()
    return _fields(schema, schema.get("$defs", {}))


def _fields(schema: dict[str, Any], shapes: dict[str, Any]) -> tuple[Field, ...]:
    required = schema.get("required", ())
    return tuple(
        _field(name, _plain(part, shapes), name in required, shapes)
        for name, part in schema.get("properties", {}).items()
    )


def _field(name: str, schema: dict[str, Any], required: bool, shapes: dict[str, Any]) -> Field:
    widget = widget_of(schema)
    items = _plain(schema.get("items", {}), shapes)
    return Field(
        name=name,
        label=schema.get("title") or name.replace("_", " ").capitalize(),
        widget=widget,
        help=schema.get("description", ""),
        required=required,
        default=schema.get("default"),
        options=_options(schema),
        minimum=schema.get("minimum", schema.get("exclusiveMinimum")),
        maximum=schema.get("maximum", schema.get("exclusiveMaximum")),
        whole=schema.get("type") == "integer",
        pattern=schema.get("pattern", ""),
        longest=schema.get("maxLength"),
        columns=_fields(items, shapes) if widget in ("fields", "records") else (),
        item=_item(widget, schema, items, shapes),
        free=widget == "json" and not {"type", "anyOf"} & schema.keys(),
        inside=schema.get("inside", False),
    )


def _options(schema: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(schema.get("enum", [schema["const"]] if "const" in schema else ()))


def _item(widget: str, schema: dict[str, Any], items: dict[str, Any], shapes: dict[str, Any]) -> str:
    if widget == "list":
        return widget_of(items)
    if widget != "key_values":
        return ""
    by_name = list(schema.get("patternProperties", {}).values())
    values = by_name[0] if by_name else schema.get("additionalProperties")
    return widget_of(_plain(values, shapes)) if isinstance(values, dict) else "expression"


def _plain(schema: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    """The schema with its reference, or its one choice beside null, put in place; what it says itself counts."""
    reference = schema.get("$ref")
    choices = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    inner = shapes[reference.rpartition("/")[2]] if reference else choices[0] if len(choices) == 1 else None
    return {**_plain(inner, shapes), **schema} if inner is not None else schema
