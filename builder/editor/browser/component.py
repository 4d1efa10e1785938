"""The editor's React components, as Reflex places them; what they are given and what they tell."""

from pathlib import Path
from typing import Any

import reflex as rx
from reflex.utils.imports import ImportVar
from reflex.vars import VarData
from reflex_base.utils import format
from reflex_components_lucide.icon import (
    LUCIDE_ICON_FILENAME_OVERRIDE,
    LUCIDE_ICON_LIST,
    LUCIDE_ICON_MAPPING_OVERRIDE,
    LUCIDE_LIBRARY,
)

# React Flow, and the part of it that follows a pointer from a port; exact, since the second is its inner side.
_DEPENDENCIES = ["@xyflow/react@12.12.1", "@xyflow/system@0.0.84", LUCIDE_LIBRARY]

_parts = {
    path.name: rx.asset(path.name, shared=True).importable_path
    for path in sorted(Path(__file__).parent.iterdir())
    if path.suffix in (".js", ".jsx", ".json")
}


class Editor(rx.NoSSRComponent):
    """Palette, canvas, properties and footer.

    opened: a flow as it was opened, `{n, flow, tab, revision, view, undo, redo, resolved}`; `n` rises each time.
    answer: to the last request, `{n, flow, …}` with `before, revision, changes, undo, redo`, or `refused`, `failed`
    (both `[English template, values]`) or `stale`.
    overlay: what a run says of each step, by path (`write`, `each[2]/write`, `try.catch/tell`): `{state, ms, text,
    error, model, demo}`, and of a frame also `calls`, by body `{keys, ended, total}`, else they are found in the paths.
    catalog: of `kinds.kinds_view`. choices: `{models: [{name, label}], secrets: [name],
    flows: [{name, label, deployed}]}`, a flow by its id.
    """

    library = _parts["editor.jsx"]
    tag = "Editor"
    lib_dependencies: list[str] = _DEPENDENCIES

    opened: rx.Var[dict[str, Any]]
    answer: rx.Var[dict[str, Any]]
    overlay: rx.Var[dict[str, Any]]
    catalog: rx.Var[dict[str, Any]]
    choices: rx.Var[dict[str, Any]]
    icons: rx.Var[dict[str, Any]]

    # (the flow, edits, the last revision the browser has seen, an id of the batch)
    on_edits: rx.EventHandler[rx.event.passthrough_event_spec(str, list[dict[str, Any]], int, str)]
    # (the flow, "undo", "redo", "tidy", "look" for what changed elsewhere, or "open" anew)
    on_walk: rx.EventHandler[rx.event.passthrough_event_spec(str, str)]
    # (the flow, "theirs", "mine" or "copy", the edits that wait)
    on_resolve: rx.EventHandler[rx.event.passthrough_event_spec(str, str, list[dict[str, Any]])]
    # the ids of the selected steps
    on_select: rx.EventHandler[rx.event.passthrough_event_spec(list[str])]
    # `{n, chosen}`: rounds and items that are to be shown from now on, as `on_scope` tells them; `n` rises each time
    scope: rx.Var[dict[str, Any]]
    # the rounds and items that are shown where it is not the latest, such as {"each": "2", "each[2]/repeat": "1"}
    on_scope: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, str])]


class Viewer(rx.NoSSRComponent):
    """A flow that is only looked at, with what a run says of its steps.

    name: of what is shown; another name begins anew. view: of `view.plain`. overlay: as the editor takes it. selected:
    the id of the chosen step, or empty.
    """

    library = _parts["viewer.jsx"]
    tag = "Viewer"
    lib_dependencies: list[str] = _DEPENDENCIES

    name: rx.Var[str]
    view: rx.Var[dict[str, Any]]
    overlay: rx.Var[dict[str, Any]]
    selected: rx.Var[str]
    icons: rx.Var[dict[str, Any]]

    # the id of the step that a person chose, or empty
    on_select: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    # as of the editor
    scope: rx.Var[dict[str, Any]]
    on_scope: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, str])]


class FlowName(rx.NoSSRComponent):
    """The flow's name, changed where it stands."""

    library = _parts["editor.jsx"]
    tag = "FlowName"
    lib_dependencies: list[str] = _DEPENDENCIES


def icon_set(names: list[str]) -> rx.Var[dict[str, Any]]:
    """Lucide icons by name, as components in the bundle; unknown names are left out and drawn as a box."""
    known = [name for name in names if name.replace("-", "_") in LUCIDE_ICON_LIST]
    # Named as `rx.icon` names them: a file may not import one icon under two names.
    imports = [
        ImportVar(tag=_tag(name), alias=f"Lucide{_tag(name)}", is_default=True, package_path=_path(name))
        for name in known
    ]
    pairs = ", ".join(f'"{name}": Lucide{_tag(name)}' for name in known)
    return rx.Var(f"({{{pairs}}})", _var_data=VarData(imports={LUCIDE_LIBRARY: imports})).to(dict)


def _tag(name: str) -> str:
    snake = name.replace("-", "_")
    return LUCIDE_ICON_MAPPING_OVERRIDE.get(snake, format.to_title_case(snake))


def _path(name: str) -> str:
    snake = name.replace("-", "_")
    return f"/dist/esm/icons/{LUCIDE_ICON_FILENAME_OVERRIDE.get(snake, format.to_kebab_case(snake))}.mjs"
