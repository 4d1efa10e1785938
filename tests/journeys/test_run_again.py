"""A loop that fails at one item: gone on with from there, with the draft, another value, or a published version."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import picture
from tests.journeys.conftest import imported
from tests.journeys.drawing import Drawing

FLOW = """
canevas: 1
name: Greetings by age
steps:
  start:
    kind: api_start
    version: 1
    config:
      fields:
      - name: people
        type: list
  each:
    kind: for_each
    version: 1
    config:
      items: '{{ start.people }}'
  named:
    kind: template
    version: 1
    within: each
    config:
      template: '{{ each.item.name }}'
  told:
    kind: template
    version: 1
    within: each
    config:
      template: '{{ named.output }} is {{ each.item.age + 1 }}'
  answer:
    kind: answer
    version: 1
    config:
      value: '{{ each.output }}'
edges:
- start.people -> each
- named.output -> told
- told.output -> each.result
- each.output -> answer
"""
PEOPLE = '[{"name": "Ada", "age": 36}, {"name": "Bob", "age": "many"}, {"name": "Cy", "age": 3}]'


def test_what_had_finished_is_taken_over(page: Page) -> None:
    drawing = imported(page, FLOW)
    fails(drawing)
    publish(drawing.page)
    goes_on_with_the_draft(drawing)
    goes_on_with_another_value(drawing)
    goes_back_to_what_was_published(drawing.page)


def fails(drawing: Drawing) -> None:
    """The canvas shows the item that failed; the step in it says why, the frame around it only that it did."""
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="people").fill(PEOPLE)
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.live("told")).to_contain_text("Failed")
    expect(drawing.live("told").locator(".more")).to_contain_text("TypeError")
    expect(drawing.live("each")).to_have_text("Failed")
    expect(drawing.room("each").locator(".calls")).to_have_text("2 of 3")


def goes_on_with_the_draft(drawing: Drawing) -> None:
    """The step is mended and runs again; the names are those of the run before."""
    drawing.select("told")
    drawing.fill("template", "{{ named.output }} is {{ each.item.age }}")
    drawing.preview.get_by_role("button", name="Run again from the failed step").click()
    expect(drawing.preview.get_by_label("Answer")).to_contain_text("Bob is many")
    expect(drawing.live("named")).to_have_text("from the earlier run")
    expect(drawing.live("told")).not_to_contain_text("earlier")


def goes_on_with_another_value(drawing: Drawing) -> None:
    """On the run's page Bob gets another name; of the list, only what he is in changes."""
    page = drawing.page
    drawing.preview.get_by_role("link", name="See the run").click()
    row(page, "named").click()
    page.get_by_label("Pass of each").select_option(index=1)
    expect(page.get_by_label("output")).to_have_text("Bob")
    page.get_by_role("button", name="Use another value").click()
    page.get_by_role("textbox", name="What each[1]/named gave").fill('{"output": "Bobby"}')
    page.get_by_role("button", name="Run again with it").click()
    expect(page.get_by_text("Repeats an earlier run")).to_be_visible()
    answer = page.get_by_label("output")
    expect(answer).to_contain_text("Bobby is many")
    assert re.sub(r"\s*\n\s*", "", answer.inner_text()) == '["Ada is 36","Bobby is many","Cy is 3"]'
    row(page, "named").click()
    expect(page.locator(".ran-through")).to_contain_text("from the earlier run")
    page.get_by_label("Pass of each").select_option(index=1)
    expect(page.locator(".ran-through")).to_contain_text("given by you")
    expect(row(page, "named")).not_to_contain_text("ms")
    expect(row(page, "named")).to_contain_text("given by you")


def publish(page: Page) -> None:
    """The flow as it fails becomes version 1."""
    page.locator("#deploy-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#deploy-key")).to_be_visible()
    page.keyboard.press("Escape")


def goes_back_to_what_was_published(page: Page) -> None:
    """From the mended step on, with the version that was not mended: it fails as it did; what is the same stays."""
    row(page, "told").click()
    page.get_by_label("Pass of each").select_option(index=1)
    version = page.get_by_role("combobox", name="With")
    expect(version).to_have_accessible_description("")
    version.focus()
    page.keyboard.press("End")
    expect(version.get_by_role("option", selected=True)).to_have_text(re.compile(r"^version 1 · \d+ \w+$"))
    expect(version).to_have_accessible_description(re.compile("are taken over from this run"))
    picture(page, "run-with-a-version")
    page.get_by_role("button", name="Run again from here").click()
    expect(page.locator(".facts")).to_contain_text(re.compile("Failed.*v1"))
    expect(row(page, "named")).to_contain_text("from the earlier run")
    expect(version.get_by_role("option")).to_have_text(["the flow as it ran", "the draft of today"])


def row(page: Page, name: str) -> Locator:
    return page.locator(".run-steps").get_by_role("button", name=re.compile(name))
