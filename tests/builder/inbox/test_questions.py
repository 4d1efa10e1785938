"""What a person is asked, and how what was filled in becomes the answer."""

from typing import Any

import pytest

from builder.inbox.questions import Question, answer_of, misfits, question, questions_of
from builder.preview.overlay import RunTrace
from nodes.people import AskPerson
from runtime.interpreter.events import RunStarted, StepPaused, StepStarted

FIELDS = [
    {"name": "why", "description": "In one line."},
    {"name": "price", "type": "number", "required": False},
    {"name": "sure", "type": "boolean", "required": False},
    {"name": "tags", "type": "list", "required": False},
    {"name": "more", "type": "object", "required": False},
]


def asked(shown: Any = None, **config: Any) -> Question:
    """What an `AskPerson` with these settings asks."""
    node = AskPerson(**config)
    request = {"title": node.title, "text": node.text, "schema": node.schema_of_answer(), "shown": shown, "to": node.to}
    return question("r1", "each[2]/ask", request, asked=100.0, until=None)


def test_a_question_without_choices_has_a_field_for_each_value() -> None:
    found = asked(choices=[], fields=FIELDS)
    assert (found["choices"], found["choice"]) == ([], "")
    assert [(one["name"], one["widget"], one["required"]) for one in found["fields"]] == [
        ("why", "text", True),
        ("price", "number", False),
        ("sure", "switch", False),
        ("tags", "json", False),
        ("more", "json", False),
    ]
    assert found["fields"][0]["help"] == "In one line."


def test_choices_are_buttons_with_what_people_call_them() -> None:
    found = asked(choices=[{"name": "yes", "title": "Send it"}, {"name": "no"}], fields=FIELDS[:1])
    assert (found["choice"], [one["name"] for one in found["fields"]]) == ("choice", ["why"])
    assert found["choices"] == [{"value": "yes", "label": "Send it"}, {"value": "no", "label": "no"}]


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        (None, []),
        ("Dear Ada", [("", "Dear Ada")]),
        ({"to": "Ada", "cups": 3}, [("to", "Ada"), ("cups", "3")]),
        ([1], [("", "[\n  1\n]")]),
        ({}, [("", "{}")]),
    ],
)
def test_the_data_to_judge_is_shown_field_by_field(shown: Any, read: list[tuple[str, str]]) -> None:
    assert [(one["name"], one["text"]) for one in asked(shown)["shown"]] == read


@pytest.mark.parametrize(
    ("data", "value", "wrong"),
    [
        ({"choice": "yes", "why": "It is fine."}, {"choice": "yes", "why": "It is fine.", "sure": False}, {}),
        (
            {"choice": "no", "why": "x", "price": "2,5", "sure": "on", "tags": '["a"]', "more": "{}"},
            {"choice": "no", "why": "x", "price": 2.5, "sure": True, "tags": ["a"], "more": {}},
            {},
        ),
        ({"choice": "no", "why": " "}, None, {"why": "Fill this in."}),
        ({"choice": "no", "why": "x", "price": "much"}, None, {"price": "Write a number."}),
        ({"choice": "no", "why": "x", "tags": "a, b"}, None, {"tags": "Write JSON."}),
        ({"choice": "perhaps", "why": "x"}, None, {"choice": "Choose an answer."}),
        ({"why": "x"}, None, {"choice": "Choose an answer."}),
    ],
)
def test_what_was_filled_in_becomes_the_answer(data: dict[str, str], value: Any, wrong: dict[str, str]) -> None:
    found, told = answer_of(asked(choices=[{"name": "yes"}, {"name": "no"}], fields=FIELDS), data)
    assert told == wrong
    assert value is None or found == value


def test_what_the_server_finds_wrong_stands_at_its_field() -> None:
    told = [("/why", "is missing"), ("/tags/0", "must be a text"), ("", "is no object"), ("/tags/1", "must be a text")]
    assert misfits(told, ["why", "tags"]) == ({"why": "is missing", "tags": "must be a text"}, "is no object")


def test_a_run_asks_what_its_waiting_steps_ask() -> None:
    request = {"title": "Good?", "schema": {"type": "object"}}
    trace = RunTrace().take_all(
        [
            RunStarted(1, 1.0, "start", {}),
            StepStarted(2, 1.0, "ask", {}),
            StepPaused(3, 2.0, "ask", request, 60.0),
            StepStarted(4, 1.0, "wait", {}),
            StepPaused(5, 2.0, "wait", None, 60.0),
        ]
    )
    (found,) = questions_of("r1", trace.questions)
    assert (found["id"], found["title"], found["asked"], found["until"]) == ("r1/ask", "Good?", 2.0, 60.0)
