"""Another value for what a step gave, as a person writes it."""

from typing import Any

import pytest

from builder.preview.edited import edited, to_edit


def test_what_a_step_gave_is_written_out() -> None:
    assert to_edit({"text": "né"}, ["text"]) == '{\n  "text": "né"\n}'


def test_a_step_that_gave_nothing_shows_what_it_could_give() -> None:
    assert to_edit(None, ["text", "score"]) == '{\n  "text": null,\n  "score": null\n}'


@pytest.mark.parametrize(
    ("text", "value", "wrong"),
    [
        ('{"text": 1}', {"text": 1}, ""),
        ("{}", {}, ""),
        ('{\n"text": \n}', {}, "This is no JSON; look at line {line}."),
        ('{"text": NaN}', {}, "This is no JSON; look at line {line}."),
        ("[" * 100_000, {}, "This is no JSON; look at line {line}."),
        ('"text"', {}, "Write an object with a value for each output."),
        ('{"txt": 1}', {"txt": 1}, "This step has no output `{name}`; it has {known}."),
    ],
)
def test_a_written_value_is_checked(text: str, value: dict[str, Any], wrong: str) -> None:
    found, told, _ = edited(text, ["text", "score"])
    assert told == wrong
    assert wrong or found == value


def test_outputs_that_nobody_knows_may_have_any_name() -> None:
    assert edited('{"txt": 1}', []) == ({"txt": 1}, "", {})


def test_a_mistake_says_in_which_line_it_stands() -> None:
    assert edited('{\n"text": \n}', [])[2] == {"line": "3"}
