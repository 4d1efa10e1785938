"""The pages with what somebody has made on them: accessible in every theme, in reach on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from builder.theme import THEMES
from tests.browser import picture
from tests.builder.conftest import WorkedIn

pytestmark = pytest.mark.browser
AAA = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PAGES = ["flows", "listed-runs", "run", "all-settings", "rename", "secret", "inbox", "waiting-run", "another-value"]


def look(page: Page, worked_in: WorkedIn, name: str) -> None:
    """Go there and wait until it is drawn."""
    paths = {"listed-runs": "/runs", "run": "/runs", "all-settings": "/settings", "secret": "/settings"}
    paths |= {"inbox": "/inbox", "waiting-run": "/runs", "another-value": "/runs"}
    page.goto(worked_in.product.url + paths.get(name, "/"))
    if name == "run":
        page.get_by_role("link", name="Weather mail").first.click()
        expect(page.get_by_role("button", name=re.compile("^The whole run"))).to_be_visible()
    elif name == "inbox":
        page.get_by_role("button", name=re.compile("May the letter to Zoe go out")).click()
        expect(page.get_by_role("button", name="Send it")).to_be_visible()
    elif name == "waiting-run":
        page.get_by_role("radio", name="Waiting").click()
        page.get_by_role("link", name="Letters").last.click()
        page.get_by_role("button", name=re.compile("^Ask the editor")).click()
        expect(page.get_by_role("group", name="Which pass is shown")).to_be_visible()
    elif name == "another-value":
        page.get_by_role("link", name="Weather mail").first.click()
        page.get_by_role("button", name="Use another value …").click()
        expect(page.get_by_role("dialog")).to_be_visible()
    elif name == "rename":
        page.get_by_role("button", name="More for Greeting", exact=True).click()
        page.get_by_role("menuitem", name="Rename").click()
        expect(page.get_by_role("dialog")).to_be_visible()
    elif name == "secret":
        page.get_by_role("button", name="Add a secret").click()
        expect(page.get_by_role("dialog")).to_be_visible()
    else:
        expect(page.get_by_role("main").locator("time").first).to_be_visible()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_in_every_theme_is_accessible(page: Page, worked_in: WorkedIn, name: str, theme: str) -> None:
    look(page, worked_in, name)
    page.evaluate("theme => canevas.choose('theme', theme)", theme)
    page.wait_for_timeout(500)  # colours fade over
    picture(page, f"{name}-{theme}")
    found = Axe().run(page, options=AAA)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_everything_is_in_reach(page: Page, worked_in: WorkedIn, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    look(page, worked_in, name)
    page.evaluate("canevas.choose('theme', 'dark')")
    page.wait_for_timeout(500)
    picture(page, f"{name}-390")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    inside = "[role=dialog]" if name in ("rename", "secret", "another-value") else "main"
    for control in page.locator(f"{inside} :is(a, button, input:not([type=radio]), select)").all():
        # A link that covers its row is as high as that; a switch is its whole label.
        rows = "'.flows > li, .runs tr, label.switch'"
        covers = f"element => (element.closest({rows}) ?? element).getBoundingClientRect().height"
        on_canvas = control.evaluate("element => !!element.closest('.react-flow__node')")  # as large as one zooms
        if control.is_visible() and not on_canvas:
            assert control.evaluate(covers) >= 44, control.evaluate("element => element.outerHTML")
