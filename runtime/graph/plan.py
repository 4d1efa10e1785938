"""A flow compiled with a catalog: steps as integers, wires as closures, so that running one costs microseconds."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from runtime.errors import AuthorError
from runtime.graph.binding import Bind, Give, Outputs, Seen, Source, binder, giver, seer, substitute
from runtime.graph.catalog import Catalog
from runtime.graph.check import Graph, check_reading, graph, live_steps, triggers
from runtime.graph.expressions import Code, codes, fill
from runtime.graph.flow import Flow, Retry
from runtime.graph.node import Node
from runtime.graph.ports import context_parameter
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
    are still to be computed. inline: the body never waits, so the engine runs it without a task. lend: the
    parameter of `run` that takes the Context, or None. answers: gives the run's answer.
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
    lend: str | None
    inline: bool
    streams: bool
    trigger: bool
    answers: bool
    timeout: float | None
    retry: Retry | None
    instead: Give | None
    waits: int = 0
    successors: tuple[int, ...] = ()


@dataclass(slots=True)
class Plan:
    """A flow compiled once and run many times. index: of each step by id. starts: triggers by id.

    elsewhere: for each trigger, the steps that a run from it skips at once, because they serve other triggers only.
    """

    flow: Flow
    steps: tuple[PlannedStep, ...]
    index: dict[str, int]
    starts: dict[str, int]
    elsewhere: dict[str, frozenset[int]]
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
    whole, starts = graph(reading), triggers(reading)
    alive = live_steps(whole, starts)
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
        starts={name: index[name] for name in starts},
        elsewhere={start: _elsewhere(whole, index, starts, start) for start in starts},
        waits=[planned.waits for planned in steps],
        sources=tuple(planned.index for planned in steps if not planned.waits and not planned.trigger),
        answers=tuple(planned.index for planned in steps if planned.answers),
        leaves=tuple(planned.index for planned in steps if not planned.successors),
    )


def _elsewhere(whole: Graph, index: Mapping[str, int], starts: Sequence[str], start: str) -> frozenset[int]:
    if len(starts) == 1:
        return frozenset()
    mine = live_steps(whole, [start]) - set(starts) | {start}
    return frozenset(number for name, number in index.items() if name not in mine)


def _planned(reading: Reading, step: StepReading, index: Mapping[str, int]) -> PlannedStep:
    node_class, node, spec = step.node_class, step.node, step.step
    assert node_class is not None  # a reading without errors has both
    assert node is not None
    wires: dict[str, list[Source]] = {}
    for edge in reading.wires.get(step.id, ()):
        wires.setdefault(edge.port, []).append((index[edge.source], edge.output))
    see = seer(reading, step, index)
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
        lend=context_parameter(node_class),
        inline=node_class.effect == "pure" and spec.timeout is None and not _streams(node_class),
        streams=_streams(node_class),
        trigger=bool(node_class.trigger),
        answers=node_class.ends,
        timeout=spec.timeout or (None if node_class.effect == "pure" else DEFAULT_TIMEOUT),
        retry=spec.retry,
        instead=substitute(step, node_class),
    )


def _streams(node_class: type[Node]) -> bool:
    return inspect.isasyncgenfunction(node_class.run)  # type: ignore[attr-defined]


def _builder(step: StepReading, see: Callable[[Outputs], Seen]) -> Build:
    """The node of one execution, from its literal, computed and wired settings; and those that were not literal."""
    node_class = step.node_class
    assert node_class is not None
    texts = _text_settings(node_class)
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
