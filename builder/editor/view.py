"""What the canvas draws: a flow read with its catalog, as values that travel to the browser and can be compared."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from builder.editor.arrange import places
from builder.editor.document import At, said_of
from builder.editor.ports import BodyView, PortView, bodies_of, ports_in, ports_out
from builder.editor.sizes import Shape
from runtime.graph.fields import Label
from runtime.graph.flow import Edge
from runtime.graph.library import Library
from runtime.graph.nesting import Place
from runtime.graph.node import AFTER
from runtime.graph.problems import MESSAGES, Problem
from runtime.graph.program import Reference
from runtime.graph.reading import Reading, StepReading
from runtime.graph.validation import SENTENCES


class ProblemView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong. what, mend: English templates for the catalogue. values: what fills their braces."""

    severity: str
    what: str
    mend: str = ""
    field: str = ""
    edge: str = ""
    values: dict[str, str | int] = {}


class StepView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One card. known: its kind is in the catalog; if not, the ports are those that wires name.

    entry: it has the port `after`. parent, body: where it stands, empty on the canvas itself; `at` counts from the
    corner of that body's room. bodies: a card that has some is a frame. retry, timeout, on_error, once: as the document
    says.
    """

    id: str
    kind: str
    label: str
    icon: str
    group: str
    at: At
    parent: str = ""
    body: str = ""
    title: str = ""
    summary: str = ""
    known: bool = True
    entry: bool = True
    inputs: tuple[PortView, ...] = ()
    outputs: tuple[PortView, ...] = ()
    bodies: tuple[BodyView, ...] = ()
    config: dict[str, Any] = {}
    retry: dict[str, Any] | None = None
    timeout: float | None = None
    on_error: Any = "fail"
    once: bool = False
    problems: tuple[ProblemView, ...] = ()


class WireView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One wire. reference: it stands in an expression, so it is drawn and cannot be cut."""

    id: str
    source: str
    output: str
    target: str
    port: str = AFTER
    reference: bool = False


class NoteView(msgspec.Struct, frozen=True):
    """A remark on the canvas."""

    id: str
    text: str
    at: At
    size: At


class FlowView(msgspec.Struct, frozen=True):
    """A whole flow. problems: those of no step in particular.

    running, limits: what the document says of them, which is nothing that equals its default.
    """

    name: str
    description: str
    steps: dict[str, StepView]
    wires: dict[str, WireView]
    notes: dict[str, NoteView]
    problems: tuple[ProblemView, ...] = ()
    running: dict[str, Any] = {}
    limits: dict[str, Any] = {}


def view(reading: Reading, problems: Iterable[Problem]) -> FlowView:
    """What the canvas draws of a flow. problems: what `check` found, and whatever else is wrong before a run."""
    flow = reading.flow
    by_step: dict[str, list[Problem]] = {}
    for problem in problems:
        by_step.setdefault(problem.step if problem.step in flow.steps else "", []).append(problem)
    joins = _references(reading)
    where = places(flow, reads(reading), shapes(reading), reading.nesting)
    leaving, handed = _leaving(reading)
    wires = [_wire(edge) for edge in flow.edges if edge.source in flow.steps and edge.target in flow.steps]
    return FlowView(
        name=flow.name,
        description=flow.description,
        steps={
            name: _step(
                step,
                _summary(step, reading.library),
                where[name],
                reading.nesting.place(name),
                ports_in(step, (edge.port for edge in reading.wires.get(name, ()))),
                ports_out(step, leaving.get(name, ())),
                _bodies(reading, step, handed),
                by_step.get(name, ()),
            )
            for name, step in reading.steps.items()
        },
        wires={wire.id: wire for wire in (*wires, *joins)},
        notes={name: NoteView(name, note.text, note.at, note.size) for name, note in flow.notes.items()},
        problems=_problems(by_step.get("", ())),
        running=flow.running.model_dump(mode="json"),
        limits=flow.limits.model_dump(mode="json"),
    )


def _leaving(reading: Reading) -> tuple[dict[str, list[str]], dict[Place, list[str]]]:
    """The outputs that wires leave by: of each step to those around it, and of each body to its inside."""
    leaving: dict[str, list[str]] = {}
    handed: dict[Place, list[str]] = {}
    for edge in reading.flow.edges:
        inner = reading.nesting.inside(edge.target, edge.source) if edge.source in reading.steps else None
        if inner is None:
            leaving.setdefault(edge.source, []).append(edge.output)
        else:
            handed.setdefault(inner, []).append(edge.output)
    return leaving, handed


def _bodies(reading: Reading, step: StepReading, handed: Mapping[Place, list[str]]) -> tuple[BodyView, ...]:
    places = {body.name: Place(step.id, body.name) for body in step.bodies}
    return bodies_of(
        step,
        {name: handed.get(place, ()) for name, place in places.items()},
        {name: [edge.port for edge in reading.ends.get(place, ())] for name, place in places.items()},
    )


def plain(whole: FlowView) -> dict[str, Any]:
    """A view as plain values for the browser."""
    values: dict[str, Any] = msgspec.to_builtins(whole)
    return values


