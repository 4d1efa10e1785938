"""A flow compiled with a catalog: steps as integers, wires as closures, so that running one costs microseconds."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from runtime.errors import AuthorError
from runtime.graph.catalog import Catalog
from runtime.graph.check import check_reading, listed, live_steps, triggers
from runtime.graph.expressions import Code, codes, fill
from runtime.graph.flow import Default, Flow, Retry
from runtime.graph.node import AFTER, ERROR, Node, Port
from runtime.graph.ports import context_parameter
from runtime.graph.problems import Problem, errors
from runtime.graph.reading import Reading, StepReading, read_flow
from runtime.graph.values import TAKE, Kind, NotJson, as_text, kind_of_annotation, taker

Outputs = list[dict[str, Any] | None]  # by step; None until it is settled, and for ever when it is skipped
Source = tuple[int, str]  # a step and one of its output ports
Look = tuple[int, str | None]  # a step that an expression reads, and which port; None: all of them
Seen = dict[str, dict[str, Any] | None]  # what expressions see: outputs by step, None for a skipped one
Binding = tuple[dict[str, Any], dict[str, Any]]  # what the ports got, what the settings that take a wire got
DEFAULT_TIMEOUT = 120.0  # seconds; only steps that touch the world get it, a pure step never waits


class BrokenFlow(AuthorError):
    """The flow has errors and cannot run. problems: all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
        super().__init__(first.what + more, first.step, first.mend)
        self.problems = problems


@dataclass(slots=True)
class PlannedStep:
    """One step, ready to run.

    bind: outputs -> what its ports and wired settings get, or None when nobody comes. node: None while settings
    are still to be computed. inline: the body never waits, so the engine runs it without a task. lend: the
    parameter of `run` that takes the Context, or None. answers: gives the run's answer.
    """

    index: int
    id: str
    kind: str
    node: Node | None
    bind: Callable[[Outputs], Binding | None]
    build: Callable[[dict[str, Any], Outputs, Sequence[Any]], tuple[Node, dict[str, Any]]]
    call: Callable[[Node, dict[str, Any]], Any]
    give: Callable[[Any], dict[str, Any]]
    codes: tuple[Code, ...]
    see: Callable[[Outputs], Seen]
    lend: str | None
    inline: bool
    streams: bool
    trigger: bool
    answers: bool
    timeout: float | None
    retry: Retry | None
    instead: Callable[[dict[str, Any]], dict[str, Any]] | None
    waits: int = 0
    successors: tuple[int, ...] = ()


@dataclass(slots=True)
class Plan:
    """A flow compiled once and run many times. index: of each step by id. starts: triggers by id."""

    flow: Flow
    steps: tuple[PlannedStep, ...]
    index: dict[str, int]
    starts: dict[str, int]
    waits: list[int]
    sources: tuple[int, ...]
    answers: tuple[int, ...]
    leaves: tuple[int, ...] = field(default=())

    def trigger(self, wanted: str = "") -> str:
        """The id of the start that a run begins at: the one asked for, by id or by how it is triggered.

        Raises: AuthorError when the flow has no such start.
        """
        if not wanted:
            return next(iter(self.starts))
        for name, index in self.starts.items():
            node = self.steps[index].node
            if wanted == name or (node is not None and wanted == node.trigger):
                return name
        raise AuthorError(f"The flow has no start `{wanted}`", self.flow.name, f"Its starts: {listed(self.starts)}.")

    def accepts(self, trigger: str) -> dict[str, Any]:
        """The JSON Schema of the input that starts a run at this trigger."""
        node = self.steps[self.starts[trigger]].node
        assert node is not None  # settings of triggers take no expressions: nothing has run before them
        return node.accepts()


def compile_flow(flow: Flow, catalog: Catalog) -> Plan:
    """The plan of a flow. Raises: BrokenFlow with every problem when the flow has errors."""
    reading = read_flow(flow, catalog)
    problems = errors(check_reading(reading))
    if problems:
        raise BrokenFlow(problems)
    return compile_reading(reading)


def compile_reading(reading: Reading) -> Plan:
    """The plan of a flow that was read and has no errors."""
    alive = live_steps(reading)
    names = [name for name in reading.flow.steps if name in alive]
    index = {name: number for number, name in enumerate(names)}
    before: list[set[int]] = []
    steps = []
    for name in names:
        step = reading.steps[name]
        wired = [edge for edge in reading.wires.get(name, ()) if edge.source in index]
        read = {reference.step for _, reference in step.references}
        before.append({index[edge.source] for edge in wired} | {index[other] for other in read})
        steps.append(_planned(reading, step, index))
    after: list[list[int]] = [[] for _ in names]
    for target, sources in enumerate(before):
        for source in sorted(sources):
            after[source].append(target)
    for planned, sources, targets in zip(steps, before, after, strict=True):
        planned.waits, planned.successors = len(sources), tuple(targets)
    return Plan(
        flow=reading.flow,
        steps=tuple(steps),
        index=index,
        starts={name: index[name] for name in triggers(reading)},
        waits=[planned.waits for planned in steps],
        sources=tuple(planned.index for planned in steps if not planned.waits and not planned.trigger),
        answers=tuple(planned.index for planned in steps if planned.answers),
        leaves=tuple(planned.index for planned in steps if not planned.successors),
    )


