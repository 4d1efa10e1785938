"""A flow read with a catalog: each step with its node, ports, expressions and what is wrong with its settings.

Checks, plans and the canvas all start from a reading, so that they agree on what a step is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runtime.errors import AuthorError
from runtime.graph.catalog import Catalog
from runtime.graph.expressions import compile_value, is_template, references
from runtime.graph.fields import FIXED, INSIDE
from runtime.graph.flow import Edge, Flow, Step, is_port_name
from runtime.graph.library import EMPTY, Library, inputs_of
from runtime.graph.nesting import Nesting, Place, nest
from runtime.graph.node import AFTER, ERROR, Body, FlowReference, Node, Port
from runtime.graph.problems import Problem
from runtime.graph.program import ExpressionError, Reference, shorten
from runtime.graph.validation import wrong
from runtime.graph.values import Kind, kind_of_annotation

_AFTER_PORT = Port(AFTER, Kind.ANY, required=False, many=True)
_ERROR_PORT = Port(ERROR, Kind.OBJECT, branch=True)


@dataclass(frozen=True, slots=True)
class StepReading:
    """One step as a catalog understands it.

    node_class: None when the kind is unknown. node: the node itself; with settings that are computed or wrong it
    holds them as they stand, and serves only to tell its ports. literals, computed: the settings by name, computed
    ones compiled. takes: every port a wire may go into (ports, `after`, settings). gives: every port a wire may
    leave from. bodies: the flows inside. late: settings computed when a body ends, over its steps, compiled;
    late_references: what these read. calls: the other flow that it runs.
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
    bodies: tuple[Body, ...] = ()
    late: Mapping[str, Any] = field(default_factory=dict)
    late_references: tuple[tuple[str, Reference], ...] = ()
    calls: FlowReference | None = None

    def body(self, name: str) -> Body:
        """The body of that name. Raises: StopIteration."""
        return next(body for body in self.bodies if body.name == name)

    def taker(self, port: str) -> str:
        """The body that fills a port or a late setting, empty when none does."""
        return next((body.name for body in self.bodies if any(port == taken.name for taken in body.takes)), "")


@dataclass(frozen=True, slots=True)
class Reading:
    """The steps of a flow by id, the wires that go into each from around it, and where each step stands.

    ends: the wires from steps of a body into the ports that the body takes.
    """

    flow: Flow
    steps: Mapping[str, StepReading]
    wires: Mapping[str, tuple[Edge, ...]] = field(default_factory=dict)
    nesting: Nesting = field(default_factory=Nesting)
    ends: Mapping[Place, tuple[Edge, ...]] = field(default_factory=dict)
    library: Library = EMPTY
    catalog: Catalog | None = None

    def ports_of(self, name: str, place: Place) -> Mapping[str, Port] | None:
        """What steps in a place see of a step: its outputs, or what its body gives when they stand in it.

        None when the step cannot be seen from there.
        """
        step = self.steps[name]
        for around in self.nesting.around(place):
            if around.step == name:
                return {port.name: port for port in step.body(around.body).gives}
        return step.gives if self.nesting.seen(name, place) else None


def read_flow(flow: Flow, catalog: Catalog, library: Library = EMPTY) -> Reading:
    """Read a flow with a catalog, and with the other flows that it runs.

    Never raises for what an author wrote: it becomes problems of the step.
    """
    wires: dict[str, list[Edge]] = {}
    for edge in flow.edges:
        wires.setdefault(edge.target, []).append(edge)
    steps = {
        name: read_step(name, step, catalog.get(step.kind), {edge.port for edge in wires.get(name, ())})
        for name, step in flow.steps.items()
    }
    for name, step in steps.items():
        if step.calls is not None:
            steps[name] = _calling(step, catalog, library)
    nesting = nest(flow.steps, {name: step.bodies for name, step in steps.items() if step.bodies})
    ends: dict[Place, list[Edge]] = {}
    for target, edges in wires.items():
        if target in steps and steps[target].bodies:
            for edge in [edge for edge in edges if nesting.place(edge.source).step == target]:
                edges.remove(edge)
                ends.setdefault(nesting.place(edge.source), []).append(edge)
    return Reading(
        flow,
        steps,
        {name: tuple(edges) for name, edges in wires.items()},
        nesting,
        {place: tuple(edges) for place, edges in ends.items()},
        library,
        catalog,
    )


