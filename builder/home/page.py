"""Home: the person's flows."""

import reflex as rx

from builder.language import t
from builder.shell import page


def home() -> rx.Component:
    """The page at `/`."""
    return page("/", t("Flows"), no_flows(), said=t("What you have drawn, and how it is doing."))


def no_flows() -> rx.Component:
    """An empty canvas that shows what a flow looks like."""
    return rx.el.section(
        _sketch(),
        rx.el.h2(t("No flows yet")),
        rx.el.p(t("A flow is an agent you draw: it starts somewhere, takes steps, and gives an answer.")),
        class_name="no-flows",
    )


def _sketch() -> rx.Component:
    """Three nodes and the wires between them, in the colours of their kinds."""
    wires = ("M92 70 C122 70 118 34 148 34", "M92 70 C122 70 118 106 148 106")
    nodes = ((12, 52, "trigger"), (148, 16, "llm"), (148, 88, "integration"))
    return rx.el.svg(
        *(rx.el.path(d=wire, class_name="wire") for wire in wires),
        *(
            rx.fragment(
                rx.el.rect(x=str(x), y=str(y), width="80", height="36", rx="9", class_name="node"),
                rx.el.circle(cx=str(x + 18), cy=str(y + 18), r="7", class_name=kind),
                rx.el.path(d=f"M{x + 34} {y + 14}h32M{x + 34} {y + 22}h20", class_name="words"),
            )
            for x, y, kind in nodes
        ),
        view_box="0 0 240 140",
        class_name="sketch",
        custom_attrs={"aria-hidden": "true"},
    )
