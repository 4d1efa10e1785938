"""Two tabs with the same flow: nobody overwrites silently, and whoever comes second chooses."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.conftest import at_home, imported, new_flow
from tests.journeys.drawing import Drawing

FLOW = """
canevas: 1
name: Shared
steps:
  start:
    kind: api_start
    version: 1
  first:
    kind: template
    version: 1
    config:
      template: First
  second:
    kind: template
    version: 1
    config:
      template: Second
edges:
- start.text -> first
- first.output -> second
layout:
  start: [0, 0]
  first: [320, 0]
  second: [640, 0]
"""
Pair = tuple[Drawing, Drawing]


@pytest.fixture
def pair(visitor: Callable[..., BrowserContext]) -> Pair:
    """One flow in two browsers; the first has changed a step, and the second, which has not heard of it, another."""
    one = imported(visitor().new_page(), FLOW)
    page = visitor().new_page()
    page.goto(one.page.url)
    other = Drawing(page).opened()
    write(one, "first", "Written here")
    one.saved()
    write(other, "second", "Written there")
    expect(page.get_by_role("dialog", name="The flow was changed in another window")).to_be_visible()
    return one, other


def write(drawing: Drawing, step: str, text: str) -> None:
    """Put a text into a step's template."""
    drawing.select(step)
    field = drawing.field("template").get_by_role("textbox")
    field.fill(text)
    field.blur()


def choose(drawing: Drawing, way: str) -> None:
    """Press one of the three ways out of the conflict."""
    dialog = drawing.page.get_by_role("dialog", name="The flow was changed in another window")
    expect(dialog).to_contain_text("One change of yours is not saved yet.")
    dialog.get_by_role("button", name=way).click()
    expect(dialog).to_be_hidden()
    drawing.saved()


def texts(drawing: Drawing) -> tuple[str, str]:
    """What the two steps say in the flow as the server has it."""
    drawing.page.reload()
    drawing.opened()
    first, second = (drawing.step(name).locator(".line") for name in ("first", "second"))
    return first.inner_text(), second.inner_text()


def test_mine_on_top_keeps_both(pair: Pair) -> None:
    one, other = pair
    choose(other, "Put my changes on top")
    expect(other.step("first")).to_contain_text("Written here")
    expect(other.step("second")).to_contain_text("Written there")
    assert texts(other) == ("Written here", "Written there")
    assert texts(one) == ("Written here", "Written there")


def test_theirs_drops_mine_only(pair: Pair) -> None:
    one, other = pair
    choose(other, "Load the newer version")
    assert texts(other) == ("Written here", "Second")
    assert texts(one) == ("Written here", "Second")


def test_a_copy_leaves_two_flows(pair: Pair) -> None:
    one, other = pair
    choose(other, "Keep mine as a copy")
    expect(other.page).not_to_have_url(one.page.url)
    expect(other.page.get_by_label("Name of the flow")).to_have_value("Shared 2")
    assert texts(other) == ("First", "Written there")
    assert texts(one) == ("Written here", "Second")


def test_a_tab_that_only_looks_sees_the_newer_flow(page: Page, visitor: Callable[..., BrowserContext]) -> None:
    one = new_flow(page)
    second = visitor().new_page()
    second.goto(page.url)
    looking = Drawing(second).opened()
    one.add("Text template", "template")
    at_home(page)
    second.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(looking.step("template")).to_be_visible()
    expect(second.get_by_role("dialog")).to_have_count(0)
