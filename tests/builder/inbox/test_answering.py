"""People answer what runs ask: in the preview, in the inbox, on the page of the run; and pages see others' answers."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import picture
from tests.builder.conftest import WorkedIn
from tests.journeys.drawing import Drawing

pytestmark = pytest.mark.browser


def begin(page: Page, worked_in: WorkedIn, *names: str) -> Drawing:
    """Preview the flow that asks about a letter to each of these."""
    page.goto(f"{worked_in.product.url}/flows/{worked_in.furnished.flows['Letters']}")
    drawing = Drawing(page).opened()
    # An earlier run waits, and stands there until one begins another.
    drawing.preview.get_by_role("button", name="Run another; this one goes on waiting").click()
    drawing.preview.get_by_label("names").fill(str(list(names)).replace("'", '"'))
    drawing.preview.get_by_role("button", name="Run", exact=True).click()
    expect(questions(drawing)).to_have_count(len(names))
    return drawing


def questions(drawing: Drawing) -> Locator:
    return drawing.preview.get_by_role("article")


def about(scope: Page | Locator, name: str) -> Locator:
    return scope.get_by_role("article").filter(has_text=f"May the letter to {name} go out?")


def in_list(page: Page, name: str) -> Locator:
    """The line of a question in the inbox."""
    return page.get_by_role("main").get_by_role("button", name=re.compile(f"May the letter to {name} go out"))


def test_several_questions_are_answered_in_the_preview(page: Page, worked_in: WorkedIn) -> None:
    drawing = begin(page, worked_in, "Ada", "Bo")
    expect(page.locator(".header .run-state")).to_have_text("Waiting")
    expect(drawing.preview.get_by_role("status").filter(has_text="2 questions wait")).to_have_count(1)
    one = about(drawing.preview, "Ada")
    expect(one.get_by_text("the archive", exact=True)).to_be_visible()
    expect(one.locator("pre")).to_have_text("Dear Ada!")
    expect(one.get_by_text(re.compile("left"))).to_be_visible()
    picture(page, "asked-in-preview")
    one.get_by_role("button", name="Send it").click()
    expect(one.get_by_role("alert")).to_have_text("Fill this in.")
    one.get_by_label("why").fill("It reads well.")
    one.get_by_label("copies").fill("many")
    one.get_by_role("button", name="Send it").click()
    expect(one.get_by_role("alert")).to_have_text("Write a number.")
    one.get_by_label("copies").fill("2")
    one.get_by_label("copies").press("Enter")  # which decides nothing
    one.get_by_role("button", name="Send it").click()
    expect(questions(drawing)).to_have_count(1)
    other = about(drawing.preview, "Bo")
    other.get_by_label("why").fill("Too short.")
    other.get_by_role("button", name="Throw it away").click()
    expect(questions(drawing)).to_have_count(0)
    expect(page.locator(".header .run-state")).to_have_text("Done")


def test_an_answer_in_the_inbox_is_seen_everywhere(page: Page, worked_in: WorkedIn) -> None:
    asking = begin(page, worked_in, "Cleo")
    inbox = page.context.new_page()
    inbox.goto(worked_in.product.url + "/inbox")
    expect(inbox.get_by_role("link", name=re.compile(r"^Inbox \d+ waiting$"))).to_be_visible()
    in_list(inbox, "Cleo").click()
    expect(inbox.get_by_role("heading", name="May the letter to Cleo go out?")).to_be_focused()
    picture(inbox, "inbox")
    one = about(inbox, "Cleo")
    expect(one.get_by_role("link", name="See the run")).to_be_visible()
    one.get_by_label("why").fill("It reads well.")
    one.get_by_role("button", name="Send it").click()
    expect(in_list(inbox, "Cleo")).to_have_count(0)
    expect(inbox.get_by_text("Your answer is there; the run goes on.")).to_be_visible()
    expect(questions(asking)).to_have_count(0)
    expect(page.locator(".header .run-state")).to_have_text("Done")
    inbox.close()


def test_whoever_comes_too_late_sees_that_it_was_answered(page: Page, worked_in: WorkedIn) -> None:
    drawing = begin(page, worked_in, "Dora")
    inbox = page.context.new_page()
    inbox.goto(worked_in.product.url + "/inbox")
    in_list(inbox, "Dora").click()
    drawing.preview.get_by_label("why").fill("It reads well.")
    drawing.preview.get_by_role("button", name="Send it").click()
    expect(about(inbox, "Dora")).to_have_count(0)
    inbox.close()


def test_a_run_that_waits_says_so_and_can_be_answered_on_its_page(page: Page, worked_in: WorkedIn) -> None:
    begin(page, worked_in, "Emma", "Finn")
    page.goto(worked_in.product.url + "/runs")
    page.get_by_role("radio", name="Waiting").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Letters", exact=True)).first
    expect(row).to_contain_text("Waiting")
    row.get_by_role("link").click()
    expect(page.locator(".headline")).to_contain_text("Waiting")
    picture(page, "run-waiting")
    page.get_by_role("button", name=re.compile("Write the letter")).click()
    ways = page.get_by_role("group", name="Which pass is shown")
    expect(ways.get_by_label("Pass of each")).to_have_value("1")
    expect(page.get_by_label("output", exact=True)).to_have_text("Dear Finn!")
    ways.get_by_role("button", name="Previous pass").click()
    expect(page.get_by_label("output", exact=True)).to_have_text("Dear Emma!")
    expect(ways.get_by_role("button", name="Previous pass")).to_be_disabled()
    canvas = page.locator(".viewer .calls")
    expect(canvas).to_contain_text("1 of 2")
    canvas.get_by_role("button", name="The next one").click()
    expect(ways.get_by_label("Pass of each")).to_have_value("1")
    expect(page.get_by_label("output", exact=True)).to_have_text("Dear Finn!")
    about(page, "Emma").get_by_label("why").fill("No.")
    about(page, "Emma").get_by_role("button", name="Throw it away").click()
    expect(about(page, "Emma")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".headline")).to_contain_text("Stopped")
    expect(about(page, "Finn")).to_have_count(0)


def test_a_link_for_answering_is_copied(page: Page, worked_in: WorkedIn) -> None:
    begin(page, worked_in, "Gus")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=worked_in.product.url)
    page.goto(worked_in.product.url + "/inbox")
    in_list(page, "Gus").click()
    page.get_by_role("button", name="Copy a link for answering").click()
    expect(page.get_by_text("The link is copied.")).to_be_visible()
    assert "/answer/" in page.evaluate("navigator.clipboard.readText()")
