"""What an import tells: every problem with its place and its mend in both languages, and older steps in order."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from builder.backend import Backend
from builder.home.examples import SHOWN, example_text, gallery
from builder.home.importing import migrated_lines, problem_line
from builder.language import french
from nodes.catalog import builtin
from runtime.assembly import open_runtime
from runtime.errors import NotFoundError
from runtime.graph.flowfile import read
from runtime.graph.migration import Migrated
from runtime.graph.problems import MESSAGES
from runtime.settings import Settings

BAD = {
    "nothing": b"",
    "no yaml": b"a: [",
    "no text": b"\xff\xfe\x00",
    "a list": b"[1, 2]",
    "no format": b"name: x",
    "newer": b"canevas: 99\nsteps: {}",
    "an alias": b"canevas: 1\nx: &a 1",
    "a wrong step": b"canevas: 1\nsteps:\n  a:\n    kind: 3",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_every_problem_says_what_and_how_to_mend_it(data: bytes) -> None:
    _, problems = read(data)
    assert problems
    for said in map(problem_line, problems):
        for text in (said["what"], said["mend"]):
            for words in (text, french()[text]):
                assert "{" not in words.format(**said["values"])


def test_every_problem_of_a_flow_is_said_in_french() -> None:
    said = {text for _, *texts in MESSAGES.values() for text in texts}
    # Nothing but a brace: the words come from whoever found the problem.
    assert {text for text in said if re.sub(r"\{\w+\}", "", text).strip()} - set(french()) == set()


def test_a_problem_knows_its_place() -> None:
    _, (yaml,) = read(b"canevas: 1\nsteps:\n  a: [")
    assert problem_line(yaml)["line"] in (3, 4)  # the bracket's line, or the end of the file
    _, (step,) = read(BAD["a wrong step"])
    assert (problem_line(step)["line"], problem_line(step)["step"]) == (0, "a")


def test_steps_that_need_a_person_come_first() -> None:
    report = [
        Migrated("a", "llm", 1, 2, "safe"),
        Migrated("b", "if", 1, 3, "blocked", "choose"),
        Migrated("c", "llm", 1, 2, "review", "unknown settings: x"),
    ]
    said = migrated_lines(report)
    assert [line["step"] for line in said] == ["b", "c", "a"]
    assert said[0]["versions"] == "if 1 → 3"


def test_the_gallery_holds_every_example_in_both_languages() -> None:
    cards = gallery(builtin())
    assert [card["slug"] for card in cards] == list(SHOWN)
    for card in cards:
        assert card["steps"] == len(card["sketch"]["boxes"]) > 5
        assert {card["title"], card["said"]} <= set(french())


@pytest.mark.parametrize("slug", ["../pyproject", "nothing", ""])
def test_no_other_file_is_an_example(slug: str) -> None:
    with pytest.raises(NotFoundError):
        example_text(slug)


async def test_reading_a_very_large_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    steps = "".join(f"  s{n}: {{kind: template, version: 1, config: {{template: '{n}'}}}}\n" for n in range(10_000))
    settings = replace(Settings.from_environment({"CANEVAS_HOME": str(tmp_path)}), weights=tmp_path / "weights")
    async with open_runtime(settings, builtin()) as runtime:
        who, back = await runtime.people.ensure_owner(), Backend(runtime, "")
        # A broken one ends with the reading: nothing but the parser works here.
        reading = asyncio.create_task(back.import_file(who, f"canevas: 1\nsteps:\n{steps}edges: [nonsense]\n"))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0.005)
            turns += 1
        assert [problem.code for problem in (await reading).problems] == ["bad_document"]
        assert await back.flows(who) == []
    assert turns > 10  # on the loop itself the file would be read in one turn
