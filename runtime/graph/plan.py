"""A flow compiled with a catalog: steps as integers, wires as closures, so that running one costs microseconds."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from runtime.errors import AuthorError
from runtime.graph.binding import Bind, Binding, Give, Outputs, Seen, Source, binder, giver, seer, substitute
from runtime.graph.catalog import Catalog
from runtime.graph.check import Graph, check_reading, graph, live_steps, reads, triggers, waits_for
from runtime.graph.expressions import Code, codes, fill, is_template
from runtime.graph.flow import Flow, Retry
from runtime.graph.library import EMPTY, Library
from runtime.graph.nesting import ROOT, Place
from runtime.graph.node import CALLED, Calls, Context, FlowReference, Node, Quorum
from runtime.graph.ports import lent
from runtime.graph.problems import Problem, errors, listed
from runtime.graph.reading import Reading, StepReading, read_flow
from runtime.graph.validation import wrong
from runtime.graph.values import Kind, as_text, kind_of_annotation

Build = Callable[[dict[str, Any], Outputs, Sequence[Any]], tuple[Node, dict[str, Any]]]
Call = Callable[[Node, dict[str, Any]], Any]
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
    are still to be computed. inline: the body never waits, so the engine runs it without a task. lend, conduct: the
    parameters of `run` that take the Context and the Calls, or None. answers: gives the run's answer. bodies: the
    plans of the flows inside, by name; independent: those whose calls do not come of one another; cleaning: those
    that are let end. closing: it is no step of the flow, but the end of a body. quorum: how many live wires are
    enough; live: how many there are; serving: the steps that only this one needs.
    """

    index: int
    id: str
    kind: str
    node: Node | None
    bind: Bind
    build: Build
    call: Call
    give: Give
    codes: tuple[Code, ...]
    see: Callable[[Outputs], Seen]
    lend: str | None = None
    inline: bool = True
    streams: bool = False
    trigger: bool = False
    answers: bool = False
    timeout: float | None = None
    retry: Retry | None = None
    instead: Give | None = None
    conduct: str | None = None
    bodies: Mapping[str, "Plan"] = field(default_factory=dict)
    first_body: str = ""
    independent: frozenset[str] = frozenset()
    cleaning: frozenset[str] = frozenset()
    closing: bool = False
    live: Callable[[Outputs], int] = len
    quorum: Quorum | None = None
    serving: frozenset[int] = frozenset()
    waits: int = 0
    successors: tuple[int, ...] = ()


@dataclass(slots=True)
class Plan:
    """A flow, or a body in it, compiled once and run many times.

    index: of each step by id. starts: triggers by id. elsewhere: for each trigger, the steps that a run from it skips
    at once, because they serve other triggers only. size: outputs that a run of it keeps: of its steps, then of steps
    around it that it reads. captures: where the latter come from and go to. entry: where the outputs stand that a
    body gives its steps.
    """

    flow: Flow
    steps: tuple[PlannedStep, ...]
    index: dict[str, int]
    starts: dict[str, int]
    elsewhere: dict[str, frozenset[int]]
    waits: list[int]
    sources: tuple[int, ...]
    answers: tuple[int, ...]
    leaves: tuple[int, ...]
    size: int
    captures: tuple[tuple[int, int], ...] = ()
    entry: int = -1

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

    def answer(self, outputs: Outputs) -> tuple[Any, int, str]:
        """What a run whose every step has settled answers: (value, HTTP status, step).

        The first Answer that was reached, in the order of the flow, so that it does not depend on who was faster; in
        a flow without one, what its last steps gave.
        """
        for step in self.answers:
            given = outputs[step]
            if given is not None and "value" in given:  # a failed one without a default answers nothing
                return given["value"], given["status"], self.steps[step].id
        last = {self.steps[step].id: out for step in self.leaves if (out := outputs[step])}
        return _last_given(last), 200, next(iter(last)) if len(last) == 1 else ""


def compile_flow(flow: Flow, catalog: Catalog, library: Library = EMPTY, *, called: bool = False) -> Plan:
    """The plan of a flow. library: the other flows that it runs. called: it is run by another one.

    Raises: BrokenFlow with every problem when the flow has errors.
    """
    reading = read_flow(flow, catalog, library)
    problems = errors(check_reading(reading))
    if problems:
        raise BrokenFlow(problems)
    return compile_reading(reading, called=called)


