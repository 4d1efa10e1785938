"""The ports of a step as the canvas shows them: its own, the settings that wires go into, and lost ones."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from runtime.graph.node import AFTER, Port
from runtime.graph.reading import StepReading
from runtime.graph.values import Kind


class PortView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One port. setting: it is a setting of the form. lost: a wire names it and the step does not have it."""

    name: str
    kind: str = Kind.ANY.value
    required: bool = False
    many: bool = False
    branch: bool = False
    setting: bool = False
    lost: bool = False
    help: str = ""


class BodyView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One body of a step. gives: what the steps inside read of it. takes: what they fill."""

    name: str
    gives: tuple[PortView, ...] = ()
    takes: tuple[PortView, ...] = ()


def bodies_of(
    step: StepReading, leaving: Mapping[str, Iterable[str]], arriving: Mapping[str, Iterable[str]]
) -> tuple[BodyView, ...]:
    """The bodies of a step. leaving, arriving: the ports, by body, that wires in there name."""
    return tuple(
        BodyView(
            body.name,
            _with_lost(body.gives, leaving.get(body.name, ())),
            _with_lost(body.takes, arriving.get(body.name, ())),
        )
        for body in step.bodies
    )


def ports_in(step: StepReading, wired: Iterable[str]) -> tuple[PortView, ...]:
    """The input ports, then the settings among `wired`; `after`, which nearly every step has, is left out."""
    own = {port.name: _view(port) for port in step.inputs}
    return (*own.values(), *_others(dict.fromkeys(wired), own, step.takes))


def ports_out(step: StepReading, wired: Iterable[str]) -> tuple[PortView, ...]:
    """The output ports, `error` last when the step has one; lost ones among `wired` after them."""
    own = {name: _view(port) for name, port in step.gives.items()}
    return (*own.values(), *_others(dict.fromkeys(wired), own, {}))


def _with_lost(ports: Iterable[Port], wired: Iterable[str]) -> tuple[PortView, ...]:
    own = {port.name: _view(port) for port in ports}
    return (*own.values(), *_others(dict.fromkeys(wired), own, {}))


def _others(wired: Iterable[str], own: Collection[str], takes: Mapping[str, Port]) -> list[PortView]:
    return [
        _view(takes[name], setting=True) if name in takes else PortView(name, lost=True)
        for name in wired
        if name not in own and name != AFTER
    ]


def _view(port: Port, setting: bool = False) -> PortView:
    return PortView(port.name, port.kind.value, port.required, port.many, port.branch, setting, help=port.help)
