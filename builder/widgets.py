"""The parts pages are made of: buttons, fields, dialogs, menus, badges, empty states.

Every text is `t(…)`, every colour a token, every control has a name and a 44 px target on touch.
"""

from typing import Any, Literal

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

from builder.language import t, tr

ButtonKind = Literal["primary", "plain", "quiet", "danger"]
Tone = Literal["neutral", "success", "warning", "error", "info"]
_TONES: dict[Tone, str] = {
    "neutral": "circle",
    "success": "circle-check",
    "warning": "triangle-alert",
    "error": "circle-x",
    "info": "info",
}


def icon(name: str | rx.Var[str]) -> rx.Component:
    """A Lucide icon beside a text; screen readers pass over it."""
    return rx.icon(name, size=16, custom_attrs={"aria-hidden": "true"})


def button(label: Any, *, kind: ButtonKind = "plain", icon_name: str = "", **props: Any) -> rx.Component:
    """A button. busy: a variable; while it holds, the button turns and takes no clicks."""
    busy = props.pop("busy", None)
    mark = icon(icon_name) if icon_name else rx.fragment()
    classes = f"button {kind}"
    if busy is not None:
        mark = rx.cond(busy, icon("loader-circle"), mark)
        props["disabled"] = busy | props["disabled"] if "disabled" in props else busy
        classes = rx.cond(busy, f"{classes} busy", classes)
    return rx.el.button(mark, label, type=props.pop("type", "button"), class_name=classes, **props)


def icon_button(name: str, label: Any, *, kind: ButtonKind = "quiet", **props: Any) -> rx.Component:
    """A button that shows only an icon; `label` is its name and its tooltip."""
    props = {"aria_label": label, "type": "button", **props}
    return rx.tooltip(rx.el.button(icon(name), class_name=f"button {kind} only-icon", **props), content=label)


def link_button(label: Any, href: Any, *, kind: ButtonKind = "plain", icon_name: str = "") -> rx.Component:
    """A link to another page that looks like a button."""
    mark = icon(icon_name) if icon_name else rx.fragment()
    return link(mark, label, href=href, class_name=f"button {kind}")


def link(*children: Any, href: Any, **props: Any) -> rx.Component:
    """A link inside the product, followed without loading the page anew."""
    return ReactRouterLink.create(*children, to=href, **props)


def field(name: Any, label: Any, control: rx.Component, *, help: Any = None, error: Any = None) -> rx.Component:
    """A control with its label, help and error. The control's `id` is `name`; see `described` for its help.

    error: a variable; an empty text is no error.
    """
    parts = [rx.el.label(label, html_for=name), control]
    if help is not None:
        parts.append(rx.el.p(help, class_name="help", id=f"{name}-help"))
    if error is not None:
        said = rx.el.p(icon("circle-alert"), rx.el.span(error), class_name="error", id=f"{name}-error")
        parts.append(rx.cond(error, said))
    return rx.el.div(*parts, class_name="field")


def text_input(name: Any, *, error: Any = None, code: bool = False, **props: Any) -> rx.Component:
    """One line of text; give `value` and `on_change`, or `default_value` inside a form."""
    return rx.el.input(**_described(name, error), class_name="input code" if code else "input", **props)


def text_area(name: Any, *, error: Any = None, code: bool = False, **props: Any) -> rx.Component:
    """Several lines of text."""
    return rx.el.textarea(**_described(name, error), class_name="input code" if code else "input", **props)


def select(name: Any, options: Any, *, error: Any = None, **props: Any) -> rx.Component:
    """A choice from a list. options: pairs of value and label, or a variable holding dicts with those keys."""
    if isinstance(options, rx.Var):
        inside: Any = rx.foreach(options, lambda one: rx.el.option(one["label"], value=one["value"]))
    else:
        inside = rx.fragment(*(rx.el.option(label, value=value) for value, label in options))
    return rx.el.span(
        rx.el.select(inside, **_described(name, error), class_name="input", **props),
        icon("chevron-down"),
        class_name="chosen",
    )


def switch(name: Any, label: Any, **props: Any) -> rx.Component:
    """On or off; give `checked` and `on_change`."""
    return rx.el.label(
        rx.el.input(type="checkbox", role="switch", id=name, name=name, **props),
        rx.el.span(label),
        class_name="switch",
    )


def segmented(name: str, label: Any, options: list[tuple[str, Any, str]], value: Any, on_change: Any) -> rx.Component:
    """A choice of few, all visible. options: value, label, icon name. on_change: a function of the value."""
    return rx.el.fieldset(
        rx.el.legend(label, class_name="label"),
        rx.el.div(
            *(
                rx.el.label(
                    rx.el.input(
                        type="radio",
                        name=name,
                        value=option,
                        checked=value == option,
                        on_change=on_change(option),
                    ),
                    rx.el.span(icon(mark) if mark else rx.fragment(), text),
                )
                for option, text, mark in options
            ),
            class_name="segmented",
        ),
        class_name="field",
    )


