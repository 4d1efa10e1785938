"""Canevas is killed in the middle of a run; the next one goes on with it, and its page says what happened."""

import contextlib
import re
import signal
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import Product, picture, product
from tests.builder.furnished import late
from tests.journeys.conftest import SCREEN, imported

FLOW = """
canevas: 1
name: Ask the warehouse
steps:
  start:
    kind: api_start
    version: 1
  first:
    kind: template
    version: 1
    config:
      template: '{{ start.text }}'
  call:
    kind: http_request
    version: 1
    config:
      url: URL
  answer:
    kind: answer
    version: 1
    config:
      value: '{{ call.body }}'
edges:
- first.output -> call
running:
  durability: step
"""


def test_a_run_outlives_its_process(browser: Browser, tmp_path: Path) -> None:
    with late() as service:
        with product(tmp_path, CANEVAS_ALLOWED_HOSTS="127.0.0.1") as before, tab(browser, before) as page:
            run = goes_on(page, service.url)
            before.process.send_signal(signal.SIGKILL)
            before.process.wait(10)
        with product(tmp_path, CANEVAS_ALLOWED_HOSTS="127.0.0.1") as after, tab(browser, after) as page:
            page.goto(run)
            says_so(page)
            picture(page, "run-recovered")
            service.may_answer.set()
            expect(page.locator(".facts")).to_contain_text("Done", timeout=20_000)
            says_so(page)


@contextlib.contextmanager
def tab(browser: Browser, canevas: Product) -> Iterator[Page]:
    """A tab of somebody signed in."""
    context = browser.new_context(base_url=canevas.url, viewport=SCREEN, locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(canevas.new_link())
    yield page
    context.close()


def goes_on(page: Page, service: str) -> str:
    """The path of a run that waits for the service."""
    drawing = imported(page, FLOW.replace("URL", service))
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="text").fill("Bolts")
    drawing.preview.get_by_role("button", name="Run", exact=True).click()
    expect(drawing.live("call")).to_contain_text("Running")
    page.goto("/runs")
    page.get_by_role("link", name="Ask the warehouse").click()
    expect(page.locator(".facts")).to_contain_text("Running")
    return "/runs/" + page.url.rpartition("/")[2]


def says_so(page: Page) -> None:
    note = page.get_by_role("note").filter(has_text="The process that drove this run died")
    expect(note).to_contain_text(re.compile(r"Cut off in its middle and run again: call$"))
