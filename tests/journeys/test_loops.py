"""A loop from an empty flow, by mouse and without one: drawn, run, and looked into item by item."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import at_home, new_flow
from tests.journeys.drawing import Drawing
from tests.journeys.test_keyboard import tab_to

DONE = re.compile(r"\bdone\b")


def test_a_letter_for_each_name_with_the_mouse(drawing: Drawing) -> None:
    draw(drawing)
    answer = run(drawing, '["Ada", "Grace"]')
    assert re.sub(r"\s+", "", answer.inner_text()) == '["DearAda,welcome!","DearGrace,welcome!"]'
    look_at_each_item(drawing)
    look_at_the_run(drawing)


def draw(drawing: Drawing) -> None:
    """A start with a list; a frame into which two steps are dragged; wires into, inside and out of it."""
    name_the_input(drawing, "names")
    drawing.add("For each", "for_each")
    drawing.add("Answer", "answer")  # beside the frame, which grows below
    drawing.fit()
    drawing.drag_in("Text template", "template", (180, 70), drawing.room("for_each"))
    drawing.drag_in("Text template", "template_2", (220, 20), drawing.room("for_each"))  # over the first one
    drawing.fit()
    apart(drawing.step("template"), drawing.step("template_2"))
    apart(drawing.step("for_each"), drawing.step("answer"))
    drawing.connect_to_card("start.names", "for_each")
    drawing.connect_to_card("for_each.body/item", "template")
    drawing.connect_to_card("template.output", "template_2")
    drawing.connect("template_2.output", "for_each.body/result")
    drawing.connect_to_card("for_each.output", "answer")
    drawing.select("template")
    expect(drawing.field("template").get_by_role("textbox")).to_have_value("{{ for_each.item }}")
    drawing.fill("template", "Dear {{ for_each.item }},")
    drawing.select("template_2")
    drawing.fill("template", "{{ template.output }} welcome!")
    expect(drawing.page.locator(".validation > button")).to_have_accessible_name("No problems")


def name_the_input(drawing: Drawing, name: str) -> None:
    """The start takes a list of that name."""
    drawing.select("start")
    inputs = drawing.field("fields")
    inputs.get_by_role("textbox").first.fill(name)
    inputs.get_by_role("textbox").first.blur()
    inputs.get_by_role("combobox").first.select_option("list")
    expect(drawing.port(f"start.{name}", "source")).to_be_visible()
    drawing.saved()


def apart(one: Locator, other: Locator) -> None:
    """The second stands to the right of the first, although it was let go upon it, or the first has grown."""
    between = "(one, other) => other.getBoundingClientRect().left - one.getBoundingClientRect().right"
    assert one.evaluate(between, other.element_handle()) > 0


def run(drawing: Drawing, names: str) -> Locator:
    """Run the flow with some names; its answer."""
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="names").fill(names)
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.live("answer")).to_have_class(DONE)
    return drawing.preview.get_by_label("Answer")


def look_at_each_item(drawing: Drawing) -> None:
    """The frame says how far it is, and shows one item at a time, in its room and in the properties alike."""
    frame = drawing.step("for_each")
    expect(frame.locator(".progress")).to_have_text("2 of 2")
    drawing.select("template")
    drawing.properties.get_by_role("tab", name="Last run").click()
    gave = drawing.properties.get_by_label("output")
    expect(gave).to_have_text("Dear Grace,")
    drawing.room("for_each").get_by_role("button", name="The one before").click()
    expect(gave).to_have_text("Dear Ada,")
    expect(drawing.room("for_each").locator(".calls")).to_have_text("1 of 2")
    drawing.properties.get_by_role("button", name="Next pass").click()
    expect(gave).to_have_text("Dear Grace,")
    expect(drawing.room("for_each").locator(".calls")).to_have_text("2 of 2")


def look_at_the_run(drawing: Drawing) -> None:
    """The page of the run draws the same frame; a pass chosen there, by mouse or key, is what the values tell of."""
    page = drawing.page
    drawing.preview.get_by_role("link", name="See the run").click()
    viewer = page.locator(".viewer")
    card = viewer.locator('[data-id="template_2"]')
    expect(viewer.locator('[data-id="for_each"] .progress')).to_have_text("2 of 2")
    card.click()
    expect(page.get_by_label("output")).to_have_text("Dear Grace, welcome!")
    viewer.get_by_role("button", name="The one before").click()
    expect(page.get_by_label("output")).to_have_text("Dear Ada, welcome!")
    expect(page.get_by_label("Pass of for_each")).to_have_value("0")
    card.focus()
    page.keyboard.press(".")
    expect(page.get_by_label("output")).to_have_text("Dear Grace, welcome!")
    inner = page.locator(".run-steps").get_by_role("button", name=re.compile("template_2"))
    outer = page.locator(".run-steps").get_by_role("button", name=re.compile("for_each"))
    assert _left(inner) > _left(outer)  # what stands inside is set in


def _left(row: Locator) -> float:
    box = row.locator(".title").bounding_box()
    assert box
    return box["x"]


def test_a_loop_without_a_mouse(page: Page) -> None:
    at_home(page)
    drawing = new_flow(page)
    keys = page.keyboard
    name_the_input(drawing, "names")
    drawing.step("start").focus()
    add(drawing, "for each", "for_each")
    add(drawing, "text template", "template")  # into the frame that has the focus
    expect(drawing.step("template")).to_have_accessible_name(re.compile("inside For each"))
    keys.press("Enter")
    keys.type("Dear {{")
    expect(page.get_by_role("listbox", name="Values of other steps")).to_be_focused()
    keys.press("Enter")
    expect(drawing.field("template").get_by_role("textbox")).to_have_value("Dear {{ for_each.item }}")
    drawing.saved()
    connect(drawing, "start", "For each")
    drawing.step("for_each").focus()
    add(drawing, "answer", "answer")  # it concerns the whole run, and stands beside the frame
    expect(drawing.step("answer")).not_to_have_accessible_name(re.compile("inside"))
    connect(drawing, "for_each", "Answer")
    expect(page.locator(".validation > button")).to_have_accessible_name("No problems")
    drawing.saved()
    fold_and_remember(drawing)
    tab_to(page, "Run")
    keys.press("Enter")
    drawing.preview.get_by_role("textbox", name="names").focus()
    keys.type('["Ada", "Bob"]')
    keys.press("Tab")
    keys.press("Enter")
    expect(drawing.live("answer")).to_have_class(DONE)
    drawing.step("for_each").focus()
    keys.press(",")
    expect(drawing.room("for_each").locator(".calls")).to_have_text("1 of 2")


def add(drawing: Drawing, kind: str, name: str) -> None:
    drawing.page.keyboard.press("a")
    offer = drawing.page.get_by_role("dialog", name="Add a step")
    expect(offer.get_by_role("combobox")).to_be_focused()
    drawing.page.keyboard.type(kind)
    expect(offer.get_by_role("option").first).to_contain_text(re.compile(kind, re.IGNORECASE))
    drawing.page.keyboard.press("Enter")
    expect(drawing.step(name)).to_be_focused()
    drawing.saved()


def connect(drawing: Drawing, source: str, target: str) -> None:
    """`c` offers where the first output can go; what needs a value and has none comes first."""
    drawing.step(source).focus()
    drawing.page.keyboard.press("c")
    offer = drawing.page.get_by_role("dialog", name=re.compile("^Connect"))
    expect(offer.get_by_role("option", selected=True)).to_contain_text(target)
    drawing.page.keyboard.press("Enter")
    expect(offer).to_be_hidden()
    drawing.saved()


def fold_and_remember(drawing: Drawing) -> None:
    """A closed frame is still closed after the page was loaded anew."""
    drawing.step("for_each").focus()
    drawing.page.keyboard.press("o")
    expect(drawing.step("template")).to_have_count(0)
    drawing.page.reload()
    drawing.opened()
    expect(drawing.step("template")).to_have_count(0)
    drawing.step("for_each").focus()
    drawing.page.keyboard.press("o")
    expect(drawing.step("template")).to_be_visible()
