"""A flow without a mouse: added, connected, configured and run with the keys alone."""

import re

from playwright.sync_api import Page, expect

from tests.journeys.conftest import at_home
from tests.journeys.drawing import Drawing


def test_two_steps_without_a_mouse(page: Page) -> None:
    at_home(page)
    keys = page.keyboard
    tab_to(page, "New flow")
    keys.press("Enter")
    drawing = Drawing(page).opened()
    add_answer(drawing)
    connect(drawing)
    configure(drawing)
    run(drawing)


def tab_to(page: Page, name: str) -> None:
    """Go on with Tab until a control is reached, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"Tab never comes to {name}")


def add_answer(drawing: Drawing) -> None:
    """From the step that the flow begins with: `a`, a search, Enter."""
    for _ in range(60):
        drawing.page.keyboard.press("Tab")
        if drawing.page.evaluate("document.activeElement.dataset.id") == "start":
            break
    expect(drawing.step("start")).to_be_focused()
    drawing.page.keyboard.press("a")
    offer = drawing.page.get_by_role("dialog", name="Add a step")
    expect(offer.get_by_role("combobox")).to_be_focused()
    drawing.page.keyboard.type("answer")
    expect(offer.get_by_role("option").first).to_contain_text("Answer")
    drawing.page.keyboard.press("Enter")
    expect(drawing.step("answer")).to_be_focused()


def connect(drawing: Drawing) -> None:
    """Back to the start with Shift Tab; `c` offers where its output can go, the best first."""
    keys = drawing.page.keyboard
    keys.press("Shift+Tab")
    expect(drawing.step("start")).to_be_focused()
    keys.press("c")
    dialog = drawing.page.get_by_role("dialog", name="Connect API start")
    expect(dialog.get_by_role("option")).to_have_count(2)
    expect(dialog.get_by_role("option").first).to_contain_text("fills Answer")
    keys.press("Enter")
    expect(drawing.wires).to_have_count(1)
    expect(drawing.step("start")).to_be_focused()
    drawing.saved()


def configure(drawing: Drawing) -> None:
    """Enter goes to the settings; braces open the list of values."""
    keys = drawing.page.keyboard
    keys.press("Tab")
    expect(drawing.step("answer")).to_be_focused()
    keys.press("Enter")
    value = drawing.field("value").get_by_role("textbox")
    expect(value).to_be_focused()
    expect(value).to_have_value("{{ start.text }}")
    keys.press("Control+a")
    keys.type("Echo: {{")
    expect(drawing.page.get_by_role("listbox", name="Values of other steps")).to_be_focused()
    keys.press("Enter")
    expect(value).to_have_value("Echo: {{ start.text }}")
    expect(value).to_be_focused()
    expect(drawing.page.locator(".validation > button")).to_have_accessible_name("No problems")
    drawing.saved()


def run(drawing: Drawing) -> None:
    """Run is in reach of Tab, and so is the form that it opens."""
    keys = drawing.page.keyboard
    tab_to(drawing.page, "Run")
    keys.press("Enter")
    text = drawing.preview.get_by_role("textbox", name="text")
    expect(text).to_be_visible()
    for _ in range(60):
        if text.evaluate("element => element === document.activeElement"):
            break
        keys.press("Tab")
    expect(text).to_be_focused()
    keys.type("hello")
    keys.press("Tab")
    keys.press("Enter")
    expect(drawing.live("answer")).to_have_class(re.compile(r"\bdone\b"))
    expect(drawing.preview.get_by_label("Answer")).to_have_text("Echo: hello")
