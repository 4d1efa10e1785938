"""Wires in a real Chromium: drawn with the pointer, by clicks and by keys, and refused with a reason."""

import pytest
from playwright.sync_api import Page, expect

from tests.builder.editor.canvas import add, has, held, middle, port, reloaded, saved, step, wires

pytestmark = pytest.mark.browser


def test_while_a_wire_is_drawn_what_takes_it_is_lit_and_the_rest_says_why_not(page: Page) -> None:
    with held(page, port(page, "check.true", "source")):
        page.mouse.move(*middle(port(page, "write.after", "target")), steps=6)
        expect(port(page, "write.after", "target")).to_have_class(has("lit"))
        expect(port(page, "check.value", "target")).to_have_class(has("dim"))
        expect(step(page, "start").locator(".step-card")).to_have_class(has("dim"))
        page.mouse.move(*middle(port(page, "check.after", "target")), steps=6)
        expect(page.get_by_role("tooltip")).to_contain_text("A step cannot wait for itself.")
        page.mouse.move(*middle(port(page, "write.after", "target")), steps=6)
    expect(wires(page)).to_have_count(2)
    expect(page.locator(".port.dim")).to_have_count(0)
    expect(wires(reloaded(page))).to_have_count(2)


def test_a_wire_to_its_own_step_or_drawn_twice_is_not_drawn(page: Page) -> None:
    with held(page, port(page, "check.true", "source")):
        page.mouse.move(*middle(port(page, "check.after", "target")), steps=6)
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(*middle(port(page, "tell.after", "target")), steps=6)
    expect(wires(page)).to_have_count(2)
    with held(page, port(page, "tell.after", "target")):
        page.mouse.move(*middle(port(page, "write.output", "source")), steps=6)
        expect(page.get_by_role("tooltip")).to_contain_text("This wire is there already.")
    expect(wires(page)).to_have_count(2)


def test_a_wire_over_a_step_fills_what_it_waits_for(page: Page) -> None:
    step(page, "write").locator(".title").click()
    page.locator('[data-field="template"] textarea').fill("")
    saved(page)
    with held(page, port(page, "start.text", "source")):
        page.mouse.move(*middle(step(page, "write").locator("header .kind")), steps=6)
        expect(page.get_by_role("tooltip")).to_have_text("fills Template")
    expect(page.locator('[data-field="template"] textarea')).to_have_value("{{ start.text }}")
    expect(wires(page)).to_have_count(2)  # it decides whether the step runs; the expression only reads
    expect(step(page, "write").locator(".line")).to_have_text("{{ start.text }}")
    saved(page)
    page.keyboard.press("Control+z")
    expect(wires(page)).to_have_count(1)
    expect(page.locator('[data-field="template"] textarea')).to_have_value("")


def test_a_wire_over_a_step_that_lacks_nothing_comes_before_it(page: Page) -> None:
    with held(page, port(page, "check.true", "source")):
        page.mouse.move(*middle(step(page, "write").locator("header .kind")), steps=6)
        expect(page.get_by_role("tooltip")).to_have_text("runs after it")
    expect(wires(page)).to_have_count(2)
    expect(step(page, "write").locator(".line")).to_have_text("Dear {{ start.text }}")
    expect(wires(reloaded(page))).to_have_count(2)


def test_a_wire_into_a_circle_is_not_drawn(page: Page) -> None:
    with held(page, port(page, "tell.after", "target")):
        page.mouse.move(*middle(port(page, "check.true", "source")), steps=6)
    expect(wires(page)).to_have_count(2)
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(*middle(port(page, "start.amount", "source")), steps=6)
        expect(page.get_by_role("tooltip")).to_contain_text("A wire ends at an input.")
    add(page, "Text template")
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(*middle(port(page, "template.after", "target")), steps=6)
    expect(wires(page)).to_have_count(3)
    with held(page, port(page, "template.output", "source")):
        page.mouse.move(*middle(port(page, "write.after", "target")), steps=6)
        expect(page.get_by_role("tooltip")).to_contain_text("The two steps would wait for each other.")
        page.mouse.move(*middle(step(page, "write").locator("header .kind")), steps=6)
        expect(page.get_by_role("tooltip")).to_contain_text("The two steps would wait for each other.")
    expect(wires(page)).to_have_count(3)


def test_a_wire_against_the_kind_of_a_port_is_not_drawn(page: Page) -> None:
    add(page, "Language model")
    expect(step(page, "llm")).to_be_visible()
    with held(page, port(page, "start.text", "source")):
        page.mouse.move(*middle(port(page, "llm.history", "target")), steps=6)
        expect(page.get_by_role("tooltip")).to_contain_text("It gives a text, and here goes a list.")
    expect(wires(page)).to_have_count(1)


def test_the_keyboard_offers_what_a_pointer_finds(page: Page) -> None:
    add(page, "Answer")
    step(page, "start").focus()
    page.keyboard.press("c")
    offers = page.get_by_role("dialog", name="Connect API start").get_by_role("option")
    expect(offers.filter(has_text="fills Answer")).to_have_count(1)
    offers.filter(has_text="fills Answer").click()
    expect(step(page, "answer").locator(".line")).to_have_text("{{ start.text }}")
    expect(wires(page)).to_have_count(2)


def test_a_wire_let_go_over_nothing_offers_what_takes_it_and_joins_it(page: Page) -> None:
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(1000, 700, steps=6)
    offer = page.get_by_role("dialog", name="Add a step")
    expect(offer.get_by_role("combobox")).to_be_focused()
    expect(offer.get_by_role("option").filter(has_text="API start")).to_have_count(0)
    page.keyboard.type("text temp")
    page.keyboard.press("Enter")
    expect(step(page, "template")).to_be_focused()
    expect(step(page, "template").locator(".line")).to_have_text("{{ write.output }}")
    expect(wires(page)).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(step(page, "template")).to_have_count(0)
    expect(wires(page)).to_have_count(1)


def test_a_wire_by_two_clicks(page: Page) -> None:
    port(page, "check.false", "source").click()
    expect(page.get_by_text("Choose where the wire goes.")).to_be_visible()
    port(page, "tell.after", "target").click()
    expect(wires(page)).to_have_count(2)
    expect(page.get_by_text("Choose where the wire goes.")).to_have_count(0)


def test_a_selected_wire_is_removed_by_its_button_and_by_delete(page: Page) -> None:
    click_wire(page)
    page.get_by_role("button", name="Remove the wire", exact=True).first.click()
    expect(wires(page)).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(wires(page)).to_have_count(1)
    click_wire(page)
    page.keyboard.press("Delete")
    expect(wires(page)).to_have_count(0)
    expect(step(page, "start")).to_be_visible()


def click_wire(page: Page) -> None:
    start, end = middle(port(page, "start.text", "source")), middle(port(page, "check.value", "target"))
    page.mouse.click((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    expect(page.locator(".flow-wire.chosen")).to_have_count(1)
