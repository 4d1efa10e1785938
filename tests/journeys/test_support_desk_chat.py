"""The example Support desk in the preview, with the models that need no key."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import WEIGHTS, at_home, imported
from tests.journeys.drawing import Drawing

pytestmark = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the built-in models are not there: canevas weights")
LOADING = 60_000  # ms in which a built-in model is loaded and has answered, on a busy machine
STORY = """
canevas: 1
name: Tells a story
steps:
  chat:
    kind: chat_start
    version: 1
  tell:
    kind: llm
    version: 1
    config:
      prompt: Write a long story in ten chapters about {{ chat.message }} who learns to sail. Tell each in full.
      temperature: 0
      max_tokens: 2000
  answer:
    kind: answer
    version: 1
edges:
- tell.text -> answer.value
"""


def reply(drawing: Drawing) -> Locator:
    """The last answer in the chat."""
    return drawing.preview.locator(".turn.assistant").last


def test_the_desk_answers_in_both_languages(page: Page) -> None:
    at_home(page)
    page.get_by_role("button", name=re.compile("^Support desk")).click()
    drawing = Drawing(page).opened()
    drawing.open_preview()
    drawing.say("J'ai été débité deux fois !")
    expect(reply(drawing)).to_contain_text("réservation que votre banque libère sous cinq jours", timeout=LOADING)
    for name, state in {"topic": "done", "billing_faq": "done", "reply": "done", "order_faq": "skipped"}.items():
        expect(drawing.live(name)).to_have_class(re.compile(rf"\b{state}\b"))
    drawing.say("I lost my password and cannot sign in")
    expect(reply(drawing)).to_contain_text("Choose Forgot password on the sign-in page.", timeout=LOADING)
    drawing.say("Are you hiring in Lyon?")
    expect(reply(drawing)).to_contain_text("I am passing it to a colleague", timeout=LOADING)
    expect(reply(drawing)).to_contain_text("(demo)")
    expect(drawing.live("summary")).to_contain_text("demo")
    expect(drawing.preview.locator(".turn")).to_have_count(6)


def test_stop_ends_the_built_in_model_too(page: Page) -> None:
    drawing = imported(page, STORY)
    drawing.open_preview()
    drawing.say("a dragon")
    expect(reply(drawing).locator(".text")).to_contain_text("dragon", timeout=LOADING)
    expect(drawing.live("tell")).to_contain_text("Running")
    drawing.preview.get_by_role("button", name="Stop").click()
    expect(drawing.live("tell")).to_contain_text("Stopped")
    expect(page.locator(".run-state")).to_have_text("Stopped")
    expect(drawing.live("answer")).to_be_hidden()
