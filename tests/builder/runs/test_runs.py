"""Runs as a person looks at them: the list, its filters, one run step by step, and one that still goes on."""

import json
import re
import threading
import urllib.error
import urllib.request
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import picture
from tests.builder.conftest import WorkedIn
from tests.builder.furnished import late

pytestmark = pytest.mark.browser


@pytest.fixture
def runs(page: Page, worked_in: WorkedIn) -> Page:
    page.goto(worked_in.product.url + "/runs")
    expect(page.get_by_role("table")).to_be_visible()
    return page


def rows(page: Page, flow: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=flow, exact=True))


def call(worked_in: WorkedIn, url: str) -> None:
    """Ask the deployed flow that waits for `url`, as a caller outside would."""
    request = urllib.request.Request(
        worked_in.product.url + "/api/flows/slow/run",
        json.dumps({"url": url}).encode(),
        {"authorization": f"Bearer {worked_in.furnished.key}", "content-type": "application/json"},
    )
    with suppress(urllib.error.HTTPError):  # a run that was stopped answers with an error
        urllib.request.urlopen(request, timeout=40).read()


def going_on(page: Page) -> Locator:
    """The run that waits for the service; the list finds it by itself."""
    page.get_by_role("radio", name="Running").click()
    running = rows(page, "Slow call").filter(has_text="Running")
    expect(running).to_be_visible(timeout=20_000)
    return running


def test_the_list_tells_each_run(runs: Page) -> None:
    first = rows(runs, "Greeting").first
    for said in ("Done", "Preview", "Draft"):
        expect(first).to_contain_text(said)
    expect(first.locator("time")).to_have_attribute("title", re.compile(r"20\d\d"))
    expect(rows(runs, "Weather mail").first).to_contain_text("10.0.0.1")


def test_filters_by_state_and_flow(runs: Page, worked_in: WorkedIn) -> None:
    runs.get_by_role("radio", name="Failed").click()
    expect(rows(runs, "Greeting")).to_have_count(0)
    expect(rows(runs, "Weather mail")).to_have_count(2)
    runs.get_by_label("Flow", exact=True).select_option(label="Greeting")
    expect(runs.get_by_text("No run is like that.")).to_be_visible()
    runs.get_by_role("radio", name="All").click()
    expect(rows(runs, "Greeting")).to_have_count(2)


def test_a_failed_run_opens_at_the_step_that_failed(runs: Page) -> None:
    rows(runs, "Weather mail").first.get_by_role("link").click()
    expect(runs.get_by_role("heading", level=1)).to_have_text("Weather mail")
    failed = runs.get_by_role("button", name=re.compile("Ask the service"))
    expect(failed).to_have_attribute("aria-pressed", "true")
    main = runs.get_by_role("main")
    expect(main).to_contain_text("CANEVAS_ALLOWED_HOSTS")  # how to mend it
    expect(main).to_contain_text("http://10.0.0.1/Lyon")
    picture(runs, "run-failed")
    runs.get_by_role("button", name=re.compile("Write the mail")).click()
    expect(main).to_contain_text("The run did not come to this step.")


def test_every_step_shows_what_it_got_and_gave(runs: Page) -> None:
    rows(runs, "Greeting").first.get_by_role("link").click()
    runs.get_by_role("button", name=re.compile("Say hello")).click()
    expect(runs.get_by_label("output").filter(has_text="Hello Ada!")).to_be_visible()
    expect(runs.get_by_role("button", name=re.compile("Greet a stranger"))).to_contain_text("Skipped")
    runs.get_by_role("button", name=re.compile("The whole run")).click()
    expect(runs.locator("pre", has_text=re.compile("^Ada$"))).to_be_visible()
    picture(runs, "run-done")
    # The picture is another way to the same step.
    runs.locator(".viewer .step-card", has_text="Say hello").click()
    expect(runs.get_by_role("button", name=re.compile("Say hello"))).to_have_attribute("aria-pressed", "true")
    runs.get_by_role("link", name="Runs").last.click()
    expect(runs.get_by_role("table")).to_be_visible()


def test_a_run_that_goes_on_is_seen_until_it_ends(runs: Page, worked_in: WorkedIn) -> None:
    with late() as service:
        caller = threading.Thread(target=call, args=(worked_in, service.url))
        caller.start()
        running = going_on(runs)
        expect(running).to_contain_text("Endpoint")
        running.get_by_role("link").click()
        expect(runs.get_by_role("button", name="Stop")).to_be_visible()
        picture(runs, "run-running")
        service.may_answer.set()
        expect(runs.get_by_role("button", name="Stop")).to_have_count(0)
        runs.get_by_role("button", name=re.compile("Wait for the service")).click()
        expect(runs.get_by_role("main")).to_contain_text("at last")
        caller.join(10)


def test_a_run_can_be_stopped(runs: Page, worked_in: WorkedIn) -> None:
    with late() as service:
        caller = threading.Thread(target=call, args=(worked_in, service.url))
        caller.start()
        running = going_on(runs)
        running.get_by_role("link").click()
        runs.get_by_role("button", name="Stop").click()
        expect(runs.locator(".headline").get_by_text("Stopped")).to_be_visible()
        caller.join(10)


def test_an_unknown_run_says_so(page: Page, worked_in: WorkedIn) -> None:
    page.goto(worked_in.product.url + "/runs/nothing")
    expect(page.get_by_text("There is no such run")).to_be_visible()
    page.get_by_role("link", name="To the runs").click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
