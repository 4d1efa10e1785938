"""A flow read with a catalog: each step with its node, ports, expressions and what is wrong with its settings.

Checks, plans and the canvas all start from a reading, so that they agree on what a step is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runtime.errors import AuthorError
from runtime.graph.catalog import Catalog
from runtime.graph.expressions import compile_value, is_template, references
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.node import AFTER, ERROR, Node, Port
from runtime.graph.problems import Problem
from runtime.graph.program import ExpressionError, Reference
from runtime.graph.values import Kind, kind_of_annotation

_AFTER_PORT = Port(AFTER, Kind.ANY, required=False, many=True)
_ERROR_PORT = Port(ERROR, Kind.OBJECT, branch=True)


@dataclass(frozen=True, slots=True)
class StepReading:
    """One step as a catalog understands it.

    node_class: None when the kind is unknown. node: the node itself; with settings that are computed or wrong it
    holds them as they stand, and serves only to tell its ports. literals, computed: the settings by name, computed
    ones compiled. takes: every port a wire may go into (ports, `after`, settings). gives: every port a wire may
    leave from.
    """

    id: str
    step: Step
    node_class: type[Node] | None
    node: Node | None
    literals: Mapping[str, Any]
    computed: Mapping[str, Any]
    references: tuple[tuple[str, Reference], ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    takes: Mapping[str, Port]
    gives: Mapping[str, Port]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The steps of a flow by id, and the wires that go into each."""

    flow: Flow
    steps: Mapping[str, StepReading]
    wires: Mapping[str, tuple[Edge, ...]] = field(default_factory=dict)


def read_flow(flow: Flow, catalog: Catalog) -> Reading:
    """Read a flow with a catalog. Never raises for what an author wrote: it becomes problems of the step."""
    wires: dict[str, list[Edge]] = {}
    for edge in flow.edges:
        wires.setdefault(edge.target, []).append(edge)
    steps = {
        name: read_step(name, step, catalog.get(step.kind), {edge.port for edge in wires.get(name, ())})
        for name, step in flow.steps.items()
    }
    return Reading(flow, steps, {name: tuple(edges) for name, edges in wires.items()})


def read_step(name: str, step: Step, node_class: type[Node] | None, wired: set[str]) -> StepReading:
    """Read one step; `wired` names the ports that wires go into, which may be settings."""
    if node_class is None:
        problem = Problem("unknown_kind", step=name, params={"kind": step.kind})
        return StepReading(name, step, None, None, step.config, {}, (), (), (), {}, {}, (problem,))
    problems: list[Problem] = []
    config = _migrated(name, step, node_class, problems)
    literals: dict[str, Any] = {}
    computed: dict[str, Any] = {}
    reads: list[tuple[str, Reference]] = []
    for key, value in config.items():
        # Nothing has run before a start, so a start reads nothing: braces in its settings are plain text.
        if key in wired or node_class.trigger:
            literals[key] = value
            continue
        try:
            compiled = compile_value(value)  # a literal too: `\\{{` stands for braces
            if not is_template(compiled):
                literals[key] = compiled
                continue
            computed[key] = compiled
            reads.extend((key, reference) for reference in references(computed[key]))
        except ExpressionError as error:
            literals[key] = value
            problems.append(
                Problem("bad_expression", name, key, params={"detail": _sentence(error), "mend": error.mend})
            )
    later = {*computed, *(wired & set(node_class.model_fields)), *(p.field for p in problems)}
    node = _node(name, node_class, literals, later, config, problems)
    inputs = _ports(node.inputs, node_class.ports_in)
    takes = (
        {}
        if node_class.trigger
        else {port.name: port for port in (*inputs, _AFTER_PORT)}
        | _settings(node_class, {port.name for port in inputs})
    )
    outputs = _ports(node.outputs, node_class.ports_out)
    gives = {port.name: port for port in outputs}
    if step.on_error == "port":
        gives[ERROR] = _ERROR_PORT
    return StepReading(
        name, step, node_class, node, literals, computed, tuple(reads), inputs, outputs, takes, gives, tuple(problems)
    )


def _settings(node_class: type[Node], taken: set[str]) -> dict[str, Port]:
    return {
        name: Port(name, kind_of_annotation(spec.annotation), required=False)
        for name, spec in node_class.model_fields.items()
        if name not in taken
    }


def _migrated(name: str, step: Step, node_class: type[Node], problems: list[Problem]) -> dict[str, Any]:
    known = node_class.version
    if step.version > known:
        problems.append(Problem("newer_version", name, params={"found": step.version, "known": known}))
    elif step.version < known:
        try:
            return node_class.migrate(dict(step.config), step.version)
        except AuthorError as error:
            problems.append(Problem("blocked_migration", name, params={"detail": error.what}))
    return dict(step.config)


def _node(
    name: str,
    node_class: type[Node],
    literals: dict[str, Any],
    later: set[str],
    config: dict[str, Any],
    problems: list[Problem],
) -> Node:
    """The node, validated but for the settings that come later; what does not fit becomes problems."""
    wrong: set[str] = set()
    try:
        node = node_class.model_validate(literals)
        if not later:
            return node
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            key = str(detail["loc"][0]) if detail["loc"] else ""
            wrong.add(key)
            if key not in later:
                problems.append(_of_validation(name, key, detail, node_class))
    known = {key: value for key, value in config.items() if key in node_class.model_fields}
    good = {
        key: value for key, value in literals.items() if key in node_class.model_fields and key not in wrong | later
    }
    validated = _partly(node_class, good)
    return node_class.model_construct(**{**known, **validated})


def _partly(node_class: type[Node], good: dict[str, Any]) -> dict[str, Any]:
    """The settings that are right, in their Python types, so that a node's `outputs()` can be asked."""
    made: dict[str, Any] = {}
    for key, value in good.items():
        try:
            made[key] = _adapter(node_class, key).validate_python(value)
        except ValidationError:
            made[key] = value
    return made


@lru_cache(maxsize=1024)
def _adapter(node_class: type[Node], key: str) -> TypeAdapter[Any]:
    return TypeAdapter(node_class.model_fields[key].annotation or Any)


def _of_validation(name: str, key: str, detail: Any, node_class: type[Node]) -> Problem:
    if detail["type"] == "missing" and len(detail["loc"]) == 1:
        return Problem("missing_value", name, key)
    if detail["type"] == "extra_forbidden" and key not in node_class.model_fields:
        return Problem("unknown_field", name, key)
    place = ".".join(str(part) for part in detail["loc"][1:])
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    return Problem("bad_value", name, key, params={"detail": f"{place}: {message}" if place else message})


def _ports(ask: Any, fallback: tuple[Port, ...]) -> tuple[Port, ...]:
    """The ports a node tells; a node with wrong or computed settings may not be able to."""
    try:
        return tuple(ask())
    except (AttributeError, TypeError, ValueError, KeyError):
        return fallback


def _sentence(error: AuthorError) -> str:
    where = f" ({error.where})" if error.where else ""
    return f"{error.what.rstrip('.')}{where}."
