"""What a start or a step asks a person for, as a form; and what was filled in, as values. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypedDict

from runtime.graph.check import triggers
from runtime.graph.node import Node
from runtime.graph.reading import Reading

_WIDGETS = {"string": "text", "number": "number", "integer": "number", "boolean": "switch"}
_WRONG = {"number": "Write a number.", "json": "Write JSON.", "": "Fill this in."}


class Option(TypedDict):
    """One of the values to choose from, and what it is called."""

    value: str
    label: str


class InputForm(TypedDict):
    """One input. widget: text, number, switch, json or choice. sample: what an empty JSON field shows."""

    name: str
    widget: str
    required: bool
    help: str
    sample: str
    options: list[Option]


class StartForm(TypedDict):
    """One start of a flow. trigger: api, chat or webhook."""

    step: str
    title: str
    trigger: str
    fields: list[InputForm]


def start_forms(reading: Reading) -> list[StartForm]:
    """The starts of a flow, each with its form: in order, those that lead somewhere first."""
    read = {edge.source for edge in reading.flow.edges}
    read |= {reference.step for step in reading.steps.values() for _, reference in step.references}
    forms = []
    for name in sorted(triggers(reading), key=lambda name: name not in read):
        node = reading.steps[name].node
        assert node is not None
        forms.append(StartForm(step=name, title=reading.flow.title(name), trigger=node.trigger, fields=_fields(node)))
    return forms


def _fields(node: Node) -> list[InputForm]:
    try:
        schema = node.accepts()
    except (AttributeError, TypeError, KeyError):
        return []  # a start with wrong settings; that is said where its problems stand
    if node.trigger == "chat":
        return []  # a chat is typed in its own box
    if node.trigger == "webhook":
        given = schema.get("properties", {})
        schema = {**schema, "properties": {name: given[name] for name in ("body", "query") if name in given}}
    return fields_of(schema)


def fields_of(schema: Mapping[str, Any]) -> list[InputForm]:
    """The inputs that the JSON Schema of an object asks for."""
    required = set(schema.get("required", ()))
    return [_field(name, spec, name in required) for name, spec in schema.get("properties", {}).items()]


def _field(name: str, spec: Mapping[str, Any], required: bool) -> InputForm:
    kind = str(spec.get("type", ""))
    options = _options(spec)
    return InputForm(
        name=name,
        widget="choice" if options else _WIDGETS.get(kind, "json"),
        required=required,
        help=str(spec.get("description", "")),
        sample="[]" if kind == "array" else "{}",
        options=options,
    )


def _options(spec: Mapping[str, Any]) -> list[Option]:
    """The texts to choose from, when there are only some."""
    if all(isinstance(value, str) for value in spec.get("enum", [0])):
        return [Option(value=value, label=value) for value in spec["enum"]]
    listed = [one for one in spec.get("oneOf", ()) if isinstance(one.get("const"), str)]
    return [Option(value=one["const"], label=str(one.get("title") or one["const"])) for one in listed]


def filled(form: StartForm, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The input of a run from what was filled in, and what is wrong by field. data: see `read_fields`."""
    free = ["body"] if form["trigger"] == "webhook" else []  # which takes any text
    return read_fields(form["fields"], data, free)


def read_fields(
    fields: Iterable[InputForm], data: Mapping[str, Any], free: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values from what was filled in, and what is wrong by field.

    data: texts by field name, as an HTML form gives them. An empty field is left out; whoever takes the values says
    whether one is needed. free: JSON fields in which anything else is a text.
    """
    given: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        name, text = field["name"], data.get(field["name"], "")
        if field["widget"] == "switch":
            given[name] = text in (True, "on", "true")
        elif isinstance(text, str) and text.strip():
            try:
                given[name] = _value(field["widget"], text)
            except ValueError:
                if name in free:
                    given[name] = text
                else:
                    wrong[name] = _WRONG[field["widget"]]
        elif field["required"]:
            wrong[name] = _WRONG[""]
    return given, wrong


def _value(widget: str, text: str) -> Any:
    if widget in ("text", "choice"):
        return text
    if widget == "number":
        number = float(text.replace(",", "."))
        return int(number) if number.is_integer() and "e" not in text.lower() else number
    return json.loads(text)
