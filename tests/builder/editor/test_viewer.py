"""The page of a run shows the real canvas, which can be looked at and not drawn on."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import picture
from tests.builder.editor.canvas import at, has, held, middle, step

pytestmark = pytest.mark.browser


@pytest.fixture
def run(page: Page) -> Page:
    """The page of a run of the flow: `amount` is 1, so the If goes by `false`, where nothing is."""
    page.locator("#run-button").click()
    preview = page.get_by_role("region", name="Preview")
    preview.get_by_role("textbox", name="text").fill("Ada")
    preview.get_by_role("textbox", name="amount").fill("1")
    preview.get_by_role("button", name="Run").click()
    expect(step(page, "tell").locator(".live")).to_have_class(has("done"))
    page.goto(page.url.partition("/flows")[0] + "/runs")
    page.locator("table.runs tbody tr a").first.click()
    expect(card(page, "tell")).to_be_visible()
    return page


def card(page: Page, name: str) -> Locator:
    return page.locator(".viewer").locator(f'.react-flow__node-step[data-id="{name}"] .step-card')


def chosen(page: Page) -> Locator:
    return page.locator(".run-steps").locator('[aria-pressed="true"]')


def test_a_run_is_shown_on_its_flow_and_a_step_chosen_there_shows_what_it_gave(run: Page) -> None:
    expect(card(run, "write")).to_have_class(has("is-done"))
    card(run, "write").click()
    expect(chosen(run)).to_contain_text("Write it")
    expect(card(run, "write")).to_have_class(has("chosen"))
    expect(run.get_by_label("output")).to_have_text("Dear Ada")
    run.locator(".run-steps").get_by_role("button", name="API start").click()
    expect(card(run, "start")).to_have_class(has("chosen"))
    expect(card(run, "write")).not_to_have_class(has("chosen"))
    run.locator(".viewer .react-flow__pane").click(position={"x": 10, "y": 10})
    expect(chosen(run)).to_contain_text("The whole run")
    picture(run, "run-canvas")


def test_nothing_on_it_can_be_moved_or_drawn_but_the_view(run: Page) -> None:
    place, seen = at(run, "write"), middle(card(run, "write"))
    with held(run, card(run, "write").locator(".title")):
        run.mouse.move(seen[0], seen[1] + 80, steps=5)
    assert at(run, "write") == place
    assert middle(card(run, "write")) != seen  # the view is what went along
    before = card(run, "write").bounding_box()
    run.get_by_role("button", name="Zoom in").click()
    run.wait_for_timeout(400)
    zoomed = card(run, "write").bounding_box()
    assert zoomed
    assert before
    assert zoomed["width"] > before["width"]
    run.get_by_role("button", name="Fit the view").click()
    run.keyboard.press("Delete")
    expect(run.locator(".viewer .react-flow__node-step")).to_have_count(4)
    assert run.locator(".viewer .port.lit").count() == 0


def test_the_keyboard_chooses_a_step_on_it(run: Page) -> None:
    run.locator('.viewer .react-flow__node-step[data-id="check"]').focus()
    run.keyboard.press("Enter")
    expect(chosen(run)).to_contain_text("If")
    run.keyboard.press("Escape")
    expect(chosen(run)).to_contain_text("The whole run")
