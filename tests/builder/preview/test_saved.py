"""Large values on a page: how they begin is shown, the whole is saved, and a chat goes on with all that was said."""

import json

import pytest

from builder.preview.inspected import SHOWN, inspect, shown
from builder.preview.overlay import RunTrace, StepTrace
from builder.preview.saved import file_of
from builder.preview.transcript import Turn, abridged, history
from runtime.interpreter.events import (
    BodyStarted,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFailed,
    StepFinished,
    StepStarted,
)
from runtime.interpreter.events import Failure as Why

TEXT = "é" * 50_000
ROWS = [{"n": number} for number in range(5_000)]
RAN = RunTrace().take_all(
    [
        RunStarted(1, 1.0, "start", {"text": TEXT}),
        StepStarted(2, 1.0, "each", {"items": ROWS}),
        BodyStarted(3, 1.0, "each[2]", {"item": 1}),
        StepStarted(4, 1.0, "each[2]/write", {"text": TEXT}),
        StepFinished(5, 1.0, "each[2]/write", {"output": TEXT}),
        StepStarted(6, 1.0, "broke", {"text": TEXT}),
        StepFailed(7, 1.0, "broke", Why("It broke")),
        RunFinished(8, 1.0, ROWS),
    ]
)


@pytest.mark.parametrize(
    ("step", "side", "name", "file", "value"),
    [
        ("", "input", "text", "text.txt", TEXT),
        ("", "output", "output", "output.json", ROWS),
        ("each", "input", "items", "each-items.json", ROWS),
        ("each[2]/write", "output", "output", "each-2-write-output.txt", TEXT),
    ],
)
def test_the_whole_of_a_value_is_a_file(step: str, side: str, name: str, file: str, value: object) -> None:
    made = file_of(RAN, step, side, name)
    assert made is not None
    assert made.name == file
    assert (json.loads(made.text) if file.endswith("json") else made.text) == value


@pytest.mark.parametrize(
    ("step", "side", "name"),
    [("", "input", "nope"), ("nope", "input", "text"), ("each[9]/write", "output", "output"), ("broke", "output", "x")],
)
def test_what_the_run_does_not_have_is_no_file(step: str, side: str, name: str) -> None:
    assert file_of(RAN, step, side, name) is None


def test_a_page_is_given_the_beginning_and_says_how_much_is_left() -> None:
    assert shown("text", TEXT) == {"name": "text", "text": TEXT[:SHOWN], "cut": 30_000, "plain": True}
    step = StepTrace("a")
    step.take(StepStarted(1, 1.0, "a", {"rows": ROWS}))
    step.take(StepDelta("a", TEXT + "the end"))
    found = inspect(step)
    assert len(found["input"][0]["text"]) == len(found["streaming"]) == SHOWN
    assert found["streaming"].endswith("the end")


def test_a_long_turn_is_shown_in_part_and_told_on_in_full() -> None:
    said = (Turn("user", "Hi"), Turn("assistant", TEXT + "the end"))
    first, second = abridged(said)
    assert first == said[0]
    assert (second.text, second.cut) == (TEXT[:SHOWN], 30_007)
    assert history(said)[1]["text"] == TEXT + "the end"
    (streaming,) = abridged((Turn("assistant", TEXT + "the end", "streaming"),))
    assert (len(streaming.text), streaming.text[-7:]) == (SHOWN, "the end")
