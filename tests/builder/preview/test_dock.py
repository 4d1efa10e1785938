"""The preview in the right column: under the properties, as high as one likes, and on a phone in a tab of its own."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser import picture
from tests.builder.conftest import WorkedIn
from tests.builder.furnished import Late, late
from tests.journeys.drawing import Drawing

pytestmark = pytest.mark.browser


@pytest.fixture
def service() -> Iterator[Late]:
    with late() as started:
        yield started


@pytest.fixture
def drawing(page: Page, worked_in: WorkedIn) -> Drawing:
    """The editor with the flow that waits for a service."""
    page.goto(f"{worked_in.product.url}/flows/{worked_in.furnished.flows['Slow call']}")
    return Drawing(page).opened()


@pytest.fixture
def edge(drawing: Drawing) -> Locator:
    """The border between properties and preview, in its usual place."""
    drawing.open_preview()
    border = drawing.page.get_by_role("separator", name="Height of the preview")
    expect(border).to_have_attribute("aria-valuenow", "50")
    return border


def box(thing: Locator) -> FloatRect:
    found = thing.bounding_box()
    assert found is not None
    return found


def test_it_stands_under_the_properties_and_hides_nothing(drawing: Drawing) -> None:
    before = box(drawing.properties)["height"]
    drawing.open_preview()
    expect(drawing.preview.get_by_label("url")).to_be_focused()
    above, below, canvas = box(drawing.properties), box(drawing.preview), box(drawing.canvas)
    assert above["x"] == below["x"]
    assert above["y"] + above["height"] <= below["y"] + 1
    assert canvas["x"] + canvas["width"] <= below["x"] + 1
    drawing.page.get_by_role("button", name="Close the preview").click()
    expect(drawing.preview).to_be_hidden()
    assert box(drawing.properties)["height"] == before


def test_a_step_of_a_run_that_goes_on_shows_what_it_gets_and_gives(drawing: Drawing, service: Late) -> None:
    drawing.open_preview()
    drawing.preview.get_by_label("url").fill(service.url)
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.live("call")).to_have_class(re.compile(r"\brunning\b"))
    drawing.step("call").locator("header .title").click()
    expect(drawing.properties.get_by_role("tab", name="Last run")).to_have_attribute("aria-selected", "true")
    expect(drawing.properties).to_contain_text("Running")
    expect(drawing.properties.get_by_label("url")).to_have_text(service.url)
    picture(drawing.page, "preview-running")
    service.may_answer.set()
    expect(drawing.properties.get_by_label("body")).to_have_text("at last")
    drawing.properties.get_by_role("tab", name="Settings").click()
    drawing.select("start")  # the run is over: one has come to change something
    expect(drawing.properties.get_by_role("tab", name="Settings")).to_have_attribute("aria-selected", "true")


def test_the_keys_move_the_edge(drawing: Drawing, edge: Locator) -> None:
    edge.focus()
    edge.press("ArrowUp")
    expect(edge).to_have_attribute("aria-valuenow", "55")
    edge.press("Home")
    expect(edge).to_have_attribute("aria-valuenow", "100")
    expect(drawing.properties).to_be_hidden()
    edge.press("End")
    expect(edge).to_have_attribute("aria-valuenow", "0")
    expect(drawing.preview.get_by_label("url")).to_be_hidden()
    expect(drawing.preview.get_by_role("button", name="Close the preview")).to_be_visible()
    edge.press("Enter")
    expect(edge).to_have_attribute("aria-valuenow", "50")


def test_the_mouse_moves_the_edge_and_it_stays_there(drawing: Drawing, edge: Locator) -> None:
    mouse, where = drawing.page.mouse, box(edge)
    x, y = where["x"] + where["width"] / 2, where["y"] + where["height"] / 2
    height = box(drawing.preview)["height"]
    mouse.move(x, y)
    mouse.down()
    mouse.move(x, y - 100, steps=4)
    mouse.up()
    expect(edge).not_to_have_attribute("aria-valuenow", "50")
    assert abs(box(drawing.preview)["height"] - height - 100) < 5
    drawing.page.reload()
    drawing.opened()
    drawing.open_preview()
    assert abs(box(drawing.preview)["height"] - height - 100) < 5
    drawing.page.evaluate("localStorage.removeItem('canevas.preview')")


def test_a_click_on_the_edge_fills_the_column_until_a_step_is_chosen(drawing: Drawing, edge: Locator) -> None:
    edge.click()
    expect(drawing.properties).to_be_hidden()
    drawing.step("start").locator("header .title").click()
    expect(drawing.properties.get_by_label("Name in expressions")).to_have_value("start")
    expect(edge).to_have_attribute("aria-valuenow", "50")


def test_on_a_phone_it_is_a_tab(drawing: Drawing) -> None:
    page = drawing.page
    page.set_viewport_size({"width": 390, "height": 844})
    tabs = page.get_by_role("navigation", name="Panels")
    tabs.get_by_role("button", name="Preview").click()
    expect(drawing.preview.get_by_label("url")).to_be_visible()
    assert box(drawing.preview)["width"] == 390
    assert box(drawing.preview)["y"] + box(drawing.preview)["height"] <= box(tabs)["y"] + 1
    tabs.get_by_role("button", name="Flow").click()
    expect(drawing.preview).to_be_hidden()
    tabs.get_by_role("button", name="Preview").click()
    drawing.preview.get_by_role("button", name="Close the preview").click()
    expect(tabs.get_by_role("button", name="Flow")).to_have_attribute("aria-pressed", "true")
    picture(page, "preview-phone")