def _calling(step: StepReading, catalog: Catalog, library: Library) -> StepReading:
    """A step that runs another flow: its ports are what that flow's start takes."""
    assert step.calls is not None
    flow = library.flows.get(step.calls)
    if flow is None:
        params: dict[str, str | int] = {"name": shorten(step.calls.flow), "version": step.calls.version}
        code, field = ("unknown_version", "pinned") if step.calls.version else ("unknown_flow", "flow")
        return replace(step, problems=(*step.problems, Problem(code, step.id, field, params=params)))
    start = next((accepted for name in flow.steps if (accepted := accepts(flow, name, catalog)) is not None), None)
    if start is None:
        params = {"name": shorten(flow.name)}
        return replace(step, problems=(*step.problems, Problem("flow_without_start", step.id, "flow", params=params)))
    inputs = inputs_of(start)
    problems = tuple(_misnamed(step.id, inputs, {AFTER, *step.takes}))
    takes = {**step.takes, **{port.name: port for port in inputs}}
    return replace(step, inputs=inputs, takes=takes, problems=(*step.problems, *problems))


def accepts(flow: Flow, name: str, catalog: Catalog) -> dict[str, Any] | None:
    """The JSON Schema of the input that starts a flow at a step; None when it cannot start there."""
    node_class = catalog.get(flow.steps[name].kind)
    if node_class is None or not node_class.trigger:
        return None
    node = read_step(name, flow.steps[name], node_class, set()).node
    return None if node is None else node.accepts()


def read_step(name: str, step: Step, node_class: type[Node] | None, wired: set[str]) -> StepReading:
    """Read one step; `wired` names the ports that wires go into, which may be settings."""
    if node_class is None:
        problem = Problem("unknown_kind", step=name, params={"kind": shorten(step.kind)})
        return StepReading(name, step, None, None, step.config, {}, (), (), (), {}, {}, (problem,))
    problems: list[Problem] = []
    config = _migrated(name, step, node_class, problems)
    # Settings of another version say nothing: judging them would only add to the one problem there is.
    later = {*config, *node_class.model_fields, ""} if problems else set()
    inside = _marked(node_class, INSIDE)
    late, config = (
        {k: v for k, v in config.items() if k in inside},
        {k: v for k, v in config.items() if k not in inside},
    )
    literals, computed = _sorted(name, config, set(config) if node_class.trigger or problems else wired, problems)
    fixed = (key for key in _marked(node_class, FIXED) & computed.keys() if not isinstance(config[key], dict))
    problems.extend(Problem("fixed_setting", name, key) for key in fixed)  # of an object, the keys stand fast
    late_literals, late_computed = _sorted(name, late, set(), problems)
    later |= {*computed, *(wired & set(node_class.model_fields)), *(problem.field for problem in problems)}
    node = _node(name, node_class, literals, later, config, problems)
    inputs, outputs = _ports(node.inputs, node_class.ports_in), _ports(node.outputs, node_class.ports_out)
    gives = {port.name: port for port in outputs} | ({ERROR: _ERROR_PORT} if step.on_error == "port" else {})
    if not problems:
        problems.extend(_misnamed(name, inputs, {AFTER, *node_class.model_fields}))
        problems.extend(_misnamed(name, outputs, {ERROR} if step.on_error == "port" else set()))
    return StepReading(
        name,
        step,
        node_class,
        node,
        literals,
        computed,
        tuple((key, reference) for key, value in computed.items() for reference in references(value)),
        inputs,
        outputs,
        {} if node_class.trigger else {**_settings(node_class), AFTER: _AFTER_PORT, **{p.name: p for p in inputs}},
        gives,
        tuple(problems),
        _told(node.bodies),
        {**late_literals, **late_computed},
        tuple((key, reference) for key, value in late_computed.items() for reference in references(value)),
        None if problems else node.calls(),
    )