def _planned(reading: Reading, step: StepReading, index: Mapping[str, int]) -> PlannedStep:
    node_class, node, spec = step.node_class, step.node, step.step
    assert node_class is not None  # a reading without errors has both
    assert node is not None
    wires: dict[str, list[Source]] = {}
    for edge in reading.wires.get(step.id, ()):
        wires.setdefault(edge.port, []).append((index[edge.source], edge.output))
    see = _seer(reading, step, index)
    settings_wired = set(wires) & set(node_class.model_fields) - {port.name for port in step.inputs}
    ready = None if step.computed or settings_wired else node
    return PlannedStep(
        index=index[step.id],
        id=step.id,
        kind=node_class.kind,
        node=ready,
        bind=_binder(step, wires, _looks(step, index)),
        build=_builder(step, see),
        call=_caller(node_class),
        give=_giver(step, node_class),
        codes=tuple(code for value in step.computed.values() for code in codes(value)),
        see=see,
        lend=context_parameter(node_class),
        inline=node_class.effect == "pure" and spec.timeout is None and not _streams(node_class),
        streams=_streams(node_class),
        trigger=bool(node_class.trigger),
        answers=node_class.ends,
        timeout=spec.timeout or (None if node_class.effect == "pure" else DEFAULT_TIMEOUT),
        retry=spec.retry,
        instead=_instead(step, node_class),
    )


def _streams(node_class: type[Node]) -> bool:
    return inspect.isasyncgenfunction(node_class.run)  # type: ignore[attr-defined]


def _binder(
    step: StepReading, wires: Mapping[str, list[Source]], reads: tuple[Look, ...]
) -> Callable[[Outputs], Binding | None]:
    """How a step gets its inputs, and when nobody comes.

    Every port with wires needs one that is live, else the step is skipped. A port of one value takes the first
    live wire in the order they are drawn. Without wires, a step whose references are all skipped is skipped.
    """
    ports = {port.name: port for port in step.inputs}
    data = [(name, ports.get(name), _take(step.takes[name]), tuple(wires[name])) for name in wires]
    if not wires:
        return _bind_unwired(reads)
    if len(data) == 1 and len(data[0][3]) == 1 and data[0][1] is not None and not data[0][1].many:
        return _bind_single(data[0][0], data[0][2], *data[0][3][0])

    def bind(outputs: Outputs) -> Binding | None:
        into_ports: dict[str, Any] = {}
        into_settings: dict[str, Any] = {}
        for name, port, take, sources in data:
            live = [out[key] for number, key in sources if (out := outputs[number]) is not None and key in out]
            if not live:
                return None
            if name == AFTER:
                continue
            if port is None:
                into_settings[name] = live[0]
            elif port.many:
                into_ports[name] = [_taken(take, value, name) for value in live]
            else:
                into_ports[name] = _taken(take, live[0], name)
        return into_ports, into_settings

    return bind


def _bind_unwired(reads: tuple[Look, ...]) -> Callable[[Outputs], Binding | None]:
    def bind(outputs: Outputs) -> Binding | None:
        if not reads:
            return {}, {}
        for number, key in reads:
            out = outputs[number]
            if out is not None and (key is None or key in out):
                return {}, {}
        return None

    return bind


def _looks(step: StepReading, index: Mapping[str, int]) -> tuple[Look, ...]:
    """What the step's expressions read, port by port: a branch not taken counts as not there."""
    looks = ((index[ref.step], str(ref.keys[0]) if ref.keys else None) for _, ref in step.references)
    return tuple(dict.fromkeys(looks))


def _seer(reading: Reading, step: StepReading, index: Mapping[str, int]) -> Callable[[Outputs], Seen]:
    """How expressions see the steps they read: a port that stayed silent in this run reads null."""
    read = dict.fromkeys(reference.step for _, reference in step.references)
    views = [(name, index[name], dict.fromkeys(reading.steps[name].gives)) for name in read]

    def see(outputs: Outputs) -> Seen:
        return {
            name: None if (out := outputs[number]) is None else (out if len(out) == len(silent) else silent | out)
            for name, number, silent in views
        }

    return see


