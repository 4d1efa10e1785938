"""Every page in every theme: WCAG to AAA as far as axe can tell, at a desk and on a phone, with pictures to look at."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from builder.theme import THEMES
from tests.browser import Product, picture
from tests.journeys.conftest import SCREEN, at_home, imported, new_flow
from tests.journeys.drawing import Drawing
from tests.journeys.test_people import FLOW as LETTERS

AAA = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PHONE = {"width": 390, "height": 844}
STILL = {"reduced_motion": "reduce"}  # what fades would be measured on its way
SYSTEM = {"dark": {"color_scheme": "dark"}, "light": {"color_scheme": "light"}, "contrast": {"contrast": "more"}}
FLOW = """
canevas: 1
name: Order or question
description: Tells orders from questions and answers each in its own way.
steps:
  start:
    kind: api_start
    version: 1
  is_order:
    kind: if
    version: 1
    title: Is it an order?
    config:
      condition: '{{ "order" in start.text }}'
  thanks:
    kind: template
    version: 1
    title: Thanks
    config:
      template: 'Thank you for your order: {{ start.text }}'
  sorry:
    kind: template
    version: 1
    config:
      template: We will answer soon.
  answer:
    kind: answer
    version: 1
edges:
- start.text -> is_order.value
- is_order.true -> thanks
- is_order.false -> sorry
- thanks.output -> answer.value
- sorry.output -> answer.value
layout:
  start: [0, 0]
  is_order: [320, 0]
  thanks: [640, -80]
  sorry: [640, 80]
  answer: [960, 0]
notes:
  why:
    text: '**Orders** go up, *questions* go down.'
    at: [0, 180]
    size: [240, 100]
"""
ASKING = LETTERS.replace("to approve", "on show")  # other journeys of this worker find their own questions
IDEA = """
  idea:
    kind: llm
    version: 1
