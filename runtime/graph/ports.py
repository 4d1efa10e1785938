"""Ports derived from a node class: the parameters and the return annotation of its `run`."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from pydantic.fields import FieldInfo

from runtime.graph.messages import Delta
from runtime.graph.node import AFTER, ERROR, Context, Node, Port
from runtime.graph.values import Kind, allows_null, kind_of_annotation


class ContractError(TypeError):
    """A node class breaks the contract; raised when a catalog takes it in, with the line to write instead."""


def derive(node: type[Node]) -> None:
    """Set `ports_in` and `ports_out` of a node class. Raises ContractError."""
    run = node.__dict__.get("run") or getattr(node, "run", None)
    if run is None or not (inspect.iscoroutinefunction(run) or inspect.isasyncgenfunction(run)):
        raise ContractError(f"{node.__name__} needs `async def run(self, ...)`")
    if not (node.__doc__ or "").strip():
        raise ContractError(f"{node.__name__} needs a docstring: it is the help that people read")
    # A TypedDict nested in the class is found in the class's own names, also under postponed annotations.
    hints = get_type_hints(run, localns=dict(vars(node)), include_extras=True)
    node.ports_in = tuple(_input(node, p, hints) for p in _ports(node, run, hints))
    node.ports_out, node.returns_ports = _outputs(
        node, hints.get("return", type(None)), inspect.isasyncgenfunction(run)
    )
    names = [*node.model_fields, *(p.name for p in node.ports_in)]
    for name in names:
        if name in (AFTER, ERROR) or names.count(name) > 1:
            raise ContractError(f"{node.__name__}: the name {name!r} is taken; rename the field or the parameter")


def _ports(node: type[Node], run: Any, hints: dict[str, Any]) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(run).parameters.values())[1:]
    if node.inputs is not Node.inputs:  # its ports depend on the settings, so `run` takes them as **values
        parameters = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return [p for p in parameters if hints.get(p.name) is not Context]


def context_parameter(node: type[Node]) -> str | None:
    """The name of the parameter by which `run` takes its Context, if it does."""
    run = node.run  # type: ignore[attr-defined]
    hints = get_type_hints(run, localns=dict(vars(node)))
    return next((name for name, hint in hints.items() if hint is Context and name != "return"), None)


def _input(node: type[Node], parameter: inspect.Parameter, hints: dict[str, Any]) -> Port:
    if parameter.name not in hints:
        raise ContractError(f"{node.__name__}.run: say the type of {parameter.name!r}")
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        raise ContractError(f"{node.__name__}.run: name each port, `**{parameter.name}` names none")
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
    fields = get_type_hints(hint, include_extras=True)
    return tuple(_output(name, field, name in hint.__optional_keys__) for name, field in fields.items()), True


def _output(name: str, hint: Any, branch: bool) -> Port:
    while get_origin(hint) in (Required, NotRequired):
        hint = get_args(hint)[0]
    kind = kind_of_annotation(hint) if hint is not Any else Kind.ANY
    return Port(name, kind, branch=branch, help=_help(hint), nullable=allows_null(hint))
