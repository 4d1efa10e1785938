"""Starts: the schema of what they take, and the ports of what they give."""

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from nodes.triggers import ApiStart, ChatStart, WebhookStart
from runtime.graph.node import Port
from runtime.graph.values import Kind

FIELDS = [
    {"name": "name", "description": "Who asks."},
    {"name": "amount", "type": "number"},
    {"name": "urgent", "type": "boolean", "required": False},
    {"name": "tags", "type": "list", "required": False},
    {"name": "more", "type": "object", "required": False},
]


def test_api_start_says_what_a_caller_sends() -> None:
    assert ApiStart(fields=FIELDS).accepts() == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "Who asks."},
            "amount": {"type": "number"},
            "urgent": {"type": "boolean"},
            "tags": {"type": "array"},
            "more": {"type": "object"},
        },
        "required": ["name", "amount"],
        "additionalProperties": False,
    }


def test_api_start_has_a_port_a_field() -> None:
    assert ApiStart(fields=FIELDS).outputs() == (
        Port("name", Kind.TEXT, help="Who asks."),
        Port("amount", Kind.NUMBER),
        Port("urgent", Kind.BOOLEAN, nullable=True),
        Port("tags", Kind.LIST, nullable=True),
        Port("more", Kind.OBJECT, nullable=True),
    )


@pytest.mark.parametrize("name", ["", "Name", "1st", "a-b", "a b", "é"])
def test_api_start_refuses_what_cannot_name_a_port(name: str) -> None:
    with pytest.raises(ValidationError):
        ApiStart(fields=[{"name": name}])


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"message": "hi"}, True),
        ({"message": ""}, True),
        ({"message": "hi", "history": [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}]}, True),
        ({"message": "hi", "session": "abc"}, True),
        ({}, False),
        ({"message": 1}, False),
        ({"message": "hi", "history": "before"}, False),
        ({"message": "hi", "history": [{"role": "system", "text": "a"}]}, False),
        ({"message": "hi", "history": [{"role": "user"}]}, False),
        ({"message": "hi", "history": [{"role": "user", "text": "a", "at": 1}]}, False),
    ],
)
def test_chat_start_takes_conversations(given: dict, fits: bool) -> None:
    assert Draft202012Validator(ChatStart().accepts()).is_valid(given) is fits


@pytest.mark.parametrize("body", [None, "text", 1, [1], {"a": 1}, True])
def test_webhook_start_takes_any_body(body: object) -> None:
    given = {"body": body, "headers": {"x": "y"}, "query": {"a": "b"}, "method": "POST"}
    assert Draft202012Validator(WebhookStart().accepts()).is_valid(given)


def test_webhook_start_takes_a_call_without_anything() -> None:
    assert Draft202012Validator(WebhookStart().accepts()).is_valid({})
