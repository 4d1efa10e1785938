"""Home as a person uses it: look, search, make, rename, duplicate, delete and take back, export, import."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from runtime.graph.flowfile import read
from runtime.graph.markup import MAX_BYTES
from tests.browser import ROOT, picture
from tests.builder.conftest import WorkedIn
from tests.builder.furnished import GREETING

pytestmark = pytest.mark.browser
GOOD = "canevas: 1\nname: {name}\nsteps:\n  start: {{kind: api_start, version: 1}}\n"


@pytest.fixture
def home(page: Page, worked_in: WorkedIn) -> Page:
    page.goto(worked_in.product.url)
    expect(page.get_by_role("list").filter(has=page.get_by_role("link", name="Greeting", exact=True))).to_be_visible()
    return page


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))


def command(page: Page, flow: str, name: str) -> None:
    page.get_by_role("button", name=f"More for {flow}", exact=True).click()
    page.get_by_role("menuitem", name=name).click()


def bring(page: Page, name: str, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/yaml", "buffer": data})


def to_be_in_the_editor(page: Page, name: str) -> None:
    expect(page).to_have_url(re.compile(r"/flows/\w+$"))
    expect(page.get_by_role("textbox", name="Name of the flow")).to_have_value(name)


def on_disk(worked_in: WorkedIn) -> set[Path]:
    """Every file where an upload could be left: the home, and what Reflex keeps beside the code."""
    folders = (worked_in.product.home, ROOT / "uploaded_files", ROOT / ".states")
    return {path for folder in folders for path in folder.rglob("*") if "canevas.db" not in path.name}


def test_each_flow_says_how_it_stands(home: Page) -> None:
    greeting = row(home, "Greeting")
    for said in ("5 steps", "Deployed at greeting, v1", "Done"):
        expect(greeting).to_contain_text(said)
    expect(row(home, "Weather mail")).to_contain_text("Draft")
    expect(row(home, "Weather mail")).to_contain_text("Failed")
    expect(greeting.locator("time").first).to_have_attribute("title", re.compile(r"20\d\d"))


def test_a_new_flow_opens_in_the_editor_with_a_start(home: Page) -> None:
    home.get_by_role("button", name="New flow").click()
    to_be_in_the_editor(home, "Untitled")
    home.get_by_role("link", name="Flows").first.click()
    expect(row(home, "Untitled")).to_contain_text("1 step")


def test_an_example_opens_with_one_click(home: Page) -> None:
    home.get_by_role("button", name=re.compile("^Fan-out research")).click()
    to_be_in_the_editor(home, "Fan-out research")


def test_rename_by_keyboard(home: Page) -> None:
    bring(home, "before.yaml", GOOD.format(name="Before"))
    to_be_in_the_editor(home, "Before")
    home.get_by_role("link", name="Flows").first.click()
    home.get_by_role("button", name="More for Before").focus()
    home.keyboard.press("Enter")
    expect(home.get_by_role("menuitem", name="Rename")).to_be_focused()
    home.keyboard.press("Enter")
    name = home.get_by_role("textbox", name="Name")
    expect(name).to_be_focused()
    name.fill("   ")
    home.keyboard.press("Enter")
    expect(home.get_by_text("A flow needs a name.")).to_be_visible()
    name.fill("After")
    home.keyboard.press("Enter")
    expect(row(home, "After")).to_be_visible()
    expect(row(home, "Before")).to_have_count(0)


def test_duplicate_then_delete_then_undo(home: Page) -> None:
    command(home, "Greeting", "Duplicate")
    copy = row(home, "Greeting (copy)")
    expect(copy).to_contain_text("Draft")
    command(home, "Greeting (copy)", "Delete")
    expect(copy).to_have_count(0)
    notice = home.get_by_role("status").filter(has_text="“Greeting (copy)” was deleted.")
    picture(home, "home-deleted")
    notice.get_by_role("button", name="Undo").click()
    expect(copy).to_be_visible()
    command(home, "Greeting (copy)", "Delete")
    expect(copy).to_have_count(0)
    home.reload()
    expect(row(home, "Greeting")).to_be_visible()
    expect(copy).to_have_count(0)


def test_export_gives_the_file(home: Page) -> None:
    with home.expect_download() as waiting:
        command(home, "Greeting", "Export")
    assert waiting.value.suggested_filename == "greeting.yaml"
    exported, problems = read(Path(waiting.value.path()).read_bytes())
    assert problems == []
    assert exported == read(GREETING)[0]


def test_a_bad_file_is_told_precisely_and_changes_nothing(home: Page, worked_in: WorkedIn) -> None:
    kept = on_disk(worked_in)
    before = home.get_by_role("button", name=re.compile("^More for")).count()
    bring(home, "broken.yaml", "canevas: 1\nsteps:\n  Two words: {kind: 3}\nedges: [a to b]\n")
    dialog = home.get_by_role("dialog")
    expect(dialog).to_contain_text("broken.yaml")
    expect(dialog.get_by_role("listitem")).to_have_count(3)
    expect(dialog).to_contain_text("Step Two words")
    expect(dialog).to_contain_text("`edges.0`")
    picture(home, "home-bad-file")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    bring(home, "broken.yaml", b"\xff\xfe\x00")
    expect(home.get_by_role("dialog")).to_contain_text("Save it as UTF-8.")
    home.keyboard.press("Escape")
    home.reload()
    expect(row(home, "Greeting")).to_be_visible()
    assert home.get_by_role("button", name=re.compile("^More for")).count() == before
    assert on_disk(worked_in) == kept


def test_a_file_that_is_too_large_stays_where_it_is(home: Page, worked_in: WorkedIn, tmp_path: Path) -> None:
    kept, sent = on_disk(worked_in), []
    home.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(len(frame))))
    home.reload()
    large = tmp_path / "photo.png"
    large.write_bytes(b"\x89PNG" + bytes(MAX_BYTES))
    home.locator("input[type=file]").set_input_files(large)
    dialog = home.get_by_role("dialog", name="This file cannot be imported")
    expect(dialog).to_contain_text(f"The file has {MAX_BYTES + 4} bytes; the limit is {MAX_BYTES}.")
    expect(dialog).to_contain_text("photo.png")
    assert max(sent) < 100_000
    assert on_disk(worked_in) == kept


def test_a_large_file_comes_in_pieces_and_whole(home: Page) -> None:
    """More than the websocket takes in one message."""
    note = "x" * 19_000
    notes = "".join(f"  note{n}: {{text: {note}}}\n" for n in range(80))
    bring(home, "large.yaml", GOOD.format(name="Large") + "notes:\n" + notes)
    to_be_in_the_editor(home, "Large")


def test_a_file_can_be_dropped_anywhere(home: Page) -> None:
    data = home.evaluate_handle(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "dropped.yaml"));
            return data;
        }""",
        GOOD.format(name="Dropped"),
    )
    home.dispatch_event("main", "dragenter", {"dataTransfer": data})
    expect(home.get_by_text("Drop the file to import its flow")).to_be_visible()
    home.dispatch_event("main", "drop", {"dataTransfer": data})
    to_be_in_the_editor(home, "Dropped")


def test_many_flows_are_searched(home: Page) -> None:
    for _ in range(9):
        if home.get_by_role("searchbox").count():
            break
        count = home.get_by_role("button", name=re.compile("^More for")).count()
        command(home, "Slow call", "Duplicate")
        expect(home.get_by_role("button", name=re.compile("^More for"))).to_have_count(count + 1)
    home.get_by_role("searchbox", name="Search flows").fill("weather")
    expect(row(home, "Greeting")).to_have_count(0)
    expect(row(home, "Weather mail")).to_be_visible()
    home.get_by_role("searchbox").fill("no such thing")
    expect(home.get_by_text("No flow has these words.")).to_be_visible()


def test_in_french(home: Page) -> None:
    home.evaluate("canevas.choose('language', 'fr')")
    expect(row(home, "Greeting")).to_contain_text("Déployé sous greeting, v1")
    expect(row(home, "Greeting")).to_contain_text(re.compile("il y a|maintenant"))
    bring(home, "vide.yaml", "")
    expect(home.get_by_role("dialog")).to_contain_text("Un flux commence par")
    picture(home, "home-french")
    home.keyboard.press("Escape")
    home.evaluate("canevas.choose('language', 'en')")
