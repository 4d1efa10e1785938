"""The reference of the nodes as Markdown, from the classes themselves: `python -m nodes.reference > docs/nodes.md`."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from nodes.catalog import builtin
from runtime.graph.catalog import Catalog, widget_of
from runtime.graph.node import Node, Port
from runtime.graph.values import as_text

GROUPS = {
    "trigger": "Starts",
    "llm": "Models and meaning",
    "logic": "Logic",
    "data": "Values and texts",
    "integration": "The world outside",
    "human": "People",
    "voice": "Voice",
}
EFFECTS = {
    "pure": "touches nothing outside",
    "reads": "only reads; may be repeated freely",
    "writes": "may change something outside",
}


def reference(catalog: Catalog) -> str:
    """One Markdown page: every node by group, with its settings and ports."""
    return "\n".join([*_head(), *(line for group in GROUPS for line in _group(group, catalog))]).rstrip() + "\n"


def _head() -> Iterator[str]:
    yield "# Nodes"
    yield ""
    yield "<!-- Written by `python -m nodes.reference`; a test holds it against the classes. -->"
    yield ""
    yield "Every setting takes a value, an expression such as `{{ step.output }}`, or a wire. Every step also has the"
    yield "input `after`, which orders it and hands over nothing, and, when its errors go on, the output `error`."
    yield ""
    yield "A node with steps inside says what these read of it, by `{{ each.item }}` or a wire from it, and what they"
    yield "fill, by a wire into it or by its setting of that name."
    yield ""


def _group(group: str, catalog: Catalog) -> Iterator[str]:
    nodes = [node for node in catalog if node.group == group]
    if nodes:
        yield f"## {GROUPS[group]}"
        yield ""
    for node in nodes:
        yield from _node(node)


def _node(node: type[Node]) -> Iterator[str]:
    yield f"### {node.label}"
    yield ""
    yield f"{inspect.getdoc(node)}"
    yield ""
    yield f"`kind: {node.kind}` · {EFFECTS[node.effect]}{''.join(f' · {flag}' for flag in _flags(node))}"
    yield ""
    yield from _table(("Setting", "Name", "Field", "Default", ""), map(list, _settings(node)))
    yield from _table(("Input", "Kind", ""), [_port(port, port.required) for port in node.ports_in])
    if node.outputs is not Node.outputs:
        yield "Its outputs come from its settings."
        yield ""
    elif not node.ends:
        yield from _table(("Output", "Kind", ""), [_port(port, not port.branch) for port in node.ports_out])
    yield from _table(("Inside", "Port", "Kind", ""), _bodies(node))


def _flags(node: type[Node]) -> Iterator[str]:
    if node.untrusted:
        yield "brings in text from outside"
    if node.private:
        yield "reads private data"
    if node.sends:
        yield "sends data out"


def _settings(node: type[Node]) -> Iterator[Sequence[str]]:
    schema = node.model_json_schema()
    for name, part in schema.get("properties", {}).items():
        default = "needed" if name in schema.get("required", ()) else _shown(part.get("default"))
        yield part["title"], f"`{name}`", widget_of(part).replace("_", " "), default, part["description"]


def _shown(default: Any) -> str:
    text = as_text(default).replace("\n", "\\n")
    return f"`{text}`" if text not in ("", "{}", "[]") else ""


def _port(port: Port, always: bool) -> list[str]:
    kind = f"{port.kind}{' or null' if port.nullable else ''}{', several wires' if port.many else ''}"
    return [f"`{port.name}`{'' if always else ' (optional)' if not port.branch else ' (branch)'}", kind, port.help]


def _bodies(node: type[Node]) -> Iterator[list[str]]:
    """What the steps inside a node read and fill."""
    for body in node.model_construct().bodies():
        for word, ports in (("reads", body.gives), ("fills", body.takes)):
            for port in ports:
                yield [f"`{body.name}` {word}", *_port(port, port.required or word == "reads")]


def _table(head: Sequence[str], rows: Any) -> Iterator[str]:
    listed = list(rows)
    if not listed:
        return
    for row in (head, ["---"] * len(head), *listed):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    print(reference(builtin()), end="")
