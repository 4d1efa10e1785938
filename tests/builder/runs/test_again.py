"""Running again: the whole run, from the failed step, and with another value for what a step gave."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import picture
from tests.builder.conftest import WorkedIn
from tests.journeys.drawing import Drawing

pytestmark = pytest.mark.browser


@pytest.fixture
def failed(page: Page, worked_in: WorkedIn) -> Page:
    """The page of a run that failed when it asked the service."""
    page.goto(worked_in.product.url + "/runs")
    page.get_by_role("link", name="Rain mail").last.click()
    expect(page.get_by_role("button", name=re.compile("Ask the service"))).to_have_attribute("aria-pressed", "true")
    return page


def test_a_failed_step_gets_another_value_and_the_rest_runs(failed: Page) -> None:
    before = failed.url
    failed.get_by_role("button", name="Use another value …").click()
    dialog = failed.get_by_role("dialog", name="Use another value")
    value = dialog.get_by_label("What call gave")
    value.fill("{ body }")
    dialog.get_by_role("button", name="Run again with it").click()
    expect(dialog.get_by_text("This is no JSON; look at line 1.")).to_be_visible()
    value.fill('{"weather": "sun"}')
    dialog.get_by_role("button", name="Run again with it").click()
    expect(dialog.get_by_text(re.compile("This step has no output `weather`"))).to_be_visible()
    picture(failed, "another-value")
    value.fill('{"body": "Sun all day"}')
    dialog.get_by_role("button", name="Run again with it").click()
    expect(failed.locator(".headline")).to_contain_text("Done")
    assert failed.url != before
    failed.get_by_role("button", name=re.compile("Write the mail")).click()
    expect(failed.get_by_label("output", exact=True)).to_have_text("Sun all day")
    failed.get_by_role("button", name=re.compile("Ask the service")).click()
    expect(failed.locator(".ran-through").get_by_text("given by you")).to_be_visible()
    expect(failed.get_by_role("button", name=re.compile("Ask the service"))).to_contain_text("given by you")
    picture(failed, "run-repeated")
    failed.locator(".headline").get_by_role("link", name=re.compile("ago|now|yesterday")).click()
    expect(failed).to_have_url(before)
    expect(failed.locator(".headline")).to_contain_text("Failed")


def test_it_runs_again_from_the_failed_step_and_whole(failed: Page) -> None:
    before = failed.url
    failed.get_by_role("button", name="Run again from the failed step").click()
    expect(failed).not_to_have_url(before)
    expect(failed.locator(".headline")).to_contain_text("Repeats an earlier run")
    expect(failed.get_by_role("button", name=re.compile("API start"))).to_contain_text("from the earlier run")
    again = failed.url
    failed.get_by_role("button", name="Run again", exact=True).click()
    expect(failed).not_to_have_url(again)
    expect(failed.get_by_role("button", name=re.compile("API start"))).not_to_contain_text("from the earlier run")


def test_it_runs_again_with_the_draft_of_today(page: Page, worked_in: WorkedIn) -> None:
    page.goto(worked_in.product.url + "/runs")
    page.get_by_role("link", name="Rain mail").last.click()
    version = page.get_by_role("combobox", name="With")
    # Never published: there is nothing else to choose.
    expect(version.get_by_role("option")).to_have_text(["the flow as it ran", "the draft of today"])
    version.select_option("the draft of today")
    before = page.url
    page.get_by_role("button", name="Run again", exact=True).click()
    expect(page).not_to_have_url(before)
    # What the draft has not changed answers from the earlier run.
    expect(page.get_by_role("button", name=re.compile("API start"))).to_contain_text("from the earlier run")


def test_the_preview_goes_on_with_another_value(page: Page, worked_in: WorkedIn) -> None:
    page.goto(f"{worked_in.product.url}/flows/{worked_in.furnished.flows['Rain mail']}")
    drawing = Drawing(page).opened()
    drawing.open_preview()
    drawing.preview.get_by_label("town").fill("Brest")
    drawing.preview.get_by_role("button", name="Run", exact=True).click()
    expect(drawing.live("call")).to_have_class(re.compile(r"\bfailed\b"))
    expect(drawing.preview.get_by_role("button", name="Run again from the failed step")).to_be_visible()
    drawing.step("call").locator("header .title").click()
    drawing.properties.get_by_role("tab", name="Last run").click()
    drawing.properties.get_by_role("button", name="Use another value …").click()
    dialog = page.get_by_role("dialog", name="Use another value")
    dialog.get_by_label("What call gave").fill('{"body": "Rain"}')
    dialog.get_by_role("button", name="Run again with it").click()
    expect(drawing.live("tell")).to_have_class(re.compile(r"\bdone\b"))
    expect(drawing.preview.get_by_label("Answer")).to_have_text("Rain")
    expect(drawing.preview.get_by_role("link", name="The run it repeats")).to_be_visible()