def badge(text: Any, tone: Tone = "neutral", icon_name: str = "") -> rx.Component:
    """A state, always with an icon beside its colour."""
    return rx.el.span(icon(icon_name or _TONES[tone]), text, class_name=f"badge {tone}")


def run_state(state: Any) -> rx.Component:
    """How a run or a step stands, as an icon and a word. state: a variable with the runtime's name for it."""
    return rx.match(
        state,
        ("done", _state("circle-check", t("Done"), "success")),
        ("failed", _state("circle-x", t("Failed"), "error")),
        ("running", _state("loader-circle", t("Running"), "info")),
        ("queued", _state("list-start", t("Queued"), "neutral")),
        ("waiting", _state("hourglass", t("Waiting"), "warning")),
        ("cancelled", _state("circle-stop", t("Stopped"), "neutral")),
        ("skipped", _state("circle-slash", t("Skipped"), "neutral")),
        _state("circle-dashed", t("Not reached"), "neutral"),
    )


def _state(icon_name: str, word: Any, tone: Tone) -> rx.Component:
    return rx.el.span(icon(icon_name), word, class_name=f"state-word {tone}")


def step_name(step: Any) -> rx.Var[str]:
    """What people call a step: its title, else what its kind is called, with its id where several would be called so.

    step: a variable that holds a dict with the keys title, kind, several and id.
    """
    kind = tr(step["kind"])
    return rx.cond(step["title"], step["title"], rx.cond(step["several"], f"{kind} ({step['id']})", kind))


def problem_badge(errors: Any, warnings: Any) -> rx.Component:
    """How many problems a thing has; nothing when there are none."""
    return rx.fragment(
        rx.cond(errors > 0, badge(t("{count} to mend", count=errors), "error")),
        rx.cond(warnings > 0, badge(t("{count} to look at", count=warnings), "warning")),
    )


def card(*children: Any, **props: Any) -> rx.Component:
    """A surface that lies on the page."""
    return rx.el.div(*children, class_name=f"card {props.pop('class_name', '')}".strip(), **props)


def empty_state(icon_name: str, title: Any, text: Any, *actions: rx.Component) -> rx.Component:
    """What a list says when it holds nothing: why, and what to do."""
    return rx.el.div(
        rx.el.div(icon(icon_name), class_name="picture"),
        rx.el.h2(title),
        rx.el.p(text),
        rx.el.div(*actions, class_name="actions") if actions else rx.fragment(),
        class_name="empty",
    )


def dialog(
    title: Any,
    *body: Any,
    said: Any = None,
    actions: list[rx.Component] | None = None,
    trigger: rx.Component | None = None,
    wide: bool = False,
    **props: Any,
) -> rx.Component:
    """A modal dialog. Open it with `trigger`, or with `open` and `on_open_change` in `props`.

    said: a sentence under the title. actions: buttons at the end; wrap one in `closing` to close by it.
    """
    content = rx.dialog.content(
        rx.dialog.title(title),
        rx.dialog.description(said, class_name="said") if said is not None else rx.fragment(),
        rx.el.div(*body, class_name="body") if body else rx.fragment(),
        rx.el.div(*(actions or []), class_name="actions") if actions else rx.fragment(),
        class_name="dialog wide" if wide else "dialog",
        **({} if said is not None else {"aria_describedby": rx.Var("undefined")}),
    )
    return rx.dialog.root(rx.dialog.trigger(trigger) if trigger else rx.fragment(), content, **props)


def closing(control: rx.Component) -> rx.Component:
    """A control that closes the dialog it stands in."""
    return rx.dialog.close(control)


def menu(trigger: rx.Component, *items: rx.Component) -> rx.Component:
    """A menu of commands, opened by `trigger`."""
    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(trigger),
        rx.dropdown_menu.content(*items, class_name="menu", align="end", side_offset=6),
        modal=False,
    )


def menu_item(label: Any, icon_name: str, on_select: Any, *, danger: bool = False, **props: Any) -> rx.Component:
    """One command of a menu."""
    return rx.dropdown_menu.item(
        icon(icon_name), label, on_select=on_select, class_name="danger" if danger else "", **props
    )


def _described(name: Any, error: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {"id": name, "name": name}
    if error is not None:
        attributes["aria_invalid"] = rx.cond(error, "true", "false")
        attributes["aria_describedby"] = rx.cond(error, f"{name}-error", f"{name}-help")
    else:
        attributes["aria_describedby"] = f"{name}-help"
    return attributes
