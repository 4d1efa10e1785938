"""The fake that all tests stand on: it keeps to the protocol, streamed or not, and answers the same every time."""

import json

import anthropic
import pytest

from tests.wire.anthropic_server import Failure, anthropic_server, filled

LEAD = {
    "type": "object",
    "properties": {
        "email": {"type": "string"},
        "pieces": {"type": "integer"},
        "topic": {"enum": ["order", "billing", "other"]},
        "urgent": {"type": "boolean"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
    },
    "$defs": {"item": {"type": "object", "properties": {"name": {"type": "string"}}}},
}


def test_streamed_and_whole_answers_are_the_same() -> None:
    with anthropic_server() as server, anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client:
        asked = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Où <b>est</b> Ana ?"}]}
        whole = client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            streamed = stream.get_final_message()
    assert whole.content[0].text == streamed.content[0].text == "Answer to: Où est Ana ?"
    assert whole.usage.output_tokens == streamed.usage.output_tokens == 5
    assert (whole.model, whole.stop_reason) == ("claude-x", "end_turn")
    assert [received.text for received in server.requests] == ["Où <b>est</b> Ana ?"] * 2


def test_form_follows_the_schema_and_takes_from_the_text() -> None:
    text = "Billing: 3 lamps for ana@example.org please"
    assert filled(LEAD, text, LEAD) == {
        "email": "ana@example.org",
        "pieces": 3,
        "topic": "billing",
        "urgent": True,
        "items": [{"name": text}],
    }


def test_script_comes_before_answer() -> None:
    with anthropic_server() as server, anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client:
        server.answer = lambda request: {"model": request["model"]}
        server.queue("first", Failure(429, "rate_limit_error", headers={"retry-after": "3"}))

        def ask() -> str:
            message = [{"role": "user", "content": "?"}]
            return client.messages.create(model="m", max_tokens=9, messages=message).content[0].text

        assert ask() == "first"
        with pytest.raises(anthropic.RateLimitError) as caught:
            ask()
        assert caught.value.response.headers["retry-after"] == "3"
        assert json.loads(ask()) == {"model": "m"}
