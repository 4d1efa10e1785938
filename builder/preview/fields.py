"""One input of a form that a start or a question asks for."""

from typing import Any

import reflex as rx

from builder.language import t, tr
from builder.preview.inputs import InputForm
from builder.widgets import icon


def form_field(field: rx.Var[InputForm], wrong: Any, prefix: Any = "input") -> rx.Component:
    """A control with its label, help and what is wrong. prefix: makes its id the only one on the page."""
    name = f"{prefix}-{field['name']}"
    own: dict[str, Any] = {
        "name": field["name"],
        "id": name,
        "class_name": "input",
        "aria_invalid": rx.cond(wrong, "true", "false"),
        "aria_describedby": rx.cond(wrong, f"{name}-wrong", f"{name}-help"),
    }
    required = rx.cond(field["required"], rx.fragment(), rx.el.span(t("optional"), class_name="optional"))
    return rx.el.div(
        rx.el.label(field["name"], " ", required, html_for=name),
        rx.match(
            field["widget"],
            ("number", rx.el.input(input_mode="decimal", **own)),
            ("switch", rx.el.input(type="checkbox", role="switch", name=field["name"], id=name)),
            ("json", rx.el.textarea(rows=3, placeholder=field["sample"], **{**own, "class_name": "input code"})),
            ("choice", _choice(field, own)),
            rx.el.textarea(rows=2, **own),
        ),
        rx.cond(field["help"] != "", rx.el.p(tr(field["help"]), class_name="help", id=f"{name}-help")),
        rx.cond(wrong, rx.el.p(icon("circle-alert"), tr(wrong), class_name="error", role="alert", id=f"{name}-wrong")),
        class_name="field",
    )


def _choice(field: rx.Var[InputForm], own: dict[str, Any]) -> rx.Component:
    options = rx.foreach(field["options"], lambda one: rx.el.option(one["label"], value=one["value"]))
    return rx.el.span(
        rx.el.select(rx.el.option("", value=""), options, **own), icon("chevron-down"), class_name="chosen"
    )
