"""Ports derived from a node class: the parameters and the return annotation of its `run`."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from functools import lru_cache
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from pydantic.fields import FieldInfo

from runtime.graph.flow import is_port_name
from runtime.graph.messages import Delta
from runtime.graph.node import AFTER, ERROR, Calls, Context, Node, Port
from runtime.graph.values import allows_null, kind_of_annotation


class ContractError(TypeError):
    """A node class breaks the contract; raised when a catalog takes it in, with the line to write instead."""


def derive(node: type[Node]) -> None:
    """Set `ports_in` and `ports_out` of a node class. Raises ContractError."""
    run = getattr(node, "run", None)
    if not (inspect.iscoroutinefunction(run) or inspect.isasyncgenfunction(run)):
        raise ContractError(f"{node.__name__} needs `async def run(self, ...)`")
    if not (node.__doc__ or "").strip():
        raise ContractError(f"{node.__name__} needs a docstring: it is the help that people read")
    hints = _hints(node, run)
    streams = inspect.isasyncgenfunction(run)
    node.ports_in = tuple(_input(node, parameter, hints) for parameter in _ports(node, run, hints))
    node.ports_out, node.returns_ports = _outputs(node, hints.get("return", type(None)), streams)
    _check_names(node, [*node.model_fields, *(port.name for port in node.ports_in)], {AFTER, ERROR})
    _check_names(node, [port.name for port in node.ports_out], {ERROR})


def _check_names(node: type[Node], names: list[str], taken: set[str]) -> None:
    for name in names:
        if name in taken or names.count(name) > 1:
            raise ContractError(f"{node.__name__}: the name {name!r} is taken; choose another")
        if not is_port_name(name):
            raise ContractError(f"{node.__name__}: no wire can be written to {name!r}; use plain letters, digits and _")


def _hints(node: type[Node], of: Any) -> dict[str, Any]:
    # A TypedDict nested in the class is found among the class's own names, also under postponed annotations; types
    # alone, for pydantic's models have a method called `dict`.
    own = (vars(each) for each in reversed(node.__mro__) if issubclass(each, Node))
    nested = {name: value for names in own for name, value in names.items() if isinstance(value, type)}
    try:
        return get_type_hints(of, localns=nested, include_extras=True)
    except NameError as error:
        raise ContractError(f"{node.__name__}: the type {error.name!r} is not known where it is written") from None


def _ports(node: type[Node], run: Any, hints: dict[str, Any]) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(run).parameters.values())[1:]
    if node.inputs is not Node.inputs:  # its ports depend on the settings, so `run` takes them as **values
        parameters = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return [p for p in parameters if hints.get(p.name) not in (Context, Calls)]


@lru_cache(maxsize=1024)
def lent(node: type[Node], what: type) -> str | None:
    """The name of the parameter by which `run` takes its Context or its Calls, if it does."""
    hints = _hints(node, node.run)  # type: ignore[attr-defined]
    return next((name for name, hint in hints.items() if hint is what and name != "return"), None)


def _input(node: type[Node], parameter: inspect.Parameter, hints: dict[str, Any]) -> Port:
    if parameter.name not in hints:
        raise ContractError(f"{node.__name__}.run: say the type of {parameter.name!r}")
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        raise ContractError(f"{node.__name__}.run: name each port, `**{parameter.name}` names none")
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise ContractError(f"{node.__name__}.run: {parameter.name!r} is handed over by name; remove the `/`")
    hint = hints[parameter.name]
    many = parameter.kind is inspect.Parameter.VAR_POSITIONAL
    return Port(
        parameter.name,
        kind_of_annotation(hint),
        required=not many and parameter.default is inspect.Parameter.empty,
        many=many,
        help=_help(hint),
        nullable=allows_null(hint),
    )


def _help(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, FieldInfo) and note.description:
                return note.description
            if isinstance(note, str):
                return note
    return ""


def _outputs(node: type[Node], hint: Any, streams: bool) -> tuple[tuple[Port, ...], bool]:
    """The output ports, and whether `run` gives a dict of them."""
    if streams:
        if get_origin(hint) not in (AsyncIterator, AsyncGenerator):
            raise ContractError(f"{node.__name__}.run streams: annotate it `-> AsyncIterator[Delta | ...]`")
        parts = [p for p in get_args(get_args(hint)[0]) if p is not Delta]
        if len(parts) != 1:
            raise ContractError(f"{node.__name__}.run: one output type beside Delta")
        hint = parts[0]
    if hint is type(None) or node.ends:
        return (), node.ends
    if not is_typeddict(hint):
        dynamic = node.outputs is not Node.outputs
        return (Port("output", kind_of_annotation(hint), help=_help(hint), nullable=allows_null(hint)),), dynamic
    fields = _hints(node, hint)
    return tuple(_output(name, field, name in hint.__optional_keys__) for name, field in fields.items()), True


def _output(name: str, hint: Any, branch: bool) -> Port:
    # Postponed annotations hide these two from TypedDict itself, so that its sets of keys are not to be believed.
    while get_origin(hint) in (Required, NotRequired):
        branch = get_origin(hint) is NotRequired
        hint = get_args(hint)[0]
    return Port(name, kind_of_annotation(hint), branch=branch, help=_help(hint), nullable=allows_null(hint))
