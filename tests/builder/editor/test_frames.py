"""Steps inside other steps in a real Chromium: dragged in and out, wired, added, moved by keys, folded away."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from runtime.graph.flow import Flow
from tests.browser import picture
from tests.builder.editor.canvas import add, at, has, held, middle, port, saved, shown, step, wires

pytestmark = pytest.mark.browser


def framed(name: str) -> Flow:
    """A start, a For each with one step inside, a Try, and a step outside."""
    return Flow.model_validate(
        {
            "name": name,
            "steps": {
                "start": {"kind": "api_start", "config": {"fields": [{"name": "names", "type": "list"}]}},
                "each": {"kind": "for_each", "config": {"items": "{{ start.names }}"}},
                "write": {
                    "kind": "template",
                    "title": "Write it",
                    "within": "each",
                    "config": {"template": "Dear {{ each.item }}"},
                },
                "guard": {"kind": "try"},
                "tell": {"kind": "template", "config": {"template": "Done"}},
            },
            "edges": ["start.names -> each", "each.output -> tell"],
            "layout": {"start": (0, 0), "each": (344, 0), "write": (0, 0), "guard": (344, 400), "tell": (0, 300)},
        }
    )


@pytest.fixture(scope="module")
def drawing() -> Any:
    """What the flow of each test of this file looks like."""
    return framed


@pytest.fixture
def page(window: Any, address: str) -> Page:
    opened = shown(window(viewport={"width": 1700, "height": 1050}).pages[0], address)
    opened.get_by_role("button", name="Fit the view").click()
    opened.wait_for_timeout(500)
    return opened


def room(page: Page, owner: str, body: str = "body") -> Locator:
    return page.locator(f'.room[data-step="{owner}"][data-body="{body}"]')


def drag(page: Page, name: str, to: tuple[float, float]) -> None:
    with held(page, step(page, name).locator(".title")):
        page.mouse.move(*to, steps=12)


def holds(outer: Locator, inner: Locator) -> bool:
    around, within = outer.bounding_box(), inner.bounding_box()
    assert around
    assert within
    return (
        around["x"] <= within["x"]
        and around["y"] <= within["y"]
        and within["x"] + within["width"] <= around["x"] + around["width"]
        and within["y"] + within["height"] <= around["y"] + around["height"]
    )


def below(thing: Locator) -> tuple[float, float]:
    """A point of the canvas where nothing is."""
    box = thing.bounding_box()
    assert box
    return box["x"] + 40, box["y"] + box["height"] + 160


# --- by the pointer ---------------------------------------------------------------------------------------------


def test_a_step_dropped_into_a_frame_stands_in_it_and_one_undo_brings_it_back(page: Page) -> None:
    with held(page, step(page, "tell").locator(".title")):
        page.mouse.move(*middle(room(page, "guard", "catch")), steps=12)
        expect(room(page, "guard", "catch")).to_have_class(has("over"))
    saved(page)
    expect(step(page, "tell")).to_have_accessible_name("Text template, tell, inside Try")
    assert holds(room(page, "guard", "catch"), step(page, "tell"))
    expect(wires(page)).to_have_count(2)  # from around into the frame, a wire may lead
    page.keyboard.press("Control+z")
    expect(step(page, "tell")).to_have_accessible_name("Text template, tell")
    page.keyboard.press("Control+Shift+z")
    expect(step(page, "tell")).to_have_accessible_name("Text template, tell, inside Try")
    saved(page)
    page.reload()
    expect(step(page, "tell")).to_have_accessible_name("Text template, tell, inside Try")


def test_a_step_dragged_out_takes_no_wire_across_the_frame(page: Page) -> None:
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(*middle(port(page, "each.body/result", "target")), steps=8)
    expect(wires(page)).to_have_count(3)
    drag(page, "write", below(step(page, "tell")))
    expect(page.get_by_role("alert")).to_contain_text("One wire was cut")
    expect(wires(page)).to_have_count(2)
    expect(step(page, "write")).to_have_accessible_name("Text template, Write it, write, 1 problem")
    expect(room(page, "each")).to_contain_text("Drop steps here")
    saved(page)
    page.keyboard.press("Control+z")
    expect(wires(page)).to_have_count(3)
    expect(step(page, "write")).to_have_accessible_name("Text template, Write it, write, inside For each")


def test_a_frame_is_dragged_with_its_inside_and_grows_with_it(page: Page) -> None:
    before = middle(step(page, "write"))
    place = at(page, "each")
    title = middle(step(page, "each").locator(".title").first)
    drag(page, "each", (title[0] + 60, title[1] - 40))
    assert at(page, "each") != place
    after = middle(step(page, "write"))
    assert after[0] - before[0] == pytest.approx(60, abs=12)
    saved(page)
    width = room(page, "each").bounding_box()
    inner = middle(step(page, "write").locator(".title"))
    drag(page, "write", (inner[0] + 120, inner[1] + 20))
    saved(page)
    grown = room(page, "each").bounding_box()
    assert grown
    assert width
    assert grown["width"] > width["width"]
    assert holds(room(page, "each"), step(page, "write"))


def test_a_kind_from_the_palette_is_dropped_into_a_room(page: Page) -> None:
    page.get_by_role("combobox", name="Search steps").first.fill("If")
    page.get_by_role("option", name="If").first.drag_to(room(page, "guard", "finally"))
    expect(step(page, "if_1")).to_have_accessible_name("If, if_1, inside Try, 2 problems")
    assert holds(room(page, "guard", "finally"), step(page, "if_1"))
    saved(page)


def test_a_start_is_not_dropped_into_a_frame(page: Page) -> None:
    drag(page, "start", middle(room(page, "guard")))
    expect(page.get_by_role("alert")).to_contain_text("cannot stand inside a frame")
    expect(step(page, "start")).to_have_accessible_name("API start, start")


def test_wires_go_from_what_a_frame_gives_into_what_it_takes_and_nowhere_across(page: Page) -> None:
    with held(page, port(page, "each.body/item", "source")):
        page.mouse.move(*middle(port(page, "write.after", "target")), steps=8)
        expect(port(page, "write.after", "target")).to_have_class(has("lit"))
        page.mouse.move(*middle(port(page, "tell.after", "target")), steps=8)
        expect(page.get_by_role("tooltip")).to_contain_text("Only steps in there get what each hands in.")
    expect(wires(page)).to_have_count(2)
    with held(page, port(page, "each.body/item", "source")):
        page.mouse.move(*middle(port(page, "write.after", "target")), steps=8)
    expect(wires(page)).to_have_count(3)
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(*middle(port(page, "guard.after", "target")), steps=8)
        expect(page.get_by_role("tooltip")).to_contain_text("The wire would leave each.")
        page.mouse.move(*middle(step(page, "each").locator("header .names").first), steps=8)
        expect(page.get_by_role("tooltip")).to_have_text("fills result")
    expect(wires(page)).to_have_count(4)
    saved(page)
    expect(page.locator(".validation > button")).to_have_accessible_name("1 problem")  # nothing leads to the Try


def test_a_wire_let_go_in_a_room_offers_steps_that_stand_there(page: Page) -> None:
    box = room(page, "each").bounding_box()
    assert box
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(box["x"] + box["width"] - 90, box["y"] + box["height"] - 8, steps=8)
    page.get_by_role("dialog", name="Add a step").get_by_role("combobox").fill("text temp")
    page.keyboard.press("Enter")
    expect(step(page, "template")).to_have_accessible_name("Text template, template, inside For each")
    expect(step(page, "template").locator(".line")).to_have_text("{{ write.output }}")
    expect(wires(page)).to_have_count(3)


# --- by the keyboard --------------------------------------------------------------------------------------------


def test_keys_add_into_a_frame_move_out_of_it_and_connect_what_it_gives(page: Page) -> None:
    step(page, "guard").focus()
    page.keyboard.press("a")
    offer = page.get_by_role("dialog", name="Add a step")
    expect(offer.get_by_role("button", name="Try · Steps inside")).to_have_attribute("aria-pressed", "true")
    page.keyboard.type("text temp")
    page.keyboard.press("Enter")
    expect(step(page, "template")).to_be_focused()
    expect(step(page, "template")).to_have_accessible_name("Text template, template, inside Try, 2 problems")
    page.keyboard.press("m")
    places = page.get_by_role("dialog", name="Move Text template to").get_by_role("option")
    expect(places).to_have_count(4)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(step(page, "template")).to_have_accessible_name("Text template, template, inside For each, 1 problem")
    expect(step(page, "template")).to_be_focused()
    step(page, "each").focus()
    page.keyboard.press("c")
    page.get_by_role("dialog", name="Connect For each").get_by_role("button", name="item").click()
    offers = page.get_by_role("dialog", name="Connect For each").get_by_role("option")
    offers.filter(has_text="fills Template").click()
    expect(step(page, "template").locator(".line")).to_have_text("{{ each.item }}")


def test_tab_goes_into_a_frame_after_it_and_the_list_shows_what_is_inside(page: Page) -> None:
    step(page, "start").focus()
    walked = []
    for _ in range(5):
        walked.append(page.evaluate("document.activeElement.dataset.id"))
        page.keyboard.press("Tab")
    assert walked == ["start", "each", "write", "tell", "guard"]
    inside = page.locator(".outline .inside").get_by_role("list", name="inside Steps inside").first
    expect(inside.get_by_role("button")).to_contain_text("Write it")


def test_a_closed_frame_is_a_card_and_opens_for_who_looks_for_a_step_inside(page: Page) -> None:
    step(page, "each").focus()
    page.keyboard.press("o")
    expect(step(page, "write")).to_have_count(0)
    expect(step(page, "each").get_by_role("button", name="Show the inside")).to_have_text("1")
    page.locator(".outline .outline").get_by_role("button", name="Write it").click()
    expect(step(page, "write")).to_be_visible()
    step(page, "each").get_by_role("button", name="Hide the inside").click()
    expect(room(page, "each")).to_have_count(0)
    step(page, "each").get_by_role("button", name="Show the inside").click()
    expect(step(page, "write")).to_be_visible()


def test_a_copy_of_a_frame_has_an_inside_of_its_own_and_both_go_at_once(page: Page) -> None:
    step(page, "each").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Control+d")
    expect(step(page, "write_2")).to_have_accessible_name("Text template, Write it, write_2, inside For each")
    expect(step(page, "write_2").locator(".line")).to_have_text("Dear {{ each_2.item }}")
    page.keyboard.press("Delete")
    expect(step(page, "write_2")).to_have_count(0)
    expect(step(page, "write")).to_have_count(1)
    saved(page)
    page.keyboard.press("Control+z")
    expect(step(page, "write_2")).to_be_visible()


def test_values_inside_a_frame_are_what_it_hands_in_and_its_result_what_stands_inside(page: Page) -> None:
    step(page, "write").locator(".title").click()
    page.locator('[data-field="template"]').get_by_role("button", name="Insert a value").click()
    values = page.get_by_role("listbox", name="Values of other steps").locator("code.title")
    expect(values).to_have_text(["each.item", "each.index", "each.total", "start.names", "guard.output"])
    page.keyboard.press("Escape")
    step(page, "each").locator(".title").first.click()
    page.locator('[data-field="result"]').get_by_role("button", name="Insert a value").click()
    expect(values.first).to_have_text("write.output")


def test_tidying_up_goes_from_the_inside_out(page: Page) -> None:
    step(page, "each").locator(".title").first.click()
    add(page, "If")
    expect(step(page, "if_1")).to_have_accessible_name("If, if_1, inside For each, 1 problem")
    page.get_by_role("button", name="Tidy up").click()
    saved(page)
    page.wait_for_timeout(300)
    for name in ("write", "if_1"):
        assert holds(room(page, "each"), step(page, name))


@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
def test_axe_has_nothing_to_say_of_frames(window: Any, address: str, theme: str) -> None:
    context = window(bypass_csp=True)
    context.add_init_script(f"localStorage.setItem('canevas.theme', '{theme}')")
    page = shown(context.pages[0], address)
    step(page, "each").locator(".title").first.click()
    expect(page.locator('[data-field="items"]')).to_be_visible()
    page.wait_for_timeout(400)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    assert found.response["violations"] == [], found.generate_report()
    picture(page, f"frames-{theme}")
