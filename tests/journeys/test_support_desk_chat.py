"""The example Support desk in the preview, with the models that need no key; and runs that outlive their tab."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.journeys.conftest import WEIGHTS, at_home, imported
from tests.journeys.drawing import Drawing

pytestmark = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the built-in models are not there: canevas weights")
LOADING = 60_000  # ms in which a built-in model is loaded and has answered, on a busy machine
# A model that is asked to count goes on until its last token.
COUNTER = """
canevas: 1
name: Counts
steps:
  chat:
    kind: chat_start
    version: 1
  count:
    kind: llm
    version: 1
    config:
      prompt: 'Count on without an end: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,'
      temperature: 0
      max_tokens: 4000
  answer:
    kind: answer
    version: 1
edges:
- chat.message -> count
- count.text -> answer.value
"""


def reply(drawing: Drawing) -> Locator:
    """The last answer in the chat."""
    return drawing.preview.locator(".turn.assistant").last


def test_the_desk_answers_in_both_languages(page: Page) -> None:
    at_home(page)
    page.get_by_role("button", name=re.compile("Support desk")).click()
    drawing = Drawing(page).opened()
    drawing.open_preview()
    drawing.say("J'ai été débité deux fois !")
    expect(reply(drawing)).to_contain_text("réservation que votre banque libère sous cinq jours", timeout=LOADING)
    for name, state in {"topic": "done", "billing_faq": "done", "reply": "done", "order_faq": "skipped"}.items():
        expect(drawing.live(name)).to_have_class(re.compile(rf"\b{state}\b"))
    drawing.say("I lost my password and cannot sign in")
    expect(reply(drawing)).to_contain_text("Choose Forgot password on the sign-in page.", timeout=LOADING)
    drawing.say("Do you sell gift cards?")
    expect(reply(drawing)).to_contain_text("I am passing it to a colleague", timeout=LOADING)
    expect(reply(drawing)).to_contain_text("(demo)")
    expect(drawing.live("summary")).to_contain_text("demo")
    expect(drawing.preview.locator(".turn")).to_have_count(6)


def test_stop_ends_a_run_and_a_closed_tab_does_not(page: Page, visitor: Callable[..., BrowserContext]) -> None:
    drawing = imported(page, COUNTER)
    drawing.open_preview()
    drawing.say("Go")
    expect(reply(drawing).locator(".text")).to_contain_text(re.compile(r"\d"), timeout=LOADING)
    expect(drawing.live("count")).to_contain_text("Running")
    address = page.url
    page.close()
    back = visitor().new_page()
    back.goto(address)
    drawing = Drawing(back).opened()
    expect(drawing.preview).to_be_visible()
    expect(drawing.live("count")).to_contain_text("Running")
    back.goto("/runs")
    row = back.locator("table.runs tbody tr").filter(has=back.get_by_role("link", name="Counts")).first
    expect(row).to_contain_text("Running")
    back.goto(address)
    drawing.opened()
    drawing.preview.get_by_role("button", name="Stop").click()
    expect(drawing.live("count")).to_contain_text("Stopped")
    expect(back.locator(".run-state")).to_have_text("Stopped")
    back.goto("/runs")
    expect(row).to_contain_text("Stopped")