class _Called(Mapping[str, Plan]):
    """The plan of another flow as the body of a step; compiled when a run first comes to it."""

    def __init__(self, reference: FlowReference, catalog: Catalog, library: Library) -> None:
        self._reference, self._catalog, self._library = reference, catalog, library

    def __getitem__(self, name: str) -> Plan:
        plans, reference = self._library.plans, self._reference
        if name != CALLED:
            raise KeyError(name)
        if reference not in plans:
            flow = self._library.flows[reference]
            plans[reference] = compile_flow(flow, self._catalog, self._library, called=True)
        return plans[reference]

    def __iter__(self) -> Iterator[str]:
        return iter((CALLED,))

    def __len__(self) -> int:
        return 1


def compile_reading(reading: Reading, *, called: bool = False) -> Plan:
    """The plan of a flow that was read and has no errors."""
    whole, starts = graph(reading), triggers(reading)
    alive = live_steps(whole, starts)
    captured: dict[Place, dict[str, None]] = {}
    before: dict[str, set[str]] = {name: set() for name in alive}
    for source, target, place in reads(reading):
        if source in alive and target in alive:
            waiting = waits_for(reading.nesting, source, target, place)
            if waiting is not None:
                before[waiting].add(source)
            for around in reading.nesting.around(place):
                if around.step in ("", source) or reading.nesting.place(source) == around:
                    break
                captured.setdefault(around, {})[source] = None
    bodies: dict[str, dict[str, Plan]] = {}
    for place in _innermost_first(reading, alive):
        slots = _slots(reading, place, alive, captured)
        plan = _scope(reading, place, slots, before, bodies, closed=called or place is not ROOT)
        if place is ROOT:
            plan.starts = {name: slots[name] for name in starts}
            plan.elsewhere = {start: _elsewhere(whole, plan.index, starts, start) for start in starts}
            return plan
        outer = _slots(reading, reading.nesting.place(place.step), alive, captured)
        plan.captures = tuple((outer[name], slots[name]) for name in captured.get(place, ()))
        bodies.setdefault(place.step, {})[place.body] = plan
    raise AssertionError("the last place is the flow itself")


def _innermost_first(reading: Reading, alive: Collection[str]) -> list[Place]:
    places = [Place(name, body.name) for name in alive for body in reading.steps[name].bodies]
    depth = {place: sum(1 for _ in reading.nesting.around(place)) for place in places}
    return [*sorted(places, key=lambda place: -depth[place]), ROOT]


def _slots(
    reading: Reading, place: Place, alive: Collection[str], captured: Mapping[Place, Mapping[str, None]]
) -> dict[str, int]:
    """Where the outputs of all steps stand that can be read in a place: its own, those around it, its container's."""
    names = [name for name in reading.flow.steps if name in alive and reading.nesting.place(name) == place]
    slots = {name: number for number, name in enumerate(names)}
    extra = [*captured.get(place, ()), *([place.step] if place.step else [])]
    # A body ends with a step of its own, which takes the slot after its steps'.
    return slots | {name: len(names) + (place is not ROOT) + number for number, name in enumerate(extra)}


def _scope(
    reading: Reading,
    place: Place,
    slots: dict[str, int],
    before: Mapping[str, set[str]],
    bodies: Mapping[str, Mapping[str, Plan]],
    *,
    closed: bool,
) -> Plan:
    """The plan of one place. closed: it ends with a step that hands its values to the step around it."""
    names = [name for name in slots if reading.nesting.place(name) == place and name != place.step]
    steps = [_planned(reading, reading.steps[name], slots, bodies.get(name, {})) for name in names]
    index = {name: slots[name] for name in names}
    sources = [{index[name] for name in before[name]} for name in names]
    after: list[list[int]] = [[] for _ in names]
    for target, read in enumerate(sources):
        for source in sorted(read):
            after[source].append(target)
    last = tuple(number for number, targets in enumerate(after) if not targets)
    for planned in steps:
        if planned.quorum is not None and planned.quorum.cancel:
            planned.serving = _serving(planned.index, sources, after)
    if closed:
        end = len(steps)
        # A step that did not wait for all it reads may be done before these are; the end waits for them too.
        early = (sources[planned.index] for planned in steps if planned.quorum is not None)
        sources.append(set(last).union(*early))
        steps.append(_end(reading, place, slots, end, last))
        for source in sorted(sources[end]):
            after[source].append(end)
        after.append([])
    for planned, read, targets in zip(steps, sources, after, strict=True):
        planned.waits, planned.successors = len(read), tuple(targets)
    plan = Plan(
        flow=reading.flow,
        steps=tuple(steps),
        index=index,
        starts={},
        elsewhere={},
        waits=[planned.waits for planned in steps],
        sources=tuple(planned.index for planned in steps if not planned.waits and not planned.trigger),
        answers=tuple(planned.index for planned in steps if planned.answers),
        leaves=last,
        size=len(steps) + len(slots) - len(names),
        entry=slots.get(place.step, -1),
    )
    if closed and place is ROOT:
        steps[-1].bind = lambda outputs: ({"output": plan.answer(outputs)[0]}, {})
    return plan


