"""The newcomer's way: from an empty home over a drawn flow to an endpoint that answers curl."""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import Product, product
from tests.journeys.conftest import SCREEN, new_flow
from tests.journeys.drawing import Drawing

MS = re.compile(r"^(<\s)?\d[\d.,\s]*\sm?s$")


@pytest.fixture(scope="module")
def newcomer(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Product]]:
    """Somebody who has just started Canevas for the first time and followed the link that it printed."""
    with product(tmp_path_factory.mktemp("first")) as started:
        context = browser.new_context(viewport=SCREEN, color_scheme="dark", locale="en-GB")
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(started.link)
        yield page, started
        context.close()


def test_from_an_empty_home_to_an_answer_over_curl(newcomer: tuple[Page, Product]) -> None:
    page, started = newcomer
    expect(page.get_by_role("heading", name="No flows yet")).to_be_visible()
    drawing = new_flow(page)
    drawing.call("Greeter")
    draw(drawing)
    fill_in(drawing)
    try_out(drawing)
    command, _ = deploy(drawing)
    answer = json.loads(curl(command))
    assert answer["output"] == "Hello Hello, welcome!"
    stream_and_resume(command)
    look_back(page, started)


def draw(drawing: Drawing) -> None:
    """The start is there; a step from the search, one dragged in, and the wires between them."""
    expect(drawing.steps).to_have_count(1)
    drawing.add("Text template", "template")
    drawing.drag_in("Answer", "answer", (600, 500))
    drawing.fit()
    drawing.connect("start.text", "template.after")
    drawing.connect("template.output", "answer.after")


def fill_in(drawing: Drawing) -> None:
    """The list of problems leads to each setting that misses a value; a click puts an upstream value in."""
    page = drawing.page
    problems = page.locator(".validation > button")
    expect(problems).to_have_accessible_name("2 problems")
    problems.click()
    page.get_by_role("list", name="Problems").get_by_role("button", name=re.compile("^Text template")).click()
    template = drawing.field("template").get_by_role("textbox")
    expect(template).to_be_focused()
    template.press_sequentially("Hello ")
    choose_value(drawing.field("template"), "start.text")
    template.press("End")
    template.press_sequentially(", welcome!")
    template.blur()
    expect(template).to_have_value("Hello {{ start.text }}, welcome!")
    expect(problems).to_have_accessible_name("1 problem")
    problems.click()
    page.get_by_role("list", name="Problems").get_by_role("button").click()
    choose_value(drawing.field("value"), "template.output")
    expect(problems).to_have_accessible_name("No problems")
    drawing.saved()


def choose_value(field: Locator, name: str) -> None:
    """Open the list of values beside a field and click one."""
    field.get_by_role("button", name="Insert a value").click()
    field.get_by_role("option", name=re.compile(re.escape(name))).click()


def try_out(drawing: Drawing) -> None:
    """Run the draft with the form; each card says that it is done and how long it took."""
    drawing.open_preview()
    drawing.preview.get_by_role("textbox", name="text").fill("Ada")
    drawing.preview.get_by_role("button", name="Run").click()
    for name in ("start", "template", "answer"):
        expect(drawing.live(name)).to_have_class(re.compile(r"\bdone\b"))
        expect(drawing.live(name)).to_have_text(MS)
    expect(drawing.preview.get_by_label("Answer")).to_have_text("Hello Ada, welcome!")
    drawing.page.get_by_role("button", name="Close the preview").click()
    drawing.select("template")
    drawing.properties.get_by_role("tab", name="Last run").click()
    expect(drawing.properties.get_by_label("template")).to_have_text("Hello Ada, welcome!")
    expect(drawing.properties.get_by_label("output")).to_have_text("Hello Ada, welcome!")


def deploy(drawing: Drawing) -> tuple[str, str]:
    """Press Deploy; the command to call the flow and its key, as they are shown and copied."""
    page = drawing.page
    page.locator("#deploy-button").click()
    dialog = page.get_by_role("dialog", name="Deploy")
    expect(dialog.get_by_label("Address")).to_have_value("greeter")
    dialog.get_by_role("button", name="Deploy", exact=True).click()
    shown = dialog.locator("#deploy-command")
    expect(shown).to_contain_text("/api/flows/greeter/run")
    command, key = shown.inner_text(), dialog.locator("#deploy-key").inner_text()
    dialog.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == command
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Live, version 1")).to_be_visible()
    page.locator("#deploy-button").click()  # the key was shown this once
    expect(shown).to_contain_text("YOUR_KEY")
    assert key not in page.content()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    return command, key


def curl(command: str, *more: str) -> str:
    """What the shell says to a pasted line."""
    done = subprocess.run(
        ["bash", "-c", " ".join((command, *more))], capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout


def stream_and_resume(command: str) -> None:
    """The same line asks for the run's events, and again for those after the second."""
    head, _, body = curl(command, "-N -i -H 'Accept: text/event-stream'").replace("\r", "").partition("\n\n")
    ids = re.findall(r"^id: (\d+)$", body, re.MULTILINE)
    assert ids == [str(number) for number in range(1, len(ids) + 1)]
    assert body.count("event: step_finished\n") == 3
    assert "event: run_finished\n" in body
    run = re.search(r"^canevas-run: (\S+)$", head, re.MULTILINE | re.IGNORECASE)
    assert run
    resumed = curl(
        command, f"-N -H 'Accept: text/event-stream' -H 'Canevas-Run: {run[1]}' -H 'Last-Event-ID: {ids[-3]}'"
    )
    assert re.findall(r"^id: (\d+)$", resumed, re.MULTILINE) == ids[-2:]
    assert body.endswith(resumed)


def look_back(page: Page, started: Product) -> None:
    """Three runs are in the list, and one of them opens with what each step got and gave."""
    page.get_by_role("link", name="Flows").click()
    expect(page.get_by_text("Deployed at greeter, v1")).to_be_visible()
    page.get_by_role("link", name="Runs").click()
    rows = page.locator("table.runs tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="Done")).to_have_count(3)
    rows.first.get_by_role("link", name="Greeter").click()
    expect(page.locator(".viewer .step-card.is-done")).to_have_count(3)
    page.get_by_role("button", name=re.compile("Text template")).click()
    expect(page.get_by_label("output")).to_have_text("Hello Hello, welcome!")
    assert started.process.poll() is None
