"""A flow at a glance: its steps as boxes and its wires as curves, small enough for a card."""

from typing import TypedDict

import reflex as rx

from builder.editor.view import FlowView

WIDTH, HEIGHT = 240.0, 88.0  # of a box, in the canvas's own pixels
_MARGIN = 48.0


class Box(TypedDict):
    """One step. x, y: its upper left corner. group: of its node; decides the colour."""

    id: str
    x: float
    y: float
    group: str


class Line(TypedDict):
    """All wires between two steps. path: of an SVG."""

    source: str
    target: str
    path: str


class Sketch(TypedDict):
    """A drawing. view: the `viewBox` that holds all of it."""

    view: str
    boxes: list[Box]
    lines: list[Line]


def sketch(flow: FlowView) -> Sketch:
    """The drawing of a flow; pure. What stands inside a step is too small to be seen."""
    outer = [step for step in flow.steps.values() if not step.parent]
    boxes = [Box(id=step.id, x=step.at[0], y=step.at[1], group=step.group) for step in outer]
    places = {box["id"]: (box["x"], box["y"]) for box in boxes}
    left = min((box["x"] for box in boxes), default=0.0) - _MARGIN
    top = min((box["y"] for box in boxes), default=0.0) - _MARGIN
    width = max((box["x"] for box in boxes), default=0.0) + WIDTH + _MARGIN - left
    height = max((box["y"] for box in boxes), default=0.0) + HEIGHT + _MARGIN - top
    joined = dict.fromkeys((wire.source, wire.target) for wire in flow.wires.values())
    joined = {ends: None for ends in joined if places.keys() >= set(ends)}
    lines = [Line(source=one, target=two, path=_curve(places[one], places[two])) for one, two in joined]
    return Sketch(view=f"{left:g} {top:g} {width:g} {height:g}", boxes=boxes, lines=lines)


def _curve(source: tuple[float, float], target: tuple[float, float]) -> str:
    x, y = source[0] + WIDTH, source[1] + HEIGHT / 2
    end_x, end_y = target[0], target[1] + HEIGHT / 2
    bend = max(abs(end_x - x) / 2, 40)
    return f"M{x:g} {y:g}C{x + bend:g} {y:g} {end_x - bend:g} {end_y:g} {end_x:g} {end_y:g}"


def drawing(drawn: rx.Var[Sketch]) -> rx.Component:
    """The drawing in the colours of the nodes; screen readers pass over it."""
    return rx.el.svg(
        rx.foreach(drawn["lines"], lambda line: rx.el.path(d=line["path"], class_name="wire")),
        rx.foreach(drawn["boxes"], _box),
        view_box=drawn["view"],
        class_name="sketch",
        custom_attrs={"aria-hidden": "true", "preserveAspectRatio": "xMidYMid meet"},
    )


def _box(box: rx.Var[Box]) -> rx.Component:
    x, y = box["x"].to_string(), box["y"].to_string()
    size = {"width": f"{WIDTH:g}", "height": f"{HEIGHT:g}", "rx": "24"}
    return rx.el.g(rx.el.rect(x=x, y=y, **size, class_name="node"), class_name=box["group"])
