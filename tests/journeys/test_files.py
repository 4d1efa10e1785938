"""Flows as files: out and in again without a change, and bad files with a precise list of what is wrong."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import ROOT
from tests.journeys.conftest import at_home, import_file, imported
from tests.journeys.drawing import Drawing

START = "canevas: 1\nname: {name}\nsteps:\n  start:\n    kind: api_start\n    version: 1\n"
SLOW = 60_000  # ms that a very large file may take


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("*.yaml")))
def test_a_file_comes_out_as_it_went_in(page: Page, example: str) -> None:
    text = (ROOT / "examples" / example).read_text()
    drawing = imported(page, text)
    name = drawing.page.get_by_label("Name of the flow").input_value()
    at_home(page)
    page.get_by_role("button", name=f"More for {name}").first.click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name="Export").click()
    assert coming.value.suggested_filename == example
    assert Path(coming.value.path()).read_text() == text


BAD = {
    "malformed": ("canevas: 1\nsteps: [\n  a: }\n", ["Line 3"], "Mend the YAML at that line."),
    "not a flow": ("- one\n- two\n", ["The file holds", "not a flow"], "A flow begins with"),
    "empty": ("", ["The file"], ""),
    "no text": (b"\xff\xfe\x00\x00\x9f", ["The file is not UTF-8 text."], "Save it as UTF-8."),
    "newer format": ("canevas: 99\nname: x\nsteps: {}\n", ["The file has format 99"], "Update Canevas"),
    "deep": (f"canevas: 1\nname: {'[' * 5000}{']' * 5000}\n", ["nested deeper than 64 levels"], "Flatten it."),
    "bomb": ("a: &a [1, 2]\nb: *a\n", ["Line 1 uses a YAML anchor or alias."], "Write the value out"),
    "tag": ("canevas: !!python/object:os.system x\n", ["Line 1 uses the YAML tag"], "Remove it"),
    "twice": ("canevas: 1\ncanevas: 1\n", ["stands twice"], "Keep one of the two."),
    "too many steps": (
        "canevas: 1\nsteps:\n" + "".join(f"  s{n}: {{kind: template, version: 1}}\n" for n in range(20_001)),
        ["The flow has 20001 steps; the limit is 20000."],
        "Split it into several flows.",
    ),
    "several": (
        "canevas: 1\nname: x\nsteps:\n  'Not a name!': {kind: template, version: 1}\nedges: [nonsense]\n",
        ["Not a name!", "nonsense"],
        "Correct it",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_told_precisely(page: Page, what: str) -> None:
    text, wrong, mend = BAD[what]
    at_home(page)
    before = page.locator("ul.flows > li").count()
    import_file(page, text, "bad.yaml")
    dialog = page.get_by_role("dialog", name="This file cannot be imported")
    expect(dialog).to_be_visible(timeout=SLOW)
    expect(dialog).to_contain_text("bad.yaml")
    for part in wrong:
        expect(dialog.get_by_role("listitem").filter(has_text=part).first).to_contain_text(mend)
    expect(dialog).not_to_contain_text(re.compile('Traceback|Error:|File "'))
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("ul.flows > li")).to_have_count(before)


def test_a_circle_opens_and_is_told_with_its_steps(page: Page) -> None:
    text = START.format(name="Circle") + (
        "  one: {kind: template, version: 1, config: {template: '1'}}\n"
        "  two: {kind: template, version: 1, config: {template: '2'}}\n"
        "edges:\n- start.text -> one\n- one.output -> two\n- two.output -> one\n"
    )
    drawing = imported(page, text)
    problems(drawing, re.compile("These steps wait for each other: .*Cut one of the wires between them"))


def test_an_unknown_node_keeps_its_place_its_settings_and_its_wires(page: Page) -> None:
    text = START.format(name="Unknown node") + (
        "  brew:\n    kind: coffee_machine\n    version: 3\n    config:\n      strength: 7\n"
        "  answer: {kind: answer, version: 1, config: {value: Served}}\n"
        "edges:\n- start.text -> brew.beans\n- brew.cup -> answer\n"
    )
    drawing = imported(page, text)
    expect(drawing.step("brew").locator(".step-card")).to_have_class(re.compile(r"\bunknown\b"))
    expect(drawing.wires).to_have_count(2)
    problems(drawing, re.compile("No node is called .?coffee_machine.*Install the package"))
    drawing.select("brew")
    expect(drawing.properties).to_contain_text("Its settings and wires are kept.")
    expect(drawing.properties).to_contain_text('"strength": 7')


def test_ten_thousand_steps_open(page: Page) -> None:
    lines = [START.format(name="Ten thousand")]
    lines += [f"  s{n}: {{kind: template, version: 1, config: {{template: '{n}'}}}}\n" for n in range(9_999)]
    lines += ["edges:\n- start.text -> s0\n"]
    lines += [f"- s{n}.output -> s{n + 1}\n" for n in range(9_998)]
    at_home(page)
    import_file(page, "".join(lines))
    drawing = Drawing(page)
    expect(drawing.step("start")).to_be_visible(timeout=SLOW)
    expect(drawing.properties.locator(".count").first).to_have_text("10000", timeout=SLOW)


def problems(drawing: Drawing, said: re.Pattern[str]) -> None:
    """The list of problems holds this."""
    drawing.page.locator(".validation > button").click()
    expect(drawing.page.get_by_role("list", name="Problems")).to_contain_text(said)
    drawing.page.keyboard.press("Escape")
