"""The canvas in a real Chromium: what pointer, keys and clipboard do, and what is kept when saving fails."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.builder.editor.canvas import add, at, has, held, middle, port, reloaded, saved, shown, step, wires

pytestmark = pytest.mark.browser


# --- moving, selecting, copying --------------------------------------------------------------------------------


def test_dragging_moves_once_and_says_nothing_to_the_server_meanwhile(page: Page) -> None:
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(str(data))))
    page.reload()
    expect(step(page, "write")).to_be_visible()
    page.wait_for_timeout(500)
    before = at(page, "write")
    sent.clear()
    with held(page, step(page, "write").locator(".title")):
        x, y = middle(step(page, "write").locator(".title"))
        page.mouse.move(x + 60, y + 100, steps=20)
        page.wait_for_timeout(400)
        assert [frame for frame in sent if len(frame) > 3] == []
    saved(page)
    moved = at(page, "write")
    assert moved != before
    edits = [frame for frame in sent if '"do":"move"' in frame]
    assert len(edits) == 1
    assert at(reloaded(page), "write") == moved


def test_arrows_move_what_is_selected_as_one_thing_to_undo(page: Page) -> None:
    before = at(page, "write")
    step(page, "write").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect_at(page, "write", (before[0] + 24, before[1] + 40))
    saved(page)
    page.keyboard.press("Control+z")
    expect_at(page, "write", before)


def expect_at(page: Page, name: str, place: tuple[float, float]) -> None:
    expect(step(page, name)).to_have_css("transform", re.compile(rf", {place[0]:g}, {place[1]:g}\)$"))


def test_a_box_selects_and_delete_removes_what_is_in_it_and_undo_brings_it_back(page: Page) -> None:
    box = page.locator(".surface").bounding_box()
    assert box is not None
    left = middle(step(page, "write"))[0] - 220
    page.keyboard.down("Shift")
    page.mouse.move(left, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 200, steps=10)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.get_by_role("heading", name="2 steps selected")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.locator(".react-flow__node-step")).to_have_count(2)
    saved(page)
    page.keyboard.press("Control+z")
    expect(page.locator(".react-flow__node-step")).to_have_count(4)


def test_copied_steps_are_pasted_with_their_wires_and_names_of_their_own(page: Page) -> None:
    step(page, "start").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    page.keyboard.press("Control+v")
    expect(page.locator(".react-flow__node-step")).to_have_count(8)
    expect(wires(page)).to_have_count(2)
    expect(step(page, "write_2").locator(".title")).to_have_text("Write it")
    expect(page.get_by_role("heading", name="4 steps selected")).to_be_visible()
    expect(reloaded(page).locator(".react-flow__node-step")).to_have_count(8)


def test_tab_goes_through_the_flow_in_its_order(page: Page) -> None:
    step(page, "start").focus()
    walked = []
    for _ in range(4):
        walked.append(page.evaluate("document.activeElement.dataset.id"))
        page.keyboard.press("Tab")
    assert walked == ["start", "check", "write", "tell"]
    assert page.evaluate("document.activeElement.closest('.react-flow__node')") is None


def test_a_screen_reader_hears_what_a_step_is_and_what_is_wrong(page: Page) -> None:
    expect(step(page, "start")).to_have_accessible_name("API start, start")
    expect(step(page, "write")).to_have_accessible_name("Text template, Write it, write")
    step(page, "write").locator(".title").click()
    page.locator('[data-field="template"] textarea').fill("")
    expect(step(page, "write")).to_have_accessible_name("Text template, Write it, write, 2 problems")


# --- settings --------------------------------------------------------------------------------------------------


def test_a_renamed_output_keeps_its_wires_and_who_reads_it(page: Page) -> None:
    step(page, "start").locator(".title").click()
    name = page.locator('[data-field="fields"] input').first
    name.fill("letter")
    name.press("Tab")
    expect(port(page, "start.letter", "source")).to_have_count(1)
    expect(wires(page)).to_have_count(1)
    expect(step(page, "write").locator(".line")).to_have_text("Dear {{ start.letter }}")


def test_a_step_with_a_new_name_is_read_by_it(page: Page) -> None:
    step(page, "write").locator(".title").click()
    name = page.get_by_label("Name in expressions")
    name.fill("letter")
    name.press("Enter")
    expect(step(page, "letter")).to_be_visible()
    expect(step(page, "tell").locator(".line")).to_have_text("{{ letter.output }}")
    expect(step(page, "letter").locator(".step-card")).to_have_class(has("chosen"))
    expect(page.get_by_label("Name in expressions")).to_have_value("letter")


def test_a_wrong_value_is_told_beside_the_field_and_in_the_list_that_leads_there(page: Page) -> None:
    step(page, "tell").locator(".title").click()
    status = page.locator('[data-field="status"]')
    status.get_by_role("textbox").fill("900")
    expect(status.locator(".error")).to_contain_text("599")
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 500})
    page.locator(".validation > button").click()
    page.locator(".problem-list").get_by_role("button", name="status").click()
    expect(status.get_by_role("textbox")).to_be_focused()
    status.get_by_role("textbox").fill("201")
    expect(status.locator(".error")).to_have_count(0)


def test_a_body_may_be_a_text_and_is_null_again_once_it_is_cleared(page: Page) -> None:
    add(page, "HTTP request")
    body = page.locator('[data-field="body"]')
    body.get_by_role("textbox").fill("hello")
    expect(body).to_contain_text("Not JSON: goes as a text.")
    body.get_by_role("textbox").press("Tab")
    saved(page)
    choose(reloaded(page), "http_request")
    expect(body.get_by_role("textbox")).to_have_value("hello")
    body.get_by_role("textbox").fill('{"a": 1}')
    body.get_by_role("textbox").press("Tab")
    saved(page)
    choose(reloaded(page), "http_request")
    expect(body.get_by_role("textbox")).to_have_value('{\n  "a": 1\n}')
    body.get_by_role("textbox").fill("")
    body.get_by_role("textbox").press("Tab")
    saved(page)
    choose(reloaded(page), "http_request")
    expect(body.get_by_role("textbox")).to_have_value("")  # an empty object would show its braces


def choose(page: Page, name: str) -> None:
    """Select a step that may be out of sight."""
    page.locator(".outline").get_by_role("button").filter(has=page.locator(f'code:text-is("{name}")')).click()


def test_a_wrong_name_is_told_in_words(page: Page) -> None:
    step(page, "start").locator(".title").click()
    fields = page.locator('[data-field="fields"]')
    fields.locator("input").first.fill("My text")
    fields.locator("input").first.press("Tab")
    expect(fields.locator(".error").first).to_contain_text("it must begin with a small letter")
    page.evaluate("canevas.choose('language', 'fr')")
    expect(fields.locator(".error").first).to_contain_text("doit commencer par une minuscule")


def test_typing_is_saved_after_a_pause_and_undone_as_one(page: Page) -> None:
    step(page, "write").locator(".title").click()
    area = page.locator('[data-field="template"] textarea')
    area.press("Control+End")
    area.press_sequentially(" and more", delay=20)
    expect(step(page, "write").locator(".line")).to_have_text("Dear {{ start.text }} and more")
    saved(page)
    page.get_by_role("button", name="Undo").click()
    expect(area).to_have_value("Dear {{ start.text }}")


# --- saving ----------------------------------------------------------------------------------------------------


def test_what_a_closed_tab_did_not_get_saved_is_offered(page: Page, address: str) -> None:
    kept = {"at": 1, "edits": [{"do": "add", "step": "late", "kind": "if", "at": [0, 300]}]}
    keep = "([key, value]) => localStorage.setItem(key, JSON.stringify(value))"
    page.evaluate(keep, [f"canevas.edits.{address.rpartition('/')[2]}.closed-tab", kept])
    reloaded(page)
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("One change of your last visit was not saved.")
    banner.get_by_role("button", name="Apply them").click()
    expect(step(page, "late")).to_be_visible()
    expect(banner).to_have_count(0)
    expect(step(reloaded(page), "late")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_tab_one_comes_back_to_shows_what_changed_elsewhere(window: Any, address: str) -> None:
    context = window()
    first, second = shown(context.pages[0], address), shown(context.new_page(), address)
    add(first, "Text template")
    saved(first)
    second.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(step(second, "template")).to_be_visible()
    add(second, "If")
    saved(second)
    expect(second.get_by_role("dialog")).to_have_count(0)


# --- small screens, looks --------------------------------------------------------------------------------------


def test_a_phone_adds_and_connects_by_taps(window: Any, address: str) -> None:
    context = window(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = shown(context.pages[0], address)
    page.get_by_role("button", name="Add", exact=True).tap()
    page.get_by_role("option", name="Text template").tap()
    expect(step(page, "template")).to_be_visible()
    page.get_by_role("button", name="Fit the view").tap()
    page.wait_for_timeout(600)
    port(page, "check.true", "source").tap()
    port(page, "template.after", "target").tap()
    expect(wires(page)).to_have_count(2)
    saved(page)


@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
def test_axe_has_nothing_to_say(window: Any, address: str, theme: str) -> None:
    context = window(bypass_csp=True)
    context.add_init_script(f"localStorage.setItem('canevas.theme', '{theme}')")
    page = shown(context.pages[0], address)
    step(page, "write").locator(".title").click()
    expect(page.locator('[data-field="template"]')).to_be_visible()
    page.wait_for_timeout(400)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    assert found.response["violations"] == [], found.generate_report()
