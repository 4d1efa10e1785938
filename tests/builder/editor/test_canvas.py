"""The canvas in a real Chromium: what pointer, keys and clipboard do, and what is kept when saving fails."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from nodes.catalog import builtin
from runtime.assembly import open_runtime
from runtime.graph.flow import Flow
from runtime.settings import Settings
from tests.browser import Product, chromium, product

pytestmark = pytest.mark.browser


FIELDS = [{"name": "text"}, {"name": "amount", "type": "number"}]


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


async def seed(home: Path, names: list[str]) -> dict[str, str]:
    settings = replace(Settings.from_environment({"CANEVAS_HOME": str(home)}), weights=home / "weights")
    async with open_runtime(settings, builtin()) as runtime:
        owner = await runtime.people.ensure_owner()
        return {name: (await runtime.flows.create(owner.workspace, drawn(name), owner.name)).id for name in names}


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[tuple[Product, Any]]:
    """A running Canevas with a flow for each test of this file."""
    home = tmp_path_factory.mktemp("canvas")
    names = [item.name for item in request.session.items if item.path == request.path]
    ids = asyncio.run(seed(home, names))
    with product(home, CANEVAS_WEIGHTS=str(home / "weights")) as started:
        yield started, ids


@pytest.fixture(scope="module")
def browser(flows: tuple[Product, Any]) -> Iterator[Browser]:  # after the flows: Playwright brings a loop of its own
    with chromium() as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, flows: tuple[Product, Any]) -> Iterator[Any]:
    """`window(**options)`: a browser of somebody signed in. What its pages complain of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(**options: Any) -> BrowserContext:
        chosen = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "color_scheme": "dark", **options}
        context = browser.new_context(**chosen)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.new_page().goto(flows[0].new_link())
        contexts.append(context)
        return context

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def address(flows: tuple[Product, Any], request: pytest.FixtureRequest) -> str:
    """Where this test's flow is."""
    return f"{flows[0].url}/flows/{flows[1][request.node.name]}"


@pytest.fixture
def page(window: Any, address: str) -> Page:
    return shown(window().pages[0], address)


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


# --- wires -----------------------------------------------------------------------------------------------------


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


def has(name: str) -> Any:
    return re.compile(rf"(^|\s){name}(\s|$)")


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


def test_a_wire_let_go_over_nothing_offers_what_takes_it_and_joins_it(page: Page) -> None:
    with held(page, port(page, "write.output", "source")):
        page.mouse.move(1000, 700, steps=6)
    offer = page.get_by_role("dialog", name="Add a step")
    expect(offer.get_by_role("combobox")).to_be_focused()
    expect(offer.get_by_role("option").filter(has_text="API start")).to_have_count(0)
    page.keyboard.type("text temp")
    page.keyboard.press("Enter")
    expect(step(page, "template")).to_be_focused()
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


def add(page: Page, kind: str) -> None:
    search = page.get_by_role("combobox", name="Search steps").first
    search.fill(kind)
    expect(page.get_by_role("option", name=kind).first).to_have_attribute("aria-selected", "true")
    search.press("Enter")


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
