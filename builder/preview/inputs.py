"""What a start asks for, as a form; and what a person filled in, as the input of a run. Pure."""

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from runtime.graph.check import triggers
from runtime.graph.node import Node
from runtime.graph.reading import Reading

_WIDGETS = {"string": "text", "number": "number", "integer": "number", "boolean": "switch"}


class InputForm(TypedDict):
    """One input. widget: text, number, switch or json. sample: what an empty JSON field shows."""

    name: str
    widget: str
    required: bool
    help: str
    sample: str


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
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    if node.trigger == "webhook":
        properties = {name: properties[name] for name in ("body", "query") if name in properties}
    required = set(schema.get("required", ()))
    return [_field(name, spec, name in required) for name, spec in properties.items()]


def _field(name: str, spec: Mapping[str, Any], required: bool) -> InputForm:
    kind = str(spec.get("type", ""))
    return InputForm(
        name=name,
        widget=_WIDGETS.get(kind, "json"),
        required=required,
        help=str(spec.get("description", "")),
        sample="[]" if kind == "array" else "{}",
    )


def filled(form: StartForm, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The input of a run from what was filled in, and what is wrong by field.

    data: texts by field name, as an HTML form gives them. An empty field is left out; the run says if it is needed.
    """
    given: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in form["fields"]:
        name, text = field["name"], data.get(field["name"], "")
        if field["widget"] == "switch":
            given[name] = text in (True, "on", "true")
        elif isinstance(text, str) and text.strip():
            try:
                given[name] = _value(field["widget"], text, form["trigger"] == "webhook" and name == "body")
            except ValueError as error:
                wrong[name] = str(error)
        elif field["required"]:
            wrong[name] = "Fill this in."
    return given, wrong


def _value(widget: str, text: str, free: bool) -> Any:
    if widget == "text":
        return text
    if widget == "number":
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            raise ValueError("Write a number.") from None
        return int(number) if number.is_integer() and "e" not in text.lower() else number
    try:
        return json.loads(text)
    except ValueError:
        if free:  # a webhook takes any text
            return text
        raise ValueError("Write JSON.") from None
