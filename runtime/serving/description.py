"""What a deployed flow takes and gives, as JSON Schema, as far as it can be known before a run."""

from typing import Any

from runtime.graph.catalog import Catalog
from runtime.graph.check import triggers
from runtime.graph.expressions import Code, ListTemplate, ObjectTemplate, Path, Text
from runtime.graph.flow import Flow
from runtime.graph.node import Port
from runtime.graph.reading import Reading, StepReading, read_flow
from runtime.graph.values import Kind, kind_of

JsonSchema = dict[str, Any]

_TYPE = {
    Kind.TEXT: "string",
    Kind.NUMBER: "number",
    Kind.BOOLEAN: "boolean",
    Kind.LIST: "array",
    Kind.OBJECT: "object",
}
_VALUE = "value"  # the setting or port of an answering node that holds the answer


def output_schema(flow: Flow, catalog: Catalog) -> JsonSchema:
    """What a right flow answers; the empty schema where nothing is sure.

    Behind a branch nothing is: which Answer is reached, or whether any is, and whether a reference reads null.
    """
    reading = read_flow(flow, catalog)
    answers = [step for step in reading.steps.values() if step.node_class is not None and step.node_class.ends]
    if not answers or not _runs_whole(reading):
        return {}
    first = answers[0]
    wires = [edge for edge in reading.wires.get(first.id, ()) if edge.port == _VALUE]
    if wires:
        return _of_output(reading.steps[wires[0].source], wires[0].output)
    if _VALUE in first.computed:
        return _of_template(first.computed[_VALUE], reading)
    return _of_kind(kind_of(first.literals.get(_VALUE)))


def output_statuses(flow: Flow, catalog: Catalog) -> frozenset[int]:
    """The HTTP statuses that the Answers of a flow may choose, as far as they are written down."""
    found = set()
    for step in read_flow(flow, catalog).steps.values():
        if step.node_class is not None and step.node_class.ends and "status" not in step.computed:
            found.add(int(getattr(step.node, "status", 200)))
    return frozenset(found or {200})


def _runs_whole(reading: Reading) -> bool:
    """Does every run come to every step?"""
    return len(triggers(reading)) == 1 and not any(
        port.branch for step in reading.steps.values() for port in step.gives.values()
    )


def _of_template(compiled: Any, reading: Reading) -> JsonSchema:
    match compiled:
        case Path(step=step, keys=(str() as name,)):
            return _of_output(reading.steps[step], name)
        case Path() | Code():
            return {}
        case Text():
            return {"type": "string"}
        case ListTemplate():
            return {"type": "array"}
        case ObjectTemplate(fields=fields):
            properties = {name: _of_template(value, reading) for name, value in fields}
            return {"type": "object", "properties": properties, "required": list(properties)}
    return _of_kind(kind_of(compiled))


def _of_output(step: StepReading, name: str) -> JsonSchema:
    # A step that goes on with something else when it fails may give that in place of what its port promises.
    return _of_port(step.gives[name]) if step.step.on_error == "fail" else {}


def _of_port(port: Port) -> JsonSchema:
    schema = _of_kind(port.kind)
    if schema and port.nullable:
        schema["type"] = [schema["type"], "null"]
    return {**schema, "description": port.help} if port.help else schema


def _of_kind(kind: Kind) -> JsonSchema:
    return {"type": _TYPE[kind]} if kind in _TYPE else {}
