"""A flow that runs another one, and steps that stand in branches and in the ways out of an error."""

import re

from playwright.sync_api import Page, expect

from tests.journeys.conftest import imported, new_flow
from tests.journeys.drawing import Drawing

DONE = re.compile(r"\bdone\b")
CALLED = """
canevas: 1
name: Greeting
steps:
  start:
    kind: api_start
    version: 1
    config:
      fields:
      - name: person
        type: text
  greet:
    kind: template
    version: 1
    config:
      template: Hello {{ start.person }}
  answer:
    kind: answer
    version: 1
    config:
      value: '{{ greet.output }}'
edges:
- start.person -> greet
- greet.output -> answer
"""


def test_a_deployed_flow_is_chosen_wired_and_run(page: Page) -> None:
    imported(page, CALLED)
    page.locator("#deploy-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#deploy-key")).to_be_visible()
    page.goto("/")
    drawing = new_flow(page)
    drawing.call("Caller")
    choose(drawing)
    drawing.add("Answer", "answer")
    drawing.fit()
    drawing.connect("start.text", "sub_flow.person")
    drawing.connect_to_card("sub_flow.output", "answer")
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="text").fill("Ada")
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.preview.get_by_label("Answer")).to_have_text("Hello Ada")
    look_into_it(drawing)


def choose(drawing: Drawing) -> None:
    """What is deployed comes first; the card says the flow by its name, and takes what its start takes."""
    drawing.add("Run a flow", "sub_flow")
    flows = drawing.field("flow").get_by_role("combobox")
    expect(flows.get_by_role("option", name="Caller (this flow)")).to_have_count(1)
    flows.select_option(label="Greeting")
    expect(drawing.step("sub_flow").locator(".line")).to_have_text("Greeting")
    expect(drawing.port("sub_flow.person", "target")).to_be_visible()
    drawing.saved()


def look_into_it(drawing: Drawing) -> None:
    """The steps of the other flow stand below the step that runs it, and tell what they gave."""
    page = drawing.page
    drawing.preview.get_by_role("link", name="See the run").click()
    inner = page.locator(".run-steps").get_by_role("button", name=re.compile("greet"))
    expect(inner).to_contain_text("in another flow")
    inner.click()
    expect(page.get_by_label("output")).to_have_text("Hello Ada")


def test_branches_and_what_happens_when_one_fails(drawing: Drawing) -> None:
    draw(drawing)
    fill_in(drawing)
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="text").fill("Ada")
    drawing.preview.get_by_role("button", name="Run").click()
    expect(drawing.preview.get_by_label("Answer")).to_have_text("Mended: No paper")
    for name in ("parallel", "stop_with_error"):
        expect(drawing.live(name)).to_contain_text("Failed")
    for name in ("try_1", "template", "template_2", "template_3"):
        expect(drawing.live(name)).to_have_class(DONE)


def draw(drawing: Drawing) -> None:
    """A Try; in its body two branches, of which one fails; a step that mends it, and one that comes last."""
    drawing.add("Try", "try_1")  # `try` is a word of expressions
    drawing.fit()
    drawing.connect("start.text", "try_1.after")
    drawing.add("Answer", "answer")
    drawing.fit()
    drawing.drag_in("Parallel", "parallel", (150, 60), drawing.room("try_1"))
    drawing.fit()
    drawing.drag_in("Text template", "template", (90, 40), drawing.room("parallel", "first"))
    drawing.fit()
    drawing.drag_in("Stop with error", "stop_with_error", (90, 40), drawing.room("parallel", "second"))
    drawing.fit()
    drawing.drag_in("Text template", "template_2", (150, 30), drawing.room("try_1", "catch"))
    drawing.fit()
    drawing.drag_in("Text template", "template_3", (150, 30), drawing.room("try_1", "finally"))
    drawing.fit()
    for name, frame in {"template": "Parallel", "template_2": "Try", "parallel": "Try"}.items():
        expect(drawing.step(name)).to_have_accessible_name(re.compile(f"inside {frame}"))
    drawing.connect_to_card("try_1.output", "answer")


def fill_in(drawing: Drawing) -> None:
    settings = {
        "template": ("template", "Hello {{ start.text }}"),
        "stop_with_error": ("message", "No paper"),
        "template_2": ("template", "Mended: {{ try_1.error.what }}"),
        "template_3": ("template", "Tidied up"),
    }
    for name, (field, value) in settings.items():
        drawing.select(name)
        drawing.fill(field, value)
    expect(drawing.page.locator(".validation > button")).to_have_accessible_name("No problems")
