"""The end of a body: a step of its own that hands what the steps inside gave to the step around them."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.graph.binding import Bind, Binding, Outputs, Source
from runtime.graph.computed import Build, Computed, computed
from runtime.graph.expressions import is_template
from runtime.graph.nesting import ROOT, Place
from runtime.graph.node import Node
from runtime.graph.plan import PlannedStep, last_given
from runtime.graph.reading import Reading


def end_of_body(
    reading: Reading, place: Place, slots: Mapping[str, int], index: int, last: Sequence[int]
) -> PlannedStep:
    """The end of what stands in a place: it fills what the body takes, by wires and by late settings.

    index: its number. last: the steps that nothing comes after. The end of a called flow binds nothing yet.
    """
    if place is ROOT:
        return _closing(index, "", Computed({}, {}), lambda outputs: ({}, {}))
    container = reading.steps[place.step]
    takes = container.body(place.body).takes
    wires: dict[str, list[Source]] = {}
    for edge in reading.ends.get(place, ()):
        if edge.source in slots:
            wires.setdefault(edge.port, []).append((slots[edge.source], edge.output))
    late = {name: container.late[name] for name in (port.name for port in takes) if name in container.late}
    late = {name: value for name, value in late.items() if name not in wires}
    templates = {name: value for name, value in late.items() if is_template(value)}
    literals = {name: value for name, value in late.items() if name not in templates}
    first = takes[0].name if takes and takes[0].name not in {*wires, *late} else ""
    name = {number: name for name, number in slots.items()}.__getitem__

    def bind(outputs: Outputs) -> Binding:
        taken: dict[str, Any] = dict(literals)
        for port, ends in wires.items():
            live = (out[key] for number, key in ends if (out := outputs[number]) is not None and key in out)
            taken[port] = next(live, None)
        if first:
            taken[first], _ = last_given(outputs, last, name)
        return taken, {}

    return _closing(index, place.step, computed(reading, templates, slots, place), bind)


def _closing(index: int, container: str, settings: Computed, bind: Bind) -> PlannedStep:
    return PlannedStep(
        index=index,
        id=container,
        kind="end",
        node=None if settings else _END,
        bind=bind,
        build=_late_builder(settings),
        call=_nothing,
        give=lambda result, most: dict(result),
        computed=settings,
        inline=False,
        closing=True,
    )


_END = Node()  # what stands for a node at the end of a body


def _nothing(node: Node, **values: Any) -> None:
    """The end of a body has nothing to call."""


def _late_builder(settings: Computed) -> Build:
    def build(wired: dict[str, Any], outputs: Outputs, answers: Sequence[Any]) -> tuple[Node, dict[str, Any]]:
        return _END, settings.values(outputs, answers)

    return build