def _bind_single(name: str, take: Callable[[Any], Any], number: int, key: str) -> Callable[[Outputs], Binding | None]:
    """The commonest step by far: one wire into one port."""
    nothing: dict[str, Any] = {}

    def bind(outputs: Outputs) -> Binding | None:
        out = outputs[number]
        if out is None or key not in out:
            return None
        try:
            return {name: take(out[key])}, nothing
        except NotJson as error:
            raise _misfit(name, error) from None

    return bind


def _take(port: Port) -> Callable[[Any], Any]:
    return taker(port.kind, port.nullable)


def _taken(take: Callable[[Any], Any], value: Any, name: str) -> Any:
    try:
        return take(value)
    except NotJson as error:
        raise _misfit(name, error) from None


def _misfit(name: str, error: NotJson) -> AuthorError:
    return AuthorError(f"The input `{name}` {error}", mend="Convert the value with a step between.")


def _builder(
    step: StepReading, see: Callable[[Outputs], Seen]
) -> Callable[[dict[str, Any], Outputs, Sequence[Any]], tuple[Node, dict[str, Any]]]:
    """The node of one execution, from its literal, computed and wired settings; and those that were not literal."""
    node_class = step.node_class
    assert node_class is not None
    kinds = {name: kind_of_annotation(spec.annotation) for name, spec in node_class.model_fields.items()}
    counts = {name: len(codes(value)) for name, value in step.computed.items()}

    def build(wired: dict[str, Any], outputs: Outputs, answers: Sequence[Any]) -> tuple[Node, dict[str, Any]]:
        seen = see(outputs)
        made: dict[str, Any] = {}
        start = 0
        for name, template in step.computed.items():
            try:
                made[name] = fill(template, seen, answers[start : start + counts[name]])
            except AuthorError as error:
                raise AuthorError(f"`{name}`: {error.what}", error.where, error.mend) from None
            start += counts[name]
        made.update(wired)
        for name, value in made.items():
            if kinds[name] is Kind.TEXT and not isinstance(value, str):
                made[name] = as_text(value)
        try:
            return node_class.model_validate({**step.literals, **made}), made
        except ValidationError as error:
            raise _unfit(error) from None

    return build


def _unfit(error: ValidationError) -> AuthorError:
    detail = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    return AuthorError(
        f"`{place}`: {detail['msg'].removeprefix('Value error, ')}",
        mend="Look at the value that the expression or the wire gave.",
    )


def _caller(node_class: type[Node]) -> Callable[[Node, dict[str, Any]], Any]:
    """How `run` is called: by names, or with its gathered wires as `*values`."""
    run = node_class.run  # type: ignore[attr-defined]
    parameters = list(inspect.signature(run).parameters.values())[1:]
    gathered = next((p for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), None)
    if gathered is None:
        return lambda node, values: run(node, **values)
    many = gathered.name
    leading = [(p.name, p.default) for p in parameters[: parameters.index(gathered)]]

    def call(node: Node, values: dict[str, Any]) -> Any:
        rest = dict(values)
        first = [rest.pop(name, default) for name, default in leading]
        return run(node, *first, *rest.pop(many, ()), **rest)

    return call


def _giver(step: StepReading, node_class: type[Node]) -> Callable[[Any], dict[str, Any]]:
    """What `run` returned, as a value a port; refuses what the node did not promise."""
    if node_class.ends:
        return lambda result: {key: TAKE[Kind.ANY](value) for key, value in result.items()}
    ports = {name: port for name, port in step.gives.items() if name != ERROR}
    if not ports:
        return lambda result: {}
    if not node_class.returns_ports:
        return _single(next(iter(ports.values())))
    takes = {name: _take(port) for name, port in ports.items()}

    def give(result: Any) -> dict[str, Any]:
        if not isinstance(result, dict):
            raise NotJson(f"expected its outputs ({listed(ports)}), got {type(result).__name__}")
        given = {}
        for name, value in result.items():
            if name not in ports:
                raise NotJson(f"it gave `{name}`, which is none of its outputs ({listed(ports)})")
            given[name] = takes[name](value)
        missing = [name for name, port in ports.items() if not port.branch and name not in given]
        if missing:
            raise NotJson(f"it did not give {listed(missing)}")
        return given

    return give


def _single(port: Port) -> Callable[[Any], dict[str, Any]]:
    take, name = _take(port), port.name
    return lambda result: {name: take(result)}


def _instead(step: StepReading, node_class: type[Node]) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """What a failed step gives so that the flow goes on, from the failure; None when the run fails with it."""
    on_error = step.step.on_error
    if on_error == "port":
        return lambda failure: {ERROR: failure}
    if isinstance(on_error, Default):
        value = on_error.default
        if node_class.returns_ports and isinstance(value, dict):
            given = {name: value[name] for name in value if name in step.gives}
        else:
            given = dict.fromkeys(list(step.gives)[:1], value)
        return lambda failure: dict(given)
    return None