"""


@pytest.fixture(scope="module")
def exhibit(browser: Browser, running: Product, signed_in: StorageState) -> dict[str, str]:
    """A flow with a problem, a run and a deployment; the addresses of the pages on which they are seen."""
    context = browser.new_context(base_url=running.url, storage_state=signed_in, viewport=SCREEN, **STILL)  # type: ignore[arg-type]
    page = context.new_page()
    at_home(page)
    new_flow(page)
    run(imported(page, FLOW))
    page.locator("#deploy-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#deploy-key")).to_be_visible()
    deployed = page.url
    page.goto("/runs")
    page.get_by_role("link", name="Order or question").first.click()
    expect(page.locator(".viewer .step-card").first).to_be_visible()
    run_page = page.url
    asking = asked(imported(page, ASKING))
    with_problem = imported(page, FLOW.replace("edges:", IDEA + "edges:")).page.url
    context.close()
    return {"run": run_page, "editor": with_problem, "asking": asking, "deployed": deployed}


def run(drawing: Drawing) -> None:
    """Run the flow with the form."""
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="text").fill("An order of 12 cups")
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.live("answer")).to_have_class(re.compile(r"\bdone\b"))


def asked(drawing: Drawing) -> str:
    """A run that waits for people, in a frame; the address of its flow."""
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="names").fill('["Lin", "Mia"]')
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.live("ask")).to_have_text("Waiting")
    return drawing.page.url


def home(page: Page, exhibit: dict[str, str]) -> None:
    at_home(page)
    expect(page.get_by_role("link", name="Order or question").first).to_be_visible()


def empty_editor(page: Page, exhibit: dict[str, str]) -> None:
    at_home(page)
    new_flow(page)


def editor(page: Page, exhibit: dict[str, str]) -> None:
    page.goto(exhibit["editor"])
    drawing = Drawing(page).opened()
    page.locator(".validation > button").click()
    page.get_by_role("list", name="Problems").get_by_role("button").first.click()
    expect(drawing.field("prompt")).to_be_visible()


def preview(page: Page, exhibit: dict[str, str]) -> None:
    page.goto(exhibit["deployed"])
    drawing = Drawing(page).opened()
    run(drawing)
    drawing.properties.get_by_role("button", name=re.compile("^Answer")).click()
    drawing.properties.get_by_role("tab", name="Last run").click()
    expect(drawing.properties.get_by_label("value").first).to_be_visible()


def deploy(page: Page, exhibit: dict[str, str]) -> None:
    preview(page, exhibit)
    page.get_by_role("button", name="Close the preview").click()
    page.locator("#deploy-button").click()
    expect(page.locator("#deploy-command")).to_be_visible()


def runs(page: Page, exhibit: dict[str, str]) -> None:
    page.goto("/runs")
    expect(page.locator("table.runs tbody tr").first).to_be_visible()


def one_run(page: Page, exhibit: dict[str, str]) -> None:
    page.goto(exhibit["run"])
    page.get_by_role("button", name=re.compile("Thanks")).click()
    expect(page.get_by_label("output")).to_be_visible()


def frames(page: Page, exhibit: dict[str, str]) -> None:
    page.goto(exhibit["asking"])
    drawing = Drawing(page).opened()
    expect(drawing.live("each")).to_have_text("Waiting")
    drawing.select("write")
    drawing.properties.get_by_role("tab", name="Last run").click()
    expect(drawing.properties.get_by_label("output")).to_have_text("Dear Mia")


def frames_of_a_run(page: Page, exhibit: dict[str, str]) -> None:
    page.goto("/runs")
    page.get_by_role("link", name="Letters on show").first.click()
    page.locator(".run-steps").get_by_role("button", name=re.compile("write")).click()
    expect(page.get_by_label("output")).to_have_text("Dear Mia")


def inbox(page: Page, exhibit: dict[str, str]) -> None:
    page.goto("/inbox")
    page.get_by_role("button", name=re.compile("Mia")).first.click()
    expect(page.get_by_role("heading", name="May the letter to Mia go?")).to_be_focused()


def settings(page: Page, exhibit: dict[str, str]) -> None:
    page.goto("/settings")
    expect(page.get_by_role("heading", name="Anthropic key")).to_be_visible()


def violations(page: Page, name: str) -> list[str]:
    """What axe finds wrong: page, rule, element and why, a line each.

    Seen from the top: of what is scrolled halfway under the header, axe says that the header's links obscure it.
    """
    page.evaluate("scrollTo(0, 0)")
    return [
        f"{name}: {rule['id']} at {node['target']}: {node['failureSummary']}"
        for rule in Axe().run(page, options=AAA).response["violations"]
        for node in rule["nodes"]
    ]


PAGES = [home, empty_editor, editor, preview, deploy, frames, inbox, runs, one_run, frames_of_a_run, settings]


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_is_accessible(visitor: Callable[..., BrowserContext], exhibit: dict[str, str], theme: str) -> None:
    page = visitor(**STILL).new_page()
    at_home(page)
    page.evaluate("theme => canevas.choose('theme', theme)", theme)
    found: list[str] = []
    for show in PAGES:
        show(page, exhibit)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        picture(page, f"journey-{show.__name__}-{theme}")
        found += violations(page, show.__name__)
    assert found == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_way_in_is_accessible(browser: Browser, running: Product, theme: str) -> None:
    context = browser.new_context(base_url=running.url, viewport=SCREEN, **STILL, **SYSTEM[theme])  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/")
    expect(page).to_have_url(running.url + "/sign-in")
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    picture(page, f"journey-sign-in-{theme}")
    found = violations(page, "sign-in")
    context.close()
    assert found == []


def test_every_page_fits_on_a_phone(visitor: Callable[..., BrowserContext], exhibit: dict[str, str]) -> None:
    page = visitor(viewport=PHONE, has_touch=True, **STILL).new_page()
    for show in (home, empty_editor, inbox, runs, one_run, frames_of_a_run, settings):
        show(page, exhibit)
        picture(page, f"journey-{show.__name__}-390")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], show.__name__
