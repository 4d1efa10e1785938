"""The page on which somebody answers without an account, in every theme of their system and on a phone."""

from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext, expect

from builder.theme import THEMES
from tests.browser import picture
from tests.journeys.conftest import imported
from tests.journeys.test_looks import PHONE, STILL, SYSTEM, asked, violations
from tests.journeys.test_people import FLOW

QUESTION = FLOW.replace("      shown:", "      text: Please read it **once more**.\n      shown:")


def test_the_answer_page_is_accessible(visitor: Callable[..., BrowserContext], browser: Browser) -> None:
    page = visitor(permissions=["clipboard-read", "clipboard-write"]).new_page()
    asked(imported(page, QUESTION))
    page.goto("/inbox")
    page.locator(".asked-list button").first.click()
    page.get_by_role("button", name="Copy a link for answering").click()
    link = page.evaluate("navigator.clipboard.readText()")
    found: list[str] = []
    for theme in THEMES:
        context = browser.new_context(viewport=PHONE, **STILL, **SYSTEM[theme])  # type: ignore[arg-type]
        guest = context.new_page()
        guest.goto(link)
        expect(guest.get_by_text("Please read it once more.").locator("strong")).to_have_text("once more")
        picture(guest, f"journey-answer-{theme}")
        assert guest.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        found += violations(guest, f"answer {theme}")
        context.close()
    assert found == []
