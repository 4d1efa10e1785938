"""A run that asks people for each item: answered in the editor, in the inbox, and by a link without an account."""

import re
from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import Product
from tests.journeys.conftest import imported
from tests.journeys.drawing import Drawing

FLOW = """
canevas: 1
name: Letters to approve
steps:
  start:
    kind: api_start
    version: 1
    config:
      fields:
      - name: names
        type: list
  each:
    kind: for_each
    version: 1
    config:
      items: '{{ start.names }}'
  write:
    kind: template
    version: 1
    within: each
    config:
      template: Dear {{ each.item }}
  ask:
    kind: ask_person
    version: 1
    within: each
    config:
      title: May the letter to {{ each.item }} go?
      shown: '{{ write.output }}'
      fields:
      - name: remark
        type: text
        required: false
  sent:
    kind: template
    version: 1
    within: each
    config:
      template: '{{ each.item }}: sent'
  kept:
    kind: template
    version: 1
    within: each
    config:
      template: '{{ each.item }}: {{ ask.reject.remark }}'
  answer:
    kind: answer
    version: 1
    config:
      value: '{{ each.output }}'
edges:
- start.names -> each
- write.output -> ask
- ask.approve -> sent
- ask.reject -> kept
- sent.output -> each.result
- kept.output -> each.result
- each.output -> answer
"""


def test_three_questions_are_answered_in_three_places(
    visitor: Callable[..., BrowserContext], browser: Browser, running: Product
) -> None:
    context = visitor(permissions=["clipboard-read", "clipboard-write"])
    drawing = imported(context.new_page(), FLOW)
    asked(drawing)
    in_the_editor(drawing)
    link = in_the_inbox(drawing.page)
    by_the_link(browser, link)
    drawing.page.go_back()
    drawing.opened()
    expect(drawing.page.locator(".run-state")).to_have_text("")  # it has ended, so it is not taken up any more
    drawing.page.goto("/runs")
    drawing.page.get_by_role("link", name="Letters to approve").first.click()
    answer = drawing.page.get_by_label("output")
    expect(answer).to_contain_text("Ada: sent")
    assert re.sub(r"\s*\n\s*", "", answer.inner_text()) == '["Ada: sent","Grace: not today","Alan: sent"]'


def asked(drawing: Drawing) -> None:
    """The run asks for all items at once, the first one first, and waits."""
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="names").fill('["Ada", "Grace", "Alan"]')
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.preview.get_by_role("heading", level=3)).to_have_text(
        [f"May the letter to {name} go?" for name in ("Ada", "Grace", "Alan")]
    )
    expect(drawing.page.locator(".run-state")).to_have_text("Waiting")
    expect(drawing.live("each")).to_have_text("Waiting")
    expect(drawing.step("each").locator(".progress")).to_have_text("0 of 3")


def in_the_editor(drawing: Drawing) -> None:
    """Also a tab that was loaded anew stands where the run does, with its form."""
    drawing.page.reload()
    drawing.opened()
    expect(drawing.page.locator(".run-state")).to_have_text("Waiting")
    expect(drawing.live("each")).to_have_text("Waiting")
    ada = drawing.preview.get_by_role("article").filter(has_text="Ada")
    expect(ada.get_by_label("Data to judge")).to_have_text("Dear Ada")
    ada.get_by_role("button", name="Approve").click()
    expect(drawing.preview.get_by_role("article")).to_have_count(2)
    expect(drawing.step("each").locator(".progress")).to_have_text("1 of 3")


def in_the_inbox(page: Page) -> str:
    """Grace's letter is kept; the link for Alan's is copied."""
    page.goto("/inbox")
    page.get_by_role("button", name=re.compile("Grace")).click()
    expect(page.get_by_role("heading", name="May the letter to Grace go?")).to_be_focused()
    page.get_by_role("textbox", name="remark").fill("not today")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("button", name=re.compile("Grace"))).to_have_count(0)
    page.get_by_role("button", name=re.compile("Alan")).click()
    expect(page.get_by_role("heading", name="May the letter to Alan go?")).to_be_focused()
    page.get_by_role("button", name="Copy a link for answering").click()
    return str(page.evaluate("navigator.clipboard.readText()"))


def by_the_link(browser: Browser, link: str) -> None:
    """Somebody without an account reads the letter and lets it go, once."""
    guest = browser.new_context()
    page = guest.new_page()
    page.goto(link)
    expect(page.get_by_text("Dear Alan")).to_be_visible()
    page.get_by_label("Approve").check()
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("button")).to_have_count(0)
    guest.close()
