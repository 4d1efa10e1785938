"""A flow that asks Claude: what is missing is said before anything runs; then the answer streams."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Product
from tests.journeys.conftest import KEY, at_home, imported
from tests.journeys.drawing import Drawing
from tests.wire.anthropic_server import Answer, AnthropicServer

FLOW = """
canevas: 1
name: Asks Claude
steps:
  chat:
    kind: chat_start
    version: 1
  ask:
    kind: llm
    version: 1
    config:
      model: claude-sonnet-5-5
      prompt: '{{ chat.message }}'
  answer:
    kind: answer
    version: 1
edges:
- chat.history -> ask.history
- ask.text -> answer.value
"""
FIRST = 30_000  # ms in which the first question is on its way: the SDK is loaded for it
POEM = "Roses are red, violets are blue, wires are drawn, and tokens come through."


@pytest.fixture
def heard(page: Page) -> list[str]:
    """Everything that the server says to this tab over the websocket."""
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    return frames


def test_without_a_key_then_with_one(page: Page, claude: AnthropicServer, running: Product, heard: list[str]) -> None:
    drawing = imported(page, FLOW)
    without_a_key(drawing)
    assert claude.requests == []
    set_the_key(page, running.home)
    assert heard
    assert KEY not in "".join(heard)
    at_home(page)
    page.get_by_role("link", name="Asks Claude").click()
    drawing.opened()
    expect(page.locator(".validation > button")).to_have_accessible_name("No problems")
    drawing.open_preview()
    stop_a_stream(drawing, claude)
    hear_it_all(drawing, claude)
    leave_and_come_back(drawing, claude)


def without_a_key(drawing: Drawing) -> None:
    """The step, the list of problems and the preview say what is missing and what to do."""
    problem = re.compile(r"There is no key for Anthropic\..*Add a secret named .?anthropic.? in Settings", re.DOTALL)
    drawing.page.locator(".validation > button").click()
    problems = drawing.page.get_by_role("list", name="Problems")
    expect(problems).to_contain_text(problem)
    problems.get_by_role("button", name=re.compile("LLM")).click()
    expect(drawing.field("model")).to_contain_text(problem)
    drawing.open_preview()
    drawing.say("Hello")
    expect(drawing.preview).to_contain_text("LLM: There is no key for Anthropic.")
    expect(drawing.preview).to_contain_text("Add a secret named")
    expect(drawing.live("chat")).to_be_hidden()


def set_the_key(page: Page, home: Path) -> None:
    """Settings take the key and never show it again."""
    page.goto("/settings")
    page.get_by_role("button", name="Set the key").click()
    dialog = page.get_by_role("dialog")
    value = dialog.get_by_label("Value")
    expect(value).to_have_attribute("type", "password")
    value.fill(KEY)
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    row = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Anthropic key"))
    expect(row).to_contain_text("Set")
    expect(row.get_by_role("button", name="Replace anthropic")).to_be_visible()
    assert KEY not in page.content()
    page.reload()
    expect(row.get_by_role("button", name="Replace anthropic")).to_be_visible()
    assert KEY not in page.content()
    kept = list(home.glob("canevas.db*"))
    assert kept
    assert not any(KEY.encode() in file.read_bytes() for file in kept)


def stop_a_stream(drawing: Drawing, claude: AnthropicServer) -> None:
    """Tokens are on the card and in the chat while the model still speaks; Stop ends it."""
    claude.queue(Answer(POEM, piece=11, silent_after=3))
    drawing.say("A poem, please")
    expect(drawing.live("ask")).to_contain_text("Running")
    expect(drawing.live("ask")).to_contain_text(POEM[:33], timeout=FIRST)
    turn = drawing.preview.locator(".turn.assistant").last
    expect(turn.locator(".text")).to_have_text(POEM[:33])
    assert claude.requests[-1].sent == 3
    drawing.preview.get_by_role("button", name="Stop").click()
    expect(drawing.live("ask")).to_contain_text("Stopped")
    expect(drawing.page.locator(".run-state")).to_have_text("Stopped")
    expect(turn.locator(".text")).to_have_text(POEM[:33])
    expect(drawing.preview.get_by_role("button", name="Stop")).to_be_hidden()


def hear_it_all(drawing: Drawing, claude: AnthropicServer) -> None:
    """The next one comes to its end; the card says who answered."""
    claude.queue(POEM)
    drawing.say("Once more")
    turn = drawing.preview.locator(".turn.assistant").last
    expect(turn.locator(".text")).to_have_text(POEM)
    expect(turn).to_contain_text("answered by claude-sonnet-5-5")
    expect(drawing.live("ask")).to_contain_text("claude-sonnet-5-5")
    expect(drawing.live("ask")).not_to_contain_text("demo")
    assert claude.requests[-1].json["model"] == "claude-sonnet-5-5"
    assert claude.requests[-1].json["messages"][-1]["content"] == "Once more"


def leave_and_come_back(drawing: Drawing, claude: AnthropicServer) -> None:
    """A run goes on when its tab is closed; another tab finds it and can stop it."""
    claude.queue(Answer(POEM, piece=11, silent_after=2))
    drawing.say("And again")
    expect(drawing.live("ask")).to_contain_text(POEM[:22])
    address, page = drawing.page.url, drawing.page.context.new_page()
    drawing.page.close()
    page.goto(address)
    back = Drawing(page).opened()
    expect(back.preview).to_be_visible()
    expect(back.live("ask")).to_contain_text(POEM[:22])
    page.goto("/runs")
    row = page.locator("table.runs tbody tr").filter(has=page.get_by_role("link", name="Asks Claude")).first
    expect(row).to_contain_text("Running")
    row.get_by_role("link").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".facts")).to_contain_text("Stopped")
    page.goto("/runs")
    expect(row).to_contain_text("Stopped")
    expect(page.locator("table.runs tbody tr").filter(has_text="Asks Claude").filter(has_text="Done")).to_have_count(1)
