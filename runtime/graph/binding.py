"""How values get into a step and out of it: closures made once per step, so that each run only calls them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.errors import AuthorError
from runtime.graph.flow import Default
from runtime.graph.node import AFTER, ERROR, Node, Port
from runtime.graph.problems import listed
from runtime.graph.reading import StepReading
from runtime.graph.values import ENDLESS, Kind, NotJson, describe, plain, take_any, taker

Outputs = list[dict[str, Any] | None]  # by step; None until it is settled, and for ever when it is skipped
Source = tuple[int, str]  # a step and one of its output ports
Look = tuple[int, str | None]  # a step that an expression reads, and which port; None: all of them
Seen = dict[str, dict[str, Any] | None]  # what expressions see: outputs by step, None for a skipped one
Binding = tuple[dict[str, Any], dict[str, Any]]  # what the ports got, what the settings that take a wire got
Bind = Callable[[Outputs], Binding | None]
Give = Callable[[Any, int], dict[str, Any]]  # what `run` returned, and the bytes that it may have
Substitute = Callable[[dict[str, Any]], dict[str, Any]]


def binder(step: StepReading, wires: Mapping[str, Sequence[Source]], index: Mapping[str, int]) -> Bind:
    """How a step gets its inputs; None when nobody comes.

    Every port with wires needs one that is live, else the step is skipped. A port of one value takes the first
    live wire in the order they are drawn. Without wires, a step whose references are all dead is skipped.
    """
    if not wires:
        return _bind_unwired(_looks(step, index))
    ports = {port.name: port for port in step.inputs}
    data = [(name, ports.get(name), _take(step.takes[name]), tuple(wires[name])) for name in wires]
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


def _looks(step: StepReading, index: Mapping[str, int]) -> tuple[Look, ...]:
    """What the step's expressions read, port by port: a branch not taken counts as not there."""
    looks = ((index[ref.step], str(ref.keys[0]) if ref.keys else None) for _, ref in step.references)
    return tuple(dict.fromkeys(looks))


def _bind_unwired(reads: tuple[Look, ...]) -> Bind:
    def bind(outputs: Outputs) -> Binding | None:
        for number, key in reads:
            out = outputs[number]
            if out is not None and (key is None or key in out):
                return {}, {}
        return None if reads else ({}, {})

    return bind


def _bind_single(name: str, take: Callable[[Any], Any], number: int, key: str) -> Bind:
    """The commonest step by far: one wire into one port."""
    nothing: dict[str, Any] = {}

    def bind_any(outputs: Outputs) -> Binding | None:
        out = outputs[number]
        return None if out is None or key not in out else ({name: out[key]}, nothing)

    def bind(outputs: Outputs) -> Binding | None:
        out = outputs[number]
        if out is None or key not in out:
            return None
        try:
            return {name: take(out[key])}, nothing
        except NotJson as error:
            raise _misfit(name, error) from None

    return bind_any if take is take_any else bind


def _take(port: Port) -> Callable[[Any], Any]:
    return taker(port.kind, port.nullable)


def _taken(take: Callable[[Any], Any], value: Any, name: str) -> Any:
    try:
        return take(value)
    except NotJson as error:
        raise _misfit(name, error) from None


def _misfit(name: str, error: NotJson) -> AuthorError:
    return AuthorError(f"The input `{name}` {error}", mend="Convert the value with a step between.")


def giver(step: StepReading, node_class: type[Node]) -> Give:
    """What `run` returned, as a value a port.

    Raises from the function it gives: NotJson for what the node did not promise, Large.
    """
    if node_class.ends:
        return _give_ending
    ports = {port.name: port for port in step.outputs}
    if not ports:
        return lambda result, most: {}
    if not node_class.returns_ports:
        return _give_single(step.outputs[0])
    takes = {name: _take(port) for name, port in ports.items()}
    promised = [name for name, port in ports.items() if not port.branch]

    def give(result: Any, most: int) -> dict[str, Any]:
        if type(result) is not dict:
            raise NotJson(f"expected its outputs ({listed(ports)}), got {describe(result)}")
        if result.keys() != takes.keys():
            if unknown := [str(name) for name in result if name not in takes]:
                raise NotJson(f"it gave {listed(unknown)}, and its outputs are {listed(ports)}")
            if missing := [name for name in promised if name not in result]:
                raise NotJson(f"it did not give {listed(missing)}")
        made: dict[str, Any] = plain(result, most)  # a copy
        for name, value in made.items():
            made[name] = _kept(takes[name], value, name)
        return made

    return give


def _kept(take: Callable[[Any], Any], value: Any, name: str) -> Any:
    try:
        return take(value)
    except NotJson as error:
        raise NotJson(f"`{name}`: {error}") from None


def _give_single(port: Port) -> Give:
    take, name = _take(port), port.name
    if take is take_any:
        return lambda result, most: {name: plain(result, most)}
    return lambda result, most: {name: take(plain(result, most))}


def _give_ending(result: Any, most: int) -> dict[str, Any]:
    if type(result) is not dict or result.keys() != {"value", "status"}:
        raise NotJson("expected `value` and `status`")
    if type(result["status"]) is not int or not 100 <= result["status"] <= 599:
        raise NotJson("`status` is not an HTTP status, such as 200")
    return {"value": plain(result["value"], most), "status": result["status"]}


def accept(step: StepReading, node_class: type[Node], output: Any) -> dict[str, Any]:
    """What somebody says that the step gave, a value a port. Raises NotJson when it could not have given that."""
    if type(output) is not dict:
        raise NotJson(f"expected an object of its outputs, got {describe(output)}")
    if node_class.ends:
        return _give_ending({"status": 200, **output}, ENDLESS)
    ports = {port.name: port for port in step.outputs}
    if step.step.on_error == "port":
        ports[ERROR] = Port(ERROR, Kind.OBJECT)
    if unknown := [str(name) for name in output if name not in ports]:
        raise NotJson(f"it names {listed(unknown)}, and the outputs are {listed(ports)}")
    made: dict[str, Any] = plain(output)
    return {name: _kept(_take(ports[name]), value, name) for name, value in made.items()}


def substitute(step: StepReading, node_class: type[Node]) -> Substitute | None:
    """What a failed step gives so that the flow goes on, from its failure; None when the run fails with it."""
    on_error = step.step.on_error
    if on_error == "port":
        return lambda failure: {ERROR: failure}
    if isinstance(on_error, Default):
        given = stand_in(step, node_class, on_error.default)
        return lambda failure: dict(given)
    return None


def stand_in(step: StepReading, node_class: type[Node], default: Any) -> dict[str, Any]:
    """What a default stands for, as a value a port. Raises NotJson when the outputs are different ones.

    Of a node with several outputs it may be an object with some of them; anything else is for the first.
    """
    if node_class.ends:
        return {"value": default, "status": 200}
    ports = {port.name: port for port in step.outputs}
    given = default
    if not node_class.returns_ports or not isinstance(default, dict):
        given = dict.fromkeys(list(ports)[:1], default)
    if unknown := [name for name in given if name not in ports]:
        raise NotJson(f"it names {listed(unknown)}, and the outputs are {listed(ports)}")
    return {name: _kept(_take(ports[name]), value, name) for name, value in given.items()}
