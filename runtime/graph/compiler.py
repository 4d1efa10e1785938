"""Compiles a flow with a catalog: what it reads becomes a plan, and each body in it a plan of its own."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from runtime.graph.binding import Outputs, Source, accept, binder, giver, substitute
from runtime.graph.body_end import end_of_body
from runtime.graph.catalog import Catalog
from runtime.graph.check import Graph, check_reading, graph, live_steps, needs, reads, triggers, waits_for
from runtime.graph.computed import builder, computed
from runtime.graph.flow import Flow
from runtime.graph.library import EMPTY, Library
from runtime.graph.nesting import ROOT, Place
from runtime.graph.node import CALLED, Calls, Context, FlowReference, Node
from runtime.graph.plan import BrokenFlow, Plan, PlannedStep
from runtime.graph.ports import lent
from runtime.graph.problems import errors
from runtime.graph.reading import Reading, StepReading, read_flow

DEFAULT_TIMEOUT = 120.0  # seconds; only steps that touch the world get it, a pure step never waits


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
            classes = [step.node_class for step in reading.steps.values() if step.node_class is not None]
            plan.pauses = any(node_class.pauses for node_class in classes)
            plan.models = tuple(sorted({name for _, _, name in needs(reading, "model")}))
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
        steps.append(end_of_body(reading, place, slots, end, last))
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
    settings = computed(reading, step.computed, index, reading.nesting.place(step.id))
    settings_wired = set(wires) & set(node_class.model_fields) - {port.name for port in step.inputs}
    ready = None if step.computed or settings_wired else node
    return PlannedStep(
        index=index[step.id],
        id=step.id,
        kind=node_class.kind,
        node=ready,
        bind=binder(step, wires, index),
        build=builder(step, settings),
        call=_caller(node_class),
        give=giver(step, node_class),
        accept=partial(accept, step, node_class),
        computed=settings,
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
        once=spec.once or node_class.once,
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


@lru_cache(maxsize=1024)
def _caller(node_class: type[Node]) -> Callable[..., Any]:
    """How `run` is called with a value a port: as it is, or with its gathered wires as `*values`."""
    run: Callable[..., Any] = node_class.run  # type: ignore[attr-defined]
    parameters = list(inspect.signature(run).parameters.values())[1:]
    gathered = next((p for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), None)
    if gathered is None:
        return run
    many = gathered.name
    leading = [(p.name, p.default) for p in parameters[: parameters.index(gathered)]]

    def call(node: Node, /, **values: Any) -> Any:
        first = [values.pop(name, default) for name, default in leading]
        return run(node, *first, *values.pop(many, ()), **values)

    return call
