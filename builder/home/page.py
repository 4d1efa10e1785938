"""Home: the person's flows, and examples to start from."""

import reflex as rx

from builder.clock import moment
from builder.home.dialogs import drop, import_dialog, rename_dialog
from builder.home.examples import Example
from builder.home.lines import FlowLine
from builder.home.state import Home
from builder.language import t, tr
from builder.shell import page
from builder.sketch import drawing
from builder.widgets import badge, button, empty_state, icon, link, menu, menu_item, run_state


def home() -> rx.Component:
    """The page at `/`."""
    return page(
        "/",
        t("Flows"),
        rx.match(
            Home.phase,
            ("loading", loading()),
            ("failed", failed()),
            rx.fragment(rx.cond(Home.flows.length() > 0, flows(), no_flows()), gallery()),
        ),
        rename_dialog(),
        import_dialog(),
        said=t("What you have drawn, and how it is doing."),
        actions=[drop(), new_button()],
    )


def new_button() -> rx.Component:
    """Makes a flow and opens it."""
    return button(t("New flow"), kind="primary", icon_name="plus", on_click=Home.create(t("Untitled")))


def loading() -> rx.Component:
    """The shape of the list before it is there."""
    rows = (rx.el.div(class_name="row-to-come") for _ in range(3))
    return rx.el.div(*rows, class_name="card flows", role="status", aria_label=t("Loading …"))


def failed() -> rx.Component:
    """Why the list is not there."""
    return rx.el.div(
        empty_state(
            "unplug",
            t("Your flows cannot be shown now"),
            rx.fragment(tr(Home.failed), " ", tr(Home.mend)),
            button(t("Try again"), kind="primary", icon_name="rotate-cw", on_click=Home.load),
        ),
        role="alert",
    )


def flows() -> rx.Component:
    """The list, with a search once it is long."""
    return rx.el.section(
        rx.cond(Home.is_many, _search()),
        rx.cond(
            Home.shown.length() > 0,
            rx.el.ul(rx.foreach(Home.shown, _flow), class_name="card flows"),
            rx.el.p(t("No flow has these words."), class_name="nothing-found"),
        ),
        aria_label=t("Your flows"),
    )


def _search() -> rx.Component:
    return rx.el.div(
        icon("search"),
        rx.el.input(
            type="search",
            class_name="input",
            placeholder=t("Search flows"),
            aria_label=t("Search flows"),
            on_change=Home.search.debounce(150),
        ),
        rx.el.span(
            rx.cond(Home.words, t("{count} found", count=Home.shown.length()), ""), role="status", class_name="unseen"
        ),
        class_name="search",
    )


def _flow(flow: rx.Var[FlowLine]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            link(flow["name"], href=f"/flows/{flow['id']}", class_name="name"),
            rx.el.p(
                rx.cond(flow["steps"] == 1, t("1 step"), t("{count} steps", count=flow["steps"])),
                " · ",
                t("changed"),
                " ",
                moment(flow["updated"]),
            ),
            class_name="about",
        ),
        rx.el.div(
            rx.cond(
                flow["slug"],
                badge(t("Deployed at {slug}, v{version}", slug=flow["slug"], version=flow["version"]), "success"),
                badge(t("Draft"), "neutral", "pencil"),
            ),
            class_name="standing",
        ),
        rx.el.div(
            rx.cond(
                flow["ran"],
                rx.fragment(run_state(flow["ran"]), rx.el.span(moment(flow["ran_at"]))),
                rx.el.span(t("Never ran"), class_name="never"),
            ),
            class_name="last-run",
        ),
        _commands(flow),
    )


def _commands(flow: rx.Var[FlowLine]) -> rx.Component:
    more = rx.el.button(
        icon("ellipsis"),
        class_name="button quiet only-icon",
        type="button",
        aria_label=t("More for {name}", name=flow["name"]),
    )
    copy = t("{name} (copy)", name=flow["name"])
    return rx.el.div(
        menu(
            more,
            menu_item(t("Rename"), "pencil", Home.ask_name(flow["id"], flow["name"])),
            menu_item(t("Duplicate"), "copy", Home.duplicate(flow["id"], copy)),
            menu_item(t("Export"), "download", Home.export(flow["id"])),
            rx.dropdown_menu.separator(),
            menu_item(t("Delete"), "trash-2", Home.delete(flow["id"]), danger=True),
        ),
        class_name="commands",
    )


def no_flows() -> rx.Component:
    """An empty canvas that shows what a flow looks like, and how to begin."""
    return rx.el.section(
        _first_sketch(),
        rx.el.h2(t("No flows yet")),
        rx.el.p(t("A flow is an agent you draw: it starts somewhere, takes steps, and gives an answer.")),
        rx.el.p(t("Begin with an empty one, open an example below, or drop a flow’s file here.")),
        class_name="no-flows",
    )


def gallery() -> rx.Component:
    """The examples; one click opens a copy."""
    return rx.cond(
        Home.examples.length() > 0,
        rx.el.section(
            rx.el.h2(t("Start from an example"), id="gallery"),
            rx.el.ul(rx.foreach(Home.examples, _example), class_name="examples"),
            class_name="gallery",
            custom_attrs={"aria-labelledby": "gallery"},
        ),
    )


def _example(example: rx.Var[Example]) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.div(drawing(example["sketch"]), class_name="picture"),
            rx.el.h3(tr(example["title"])),
            rx.el.p(tr(example["said"])),
            rx.el.span(t("{count} steps", count=example["steps"]), class_name="steps"),
            type="button",
            class_name="card example",
            on_click=Home.open_example(example["slug"]),
        )
    )


def _first_sketch() -> rx.Component:
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
        class_name="first-sketch",
        custom_attrs={"aria-hidden": "true"},
    )