def _serving(step: int, sources: Sequence[Collection[int]], after: Sequence[Sequence[int]]) -> frozenset[int]:
    """The steps whose outputs only this one reads, by whatever way."""
    found = {step}
    waiting = list(sources[step])
    while waiting:
        source = waiting.pop()
        if source not in found and all(target in found for target in after[source]):
            found.add(source)
            waiting.extend(sources[source])
    return frozenset(found - {step})


def _end(reading: Reading, place: Place, slots: Mapping[str, int], index: int, last: Sequence[int]) -> PlannedStep:
    """The end of a body: what its steps fill of what it takes, by wires and by late settings."""
    if place is ROOT:
        return _closing(index, "", {}, lambda outputs: ({}, {}), lambda outputs: {})
    container = reading.steps[place.step]
    takes = container.body(place.body).takes
    wires: dict[str, list[Source]] = {}
    for edge in reading.ends.get(place, ()):
        if edge.source in slots:
            wires.setdefault(edge.port, []).append((slots[edge.source], edge.output))
    late = {name: container.late[name] for name in (port.name for port in takes) if name in container.late}
    late = {name: value for name, value in late.items() if name not in wires}
    computed = {name: value for name, value in late.items() if is_template(value)}
    literals = {name: value for name, value in late.items() if name not in computed}
    references = [reference for name, reference in container.late_references if name in computed]
    see = seer(reading, references, slots, place)
    first = takes[0].name if takes and takes[0].name not in {*wires, *late} else ""
    steps = {number: name for name, number in slots.items() if number in last}

    def bind(outputs: Outputs) -> Binding:
        taken: dict[str, Any] = dict(literals)
        for name, ends in wires.items():
            live = (out[key] for number, key in ends if (out := outputs[number]) is not None and key in out)
            taken[name] = next(live, None)
        if first:
            taken[first] = _last_given({steps[number]: out for number in last if (out := outputs[number])})
        return taken, {}

    return _closing(index, place.step, computed, bind, see)


def _closing(
    index: int, container: str, computed: Mapping[str, Any], bind: Bind, see: Callable[[Outputs], Seen]
) -> PlannedStep:
    return PlannedStep(
        index=index,
        id=container,
        kind="end",
        node=None if computed else _END,
        bind=bind,
        build=_late_builder(computed, see),
        call=_nothing,
        give=dict,
        codes=tuple(code for value in computed.values() for code in codes(value)),
        see=see,
        inline=False,
        closing=True,
    )


class _End(Node):
    """What stands for a node at the end of a body."""


_END = _End()


def _nothing(node: Node, values: dict[str, Any]) -> None:
    """The end of a body has nothing to call."""


def _late_builder(computed: Mapping[str, Any], see: Callable[[Outputs], Seen]) -> Build:
    def build(wired: dict[str, Any], outputs: Outputs, answers: Sequence[Any]) -> tuple[Node, dict[str, Any]]:
        return _END, _filled(computed, see(outputs), answers)

    return build


def _filled(computed: Mapping[str, Any], seen: Seen, answers: Sequence[Any]) -> dict[str, Any]:
    """Computed settings, from what expressions see and what the sandbox answered. Raises: AuthorError."""
    made: dict[str, Any] = {}
    start = 0
    for name, template in computed.items():
        count = len(codes(template))
        try:
            made[name] = fill(template, seen, answers[start : start + count])
        except AuthorError as error:
            raise AuthorError(f"`{name}`: {error.what}", error.where, error.mend) from None
        start += count
    return made


def _last_given(last: Mapping[str, dict[str, Any]]) -> Any:
    """What the last steps gave, as one value."""
    if len(last) == 1:
        (out,) = last.values()
        return out["output"] if out.keys() == {"output"} else out
    return dict(last) or None


