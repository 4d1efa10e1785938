"""The list of flows and the steps of one: renamed, copied, removed, and everything taken back."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import at_home, new_flow
from tests.journeys.drawing import Drawing


def flow(page: Page, name: str) -> Locator:
    """A flow's row at home."""
    link = page.get_by_role("link", name=name, exact=True)
    return page.locator("ul.flows > li").filter(has=link)


def command(page: Page, name: str, what: str) -> None:
    """Choose a command of a flow's menu."""
    page.get_by_role("button", name=f"More for {name}", exact=True).click()
    page.get_by_role("menuitem", name=what).click()


def test_rename_duplicate_delete_and_undo(page: Page) -> None:
    new_flow(page).call("Parrot")
    at_home(page)
    command(page, "Parrot", "Rename")
    dialog = page.get_by_role("dialog", name="Rename the flow")
    dialog.get_by_label("Name").fill("  ")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Name").fill("Macaw")
    dialog.get_by_role("button", name="Rename").click()
    expect(flow(page, "Macaw")).to_have_count(1)
    expect(flow(page, "Parrot")).to_have_count(0)
    command(page, "Macaw", "Duplicate")
    expect(flow(page, "Macaw (copy)")).to_have_count(1)
    command(page, "Macaw", "Delete")
    expect(flow(page, "Macaw")).to_have_count(0)
    page.get_by_role("status").filter(has_text="“Macaw” was deleted.").get_by_role("button", name="Undo").click()
    expect(flow(page, "Macaw")).to_have_count(1)
    flow(page, "Macaw").get_by_role("link").click()
    Drawing(page).opened()
    expect(page.get_by_label("Name of the flow")).to_have_value("Macaw")


def test_a_long_way_back_and_forth(drawing: Drawing) -> None:
    """Undo and redo over everything that one does to a flow, with the buttons and with the keys."""
    page = drawing.page
    drawing.add("Text template", "template")
    drawing.connect("start.text", "template.after")
    drawing.select("template")
    name = drawing.properties.get_by_label("Name in expressions")
    name.fill("greeting")
    name.press("Enter")
    expect(drawing.step("greeting")).to_be_visible()
    expect(name).to_have_value("greeting")
    drawing.saved()
    drawing.step("greeting").focus()
    page.keyboard.press("Delete")
    expect(drawing.steps).to_have_count(1)
    expect(drawing.wires).to_have_count(0)
    drawing.saved()
    undo = page.get_by_role("button", name=re.compile("^Undo"))
    undo.click()
    expect(drawing.step("greeting")).to_be_visible()
    expect(drawing.wires).to_have_count(1)
    undo.click()
    expect(drawing.step("template")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(drawing.wires).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(drawing.steps).to_have_count(1)
    expect(undo).to_be_disabled()
    for _ in range(4):
        page.keyboard.press("Control+Shift+z")
    expect(page.get_by_role("button", name=re.compile("^Redo"))).to_be_disabled()
    expect(drawing.steps).to_have_count(1)
    drawing.saved()
    page.reload()
    drawing.opened()
    expect(drawing.steps).to_have_count(1)
    expect(drawing.step("start")).to_be_visible()