def changes(before: FlowView, after: FlowView) -> dict[str, Any]:
    """What the browser must change to get from one view to the next, as plain values.

    For `steps`, `wires` and `notes`: `{id: new value, or null when it is gone}`. order: the ids of the steps,
    only when it changed. name, description, problems, running, limits: only when they changed.
    """
    found: dict[str, Any] = {
        name: changed
        for name in ("steps", "wires", "notes")
        if (changed := _changed(getattr(before, name), getattr(after, name)))
    }
    if list(before.steps) != list(after.steps):
        found["order"] = list(after.steps)
    for name in ("name", "description", "problems", "running", "limits"):
        if getattr(before, name) != getattr(after, name):
            found[name] = msgspec.to_builtins(getattr(after, name))
    return found


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: None for name in before if name not in after}
    found |= {name: msgspec.to_builtins(item) for name, item in after.items() if before.get(name) != item}
    return found


def _step(
    step: StepReading,
    summary: str,
    at: At,
    place: Place,
    inputs: tuple[PortView, ...],
    outputs: tuple[PortView, ...],
    bodies: tuple[BodyView, ...],
    problems: Iterable[Problem],
) -> StepView:
    node = step.node_class
    said = said_of(step.step)
    return StepView(
        id=step.id,
        kind=step.step.kind,
        label=node.label if node else step.step.kind,
        icon=node.icon if node else "puzzle",
        group=node.group if node else "unknown",
        at=at,
        parent=place.step,
        body=place.body,
        title=said["title"],
        summary=summary,
        known=node is not None,
        entry=node is None or AFTER in step.takes,
        inputs=inputs,
        outputs=outputs,
        bodies=bodies,
        config=said["config"],
        retry=said["retry"],
        timeout=said["timeout"],
        on_error=said["on_error"],
        once=said["once"],
        problems=_problems(problems),
    )


def reads(reading: Reading) -> list[tuple[str, str]]:
    """(before, after) of steps of which one reads the other in an expression."""
    return [
        (reference.step, name)
        for name, step in reading.steps.items()
        for _, reference in step.references
        if reference.step in reading.steps
    ]


def shapes(reading: Reading) -> dict[str, Shape]:
    """What the size of each card depends on, near enough to place it."""
    return {
        name: Shape(
            len(step.inputs),
            len(step.gives),
            bool(_summary(step, reading.library)),
            {body.name: (len(body.gives), len(body.takes)) for body in step.bodies},
        )
        for name, step in reading.steps.items()
    }


def _summary(step: StepReading, library: Library) -> str:
    if step.node is None:
        return ""
    if step.calls is not None and (called := library.flows.get(step.calls)) is not None and called.name:
        return f"{called.name}, v{step.calls.version}" if step.calls.version else called.name  # not its id
    try:
        line = step.node.summary()
    except (AttributeError, TypeError, ValueError, KeyError):
        return ""  # the settings are wrong or computed, and the node cannot say
    return line if len(line) <= 120 else f"{line[:119]}…"


def _wire(edge: Edge) -> WireView:
    return WireView(str(edge), edge.source, edge.output, edge.target, edge.port)


def _references(reading: Reading) -> list[WireView]:
    """A thin line for each step that reads another one without a wire between the two."""
    wired = {(edge.source, edge.target) for edge in reading.flow.edges}
    found: dict[str, WireView] = {}
    for name, step in reading.steps.items():
        for _, reference in step.references:
            if reference.step != name and (reference.step, name) not in wired:
                line = _line(reading, reference, name, AFTER, reading.nesting.place(name))
                found.setdefault(line.id, line) if line else None
        for field, reference in step.late_references:
            if reference.step != name and (body := step.taker(field)):
                line = _line(reading, reference, name, field, Place(name, body))
                found.setdefault(line.id, line) if line else None
    return list(found.values())


def _line(reading: Reading, reference: Reference, reader: str, port: str, place: Place) -> WireView | None:
    """From a step to where it is read; None when it cannot be seen from there."""
    if reference.step not in reading.steps:
        return None
    gives = reading.ports_of(reference.step, place)
    if gives is None:
        return None
    output = str(reference.keys[0]) if reference.keys else ""
    output = output if output in gives else next(iter(gives), "")
    identity = f"{reference.step} in {reader}" if port == AFTER else f"{reference.step} in {reader}.{port}"
    return WireView(identity, reference.step, output, reader, port, reference=True)


_FORM = SENTENCES["string_pattern_mismatch"].format(pattern=Label.__metadata__[0].pattern)
_LABEL = "it must begin with a small letter and hold only small letters, digits and _"


def _said(params: Mapping[str, str | int]) -> dict[str, str | int]:
    """What fills a sentence, in words for people: a name is no regular expression to them."""
    return {key: value.replace(_FORM, _LABEL) if isinstance(value, str) else value for key, value in params.items()}


def _problems(problems: Iterable[Problem]) -> tuple[ProblemView, ...]:
    return tuple(
        ProblemView(
            p.severity,
            MESSAGES[p.code][1],
            MESSAGES[p.code][2],
            p.field,
            p.edge,
            {"field": p.field, "edge": p.edge, "step": p.step, **_said(p.params)},
        )
        for p in problems
    )