def _elsewhere(whole: Graph, index: Mapping[str, int], starts: Sequence[str], start: str) -> frozenset[int]:
    if len(starts) == 1:
        return frozenset()
    mine = live_steps(whole, [start]) - set(starts) | {start}
    return frozenset(number for name, number in index.items() if name not in mine)


def _planned(reading: Reading, step: StepReading, index: Mapping[str, int], bodies: Mapping[str, Plan]) -> PlannedStep:
    node_class, node, spec = step.node_class, step.node, step.step
    assert node_class is not None  # a reading without errors has both
    assert node is not None
    wires: dict[str, list[Source]] = {}
    for edge in reading.wires.get(step.id, ()):
        if edge.source in index:
            wires.setdefault(edge.port, []).append((index[edge.source], edge.output))
    see = seer(reading, [reference for _, reference in step.references], index, reading.nesting.place(step.id))
    settings_wired = set(wires) & set(node_class.model_fields) - {port.name for port in step.inputs}
    ready = None if step.computed or settings_wired else node
    return PlannedStep(
        index=index[step.id],
        id=step.id,
        kind=node_class.kind,
        node=ready,
        bind=binder(step, wires, index),
        build=_builder(step, see),
        call=_caller(node_class),
        give=giver(step, node_class),
        codes=tuple(code for value in step.computed.values() for code in codes(value)),
        see=see,
        lend=lent(node_class, Context),
        inline=node_class.effect == "pure"
        and spec.timeout is None
        and not (_streams(node_class) or node_class.pauses or step.bodies or step.calls),
        streams=_streams(node_class),
        trigger=bool(node_class.trigger),
        answers=node_class.ends,
        timeout=spec.timeout or (None if node_class.effect == "pure" or node_class.pauses else DEFAULT_TIMEOUT),
        retry=spec.retry,
        instead=substitute(step, node_class),
        conduct=lent(node_class, Calls),
        bodies=bodies if step.calls is None else _called(reading, step.calls),
        first_body=step.bodies[0].name if step.bodies else CALLED,
        independent=frozenset(body.name for body in step.bodies if body.independent),
        cleaning=frozenset(body.name for body in step.bodies if body.cleans),
        live=_counter(step, wires),
        quorum=node.quorum(),
    )


def _called(reading: Reading, reference: FlowReference) -> Mapping[str, Plan]:
    assert reading.catalog is not None
    return _Called(reference, reading.catalog, reading.library)


def _counter(step: StepReading, wires: Mapping[str, Sequence[Source]]) -> Callable[[Outputs], int]:
    """How many of the wires that a port gathers have brought something; 0 while another port still lacks its value."""
    gathered = {port.name for port in step.inputs if port.many}
    counted = [source for name in wires if name in gathered for source in wires[name]]
    others = [ends for name, ends in wires.items() if name not in gathered]

    def brought(outputs: Outputs, sources: Sequence[Source]) -> int:
        return sum((out := outputs[number]) is not None and key in out for number, key in sources)

    return lambda outputs: brought(outputs, counted) if all(brought(outputs, ends) for ends in others) else 0


def _streams(node_class: type[Node]) -> bool:
    return inspect.isasyncgenfunction(node_class.run)  # type: ignore[attr-defined]


def _builder(step: StepReading, see: Callable[[Outputs], Seen]) -> Build:
    """The node of one execution, from its literal, computed and wired settings; and those that were not literal."""
    node_class = step.node_class
    assert node_class is not None
    texts = _text_settings(node_class)

    def build(wired: dict[str, Any], outputs: Outputs, answers: Sequence[Any]) -> tuple[Node, dict[str, Any]]:
        made = _filled(step.computed, see(outputs), answers)
        made.update(wired)
        for name, value in made.items():
            if name in texts and not isinstance(value, str):
                made[name] = as_text(value)
        try:
            return node_class.model_validate({**step.literals, **made}), made
        except ValidationError as error:
            raise _unfit(error) from None

    return build


@lru_cache(maxsize=1024)
def _text_settings(node_class: type[Node]) -> frozenset[str]:
    fields = node_class.model_fields.items()
    return frozenset(name for name, spec in fields if kind_of_annotation(spec.annotation) is Kind.TEXT)


def _unfit(error: ValidationError) -> AuthorError:
    detail = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    what = wrong(detail)
    return AuthorError(
        f"`{place}`: {what}" if place else what,  # without a place it is about how settings go together
        mend="Look at the value that the expression or the wire gave.",
    )


@lru_cache(maxsize=1024)
def _caller(node_class: type[Node]) -> Call:
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
