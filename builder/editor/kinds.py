"""What the browser knows of every kind of node: its palette entry, its ports before any setting, its form."""

import inspect
from typing import Any

import msgspec

from builder.editor.forms import Field, form_of
from builder.editor.ports import BodyView, PortView, bodies_of, ports_in, ports_out
from runtime.graph.catalog import Catalog
from runtime.graph.flow import Limits, Step, free_id
from runtime.graph.node import Group, Node
from runtime.graph.reading import read_step
from runtime.graph.values import Kind, accepted

GROUPS: dict[Group, str] = {
    "trigger": "Triggers",
    "llm": "AI",
    "logic": "Logic",
    "data": "Data",
    "integration": "Integrations",
    "human": "People",
    "voice": "Voice",
}


class KindView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One kind of node. stem: what the ids of its steps begin with. inputs, outputs, bodies: with default settings.

    pauses, writes, once: it waits, it changes something outside, it is not repeatable; see `Node`.
    """

    kind: str
    label: str
    help: str
    icon: str
    group: str
    stem: str
    version: int
    fields: tuple[Field, ...] = ()
    inputs: tuple[PortView, ...] = ()
    outputs: tuple[PortView, ...] = ()
    bodies: tuple[BodyView, ...] = ()
    trigger: str = ""
    ends: bool = False
    pauses: bool = False
    writes: bool = False
    once: bool = False


def kinds_view(catalog: Catalog) -> dict[str, Any]:
    """For the browser, as plain values.

    groups: `{group, label, kinds}` in palette order, empty ones left out. kinds: a KindView by kind. accepts: for
    each kind of value an input takes, the kinds it takes, so that no port has to be asked for while dragging. limits:
    what one run may use, as the fields of a form.
    """
    kinds = {node.kind: kind_view(node) for node in catalog}
    by_group: dict[str, list[str]] = {group: [] for group in GROUPS}
    for view in kinds.values():
        by_group[view.group].append(view.kind)
    groups = [{"group": g, "label": GROUPS[g], "kinds": by_group[g]} for g in GROUPS if by_group[g]]
    plain: dict[str, Any] = msgspec.to_builtins(
        {
            "groups": groups,
            "kinds": kinds,
            "accepts": {kind: accepted(kind) for kind in Kind},
            "limits": form_of(Limits),
        }
    )
    return plain


def kind_view(node: type[Node]) -> KindView:
    """One kind of node."""
    fresh = read_step("fresh", Step(kind=node.kind, version=node.version), node, set())
    return KindView(
        kind=node.kind,
        label=node.label,
        help=inspect.cleandoc(node.__doc__ or ""),
        icon=node.icon,
        group=node.group,
        stem=free_id(node.kind, ()),
        version=node.version,
        fields=form_of(node),
        inputs=ports_in(fresh, ()),
        outputs=ports_out(fresh, ()),
        bodies=bodies_of(fresh, {}, {}),
        trigger=node.trigger,
        ends=node.ends,
        pauses=node.pauses,
        writes=node.effect == "writes",
        once=node.once,
    )


def icons(catalog: Catalog) -> list[str]:
    """The Lucide names that the catalog's nodes use, each once."""
    return sorted({node.icon for node in catalog})