def _sorted(
    name: str, config: Mapping[str, Any], as_they_are: set[str], problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that are literal and those that are computed.

    as_they_are: a setting with a wire, whose value comes by the wire; and all of a start, before which nothing has
    run that it could read.
    """
    literals: dict[str, Any] = {}
    computed: dict[str, Any] = {}
    for key, value in config.items():
        try:
            compiled = value if key in as_they_are else compile_value(value)  # a literal too: `\\{{` stands for braces
        except ExpressionError as error:
            literals[key] = value
            params = {"detail": _sentence(error), "mend": error.mend}
            problems.append(Problem("bad_expression", name, key, params=params))
        else:
            (computed if is_template(compiled) else literals)[key] = compiled
    return literals, computed


@lru_cache(maxsize=1024)
def _marked(node_class: type[Node], mark: str) -> frozenset[str]:
    """The settings whose type says so: INSIDE, they are computed when a body ends; FIXED, they are never."""
    extras = ((name, spec.json_schema_extra) for name, spec in node_class.model_fields.items())
    return frozenset(name for name, extra in extras if isinstance(extra, dict) and extra.get(mark))


@lru_cache(maxsize=1024)
def _settings(node_class: type[Node]) -> Mapping[str, Port]:
    """The settings as ports: nearly all of them take a wire, the late ones from inside only."""
    without = _marked(node_class, INSIDE) | _marked(node_class, FIXED)
    fields = ((name, spec) for name, spec in node_class.model_fields.items() if name not in without)
    return {name: Port(name, kind_of_annotation(spec.annotation), required=False) for name, spec in fields}


def _misnamed(name: str, ports: Iterable[Port], taken: set[str]) -> Iterator[Problem]:
    """Ports that come from settings, such as labels, and that no wire could name."""
    for port in ports:
        if port.name in taken or not is_port_name(port.name):
            yield Problem("bad_port", name, params={"name": shorten(str(port.name), 40)})
        taken.add(port.name)


# What a node's own code (validators, migrations, ports) may raise at settings that it did not expect.
_CONFUSED = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def _migrated(name: str, step: Step, node_class: type[Node], problems: list[Problem]) -> dict[str, Any]:
    known = node_class.version
    if step.version > known:
        problems.append(Problem("newer_version", name, params={"found": step.version, "known": known}))
    elif step.version < known:
        try:
            return dict(node_class.migrate(dict(step.config), step.version))
        except AuthorError as error:
            problems.append(Problem("blocked_migration", name, params={"detail": shorten(error.what, 300)}))
        except _CONFUSED as error:
            problems.append(Problem("blocked_migration", name, params={"detail": shorten(repr(error), 300)}))
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
    misfits: set[str] = set()
    try:
        node = node_class.model_validate(literals)
        if not later:
            return node
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            key = str(detail["loc"][0]) if detail["loc"] else ""
            misfits.add(key)
            # How settings go together cannot be said before all are there.
            if key not in later and (key or not later):
                problems.append(_of_validation(name, key, detail, node_class))
    except _CONFUSED as error:
        problems.append(Problem("bad_settings", name, params={"detail": shorten(repr(error), 300)}))
    known = {key: value for key, value in config.items() if key in node_class.model_fields}
    good = {key: value for key, value in literals.items() if key in known and key not in misfits | later}
    return node_class.model_construct(**{**known, **_partly(node_class, good)})


def _partly(node_class: type[Node], good: dict[str, Any]) -> dict[str, Any]:
    """The settings that are right, in their Python types, so that a node's `outputs()` can be asked."""
    made: dict[str, Any] = {}
    for key, value in good.items():
        try:
            made[key] = _adapter(node_class, key).validate_python(value)
        except _CONFUSED:
            made[key] = value
    return made


@lru_cache(maxsize=1024)
def _adapter(node_class: type[Node], key: str) -> TypeAdapter[Any]:
    return TypeAdapter(node_class.model_fields[key].annotation or Any)


def _of_validation(name: str, key: str, detail: Any, node_class: type[Node]) -> Problem:
    if detail["type"] == "missing" and len(detail["loc"]) == 1:
        return Problem("missing_value", name, key)
    if detail["type"] == "extra_forbidden" and key not in node_class.model_fields:
        return Problem("unknown_field", name, shorten(key))
    place = ".".join(str(part) for part in detail["loc"][1:])
    params = {"detail": shorten(f"`{place}`: {wrong(detail)}" if place else wrong(detail), 300)}
    return Problem("bad_value", name, key, params=params) if key else Problem("bad_settings", name, params=params)


def _ports(ask: Callable[[], Iterable[Port]], fallback: tuple[Port, ...]) -> tuple[Port, ...]:
    """The ports a node tells; a node with wrong or computed settings may not be able to."""
    try:
        told = tuple(ask())
    except _CONFUSED:
        return fallback
    return told if all(isinstance(port.name, str) for port in told) else fallback


def _told(ask: Callable[[], Iterable[Body]]) -> tuple[Body, ...]:
    try:
        return tuple(ask())
    except _CONFUSED:
        return ()


def _sentence(error: AuthorError) -> str:
    where = f" ({error.where})" if error.where else ""
    return f"{error.what.rstrip('.')}{where}."
