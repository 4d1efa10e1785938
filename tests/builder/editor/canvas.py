"""The canvas in a page: a flow to draw on, what one looks for there, and what one does with the pointer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, expect

from runtime.graph.flow import Flow


def drawn(name: str = "Drawn") -> Flow:
    """A start, an If, a template and an answer; one wire, from the start to the If."""
    return Flow.model_validate(
        {
            "name": name,
            "steps": {
                "start": {
                    "kind": "api_start",
                    "config": {"fields": [{"name": "text"}, {"name": "amount", "type": "number"}]},
                },
                "check": {"kind": "if", "config": {"condition": "{{ start.amount > 1 }}"}},
                "write": {"kind": "template", "title": "Write it", "config": {"template": "Dear {{ start.text }}"}},
                "tell": {"kind": "answer", "config": {"value": "{{ write.output }}"}},
            },
            "edges": ["start.text -> check.value"],
            "layout": {"start": (0, 0), "check": (344, 0), "write": (688, 0), "tell": (688, 216)},
        }
    )


def shown(page: Page, address: str) -> Page:
    page.goto(address)
    expect(step(page, "start")).to_be_visible()
    return page


def step(page: Page, name: str) -> Locator:
    return page.locator(f'.react-flow__node-step[data-id="{name}"]')


def port(page: Page, name: str, side: str) -> Locator:
    owner, end = name.split(".")
    return page.locator(f'.port.{side}[data-nodeid="{owner}"][data-handleid="{end}"]')


def wires(page: Page) -> Locator:
    """What is really a wire, and no reference."""
    return page.locator(".react-flow__edge:not(:has(.reference))")


def saved(page: Page) -> None:
    expect(page.locator(".save-state")).to_have_accessible_name("Saved")


def reloaded(page: Page) -> Page:
    saved(page)
    page.reload()
    expect(step(page, "start")).to_be_visible()
    return page


def middle(thing: Locator) -> tuple[float, float]:
    box = thing.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def at(page: Page, name: str) -> tuple[float, float]:
    """Where a step stands on the canvas."""
    found = step(page, name).evaluate(
        "e => { const m = new DOMMatrix(getComputedStyle(e).transform); return [m.e, m.f] }"
    )
    return found[0], found[1]


@contextmanager
def held(page: Page, thing: Locator) -> Iterator[None]:
    """The pointer pressed on something, until the end of the block."""
    page.mouse.move(*middle(thing))
    page.mouse.down()
    yield
    page.mouse.up()


def has(name: str) -> Any:
    return re.compile(rf"(^|\s){name}(\s|$)")


def add(page: Page, kind: str) -> None:
    search = page.get_by_role("combobox", name="Search steps").first
    search.fill(kind)
    expect(page.get_by_role("option", name=kind).first).to_have_attribute("aria-selected", "true")
    search.press("Enter")
