"""The LLM node over the real SDK and a server that speaks Anthropic's protocol."""

from typing import Any

import pytest
from pydantic import ValidationError

from nodes.models import LLM
from runtime.graph.check import check
from runtime.interpreter.events import StepDelta, StepFinished, StepLogged
from runtime.interpreter.services import Services
from tests.nodes.running import CATALOG, STEP, Failed, events_of, flow_of, run_node
from tests.wire.anthropic_server import Answer, AnthropicServer, Failure

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLAUDE = {"model": "claude-haiku-4-5"}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}


async def test_streams_and_ends_with_the_whole_answer(real: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: Answer("Bonjour à tous 🌞", piece=4)
    events = await events_of(real, LLM, {**CLAUDE, "prompt": "Say hello."})
    deltas = [event.text for event in events if isinstance(event, StepDelta)]
    (finished,) = (event for event in events if isinstance(event, StepFinished) and event.step == STEP)
    assert len(deltas) > 2
    assert "".join(deltas) == "Bonjour à tous 🌞"
    assert finished.output == {"text": "Bonjour à tous 🌞", "data": None, "model": "claude-haiku-4-5"}
    assert [(call.model, call.provider, call.demo) for call in finished.calls] == [
        ("claude-haiku-4-5", "anthropic", False)
    ]


async def test_sends_what_is_set(real: Services, anthropic: AnthropicServer) -> None:
    config = {**CLAUDE, "prompt": "And you?", "system": "Be brief.", "temperature": 0.2, "max_tokens": 50}
    history = [{"role": "user", "text": "Hi"}, {"role": "assistant", "text": "Hello", "at": "noon"}]
    await run_node(real, LLM, config, {"history": history})
    sent = anthropic.requests[-1].json
    assert sent["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And you?"},
    ]
    assert (sent["system"], sent["temperature"], sent["max_tokens"]) == ("Be brief.", 0.2, 50)


async def test_gives_data_that_follows_the_schema(real: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: {"city": "Lyon", "people": 7}
    output = await run_node(real, LLM, {**CLAUDE, "prompt": "Lyon, 7", "output_schema": SCHEMA})
    assert output["data"] == {"city": "Lyon", "people": 7}


async def test_answer_that_does_not_follow_the_schema_can_be_tried_again(
    real: Services, anthropic: AnthropicServer
) -> None:
    anthropic.answer = lambda request: {"city": "Lyon"}
    with pytest.raises(Failed, match="does not follow the JSON Schema") as failed:
        await run_node(real, LLM, {**CLAUDE, "prompt": "Lyon, 7", "output_schema": SCHEMA})
    assert (failed.value.failure.who, failed.value.failure.retry) == ("provider", True)


async def test_demo_model_answers_without_a_key_and_says_what_it_is(real: Services) -> None:
    events = await events_of(real, LLM, {"prompt": "Where is Lyon?", "max_tokens": 12, "temperature": 0})
    (finished,) = (event for event in events if isinstance(event, StepFinished) and event.step == STEP)
    assert finished.output["text"]
    assert finished.output["model"] == "builtin"
    assert [call.demo for call in finished.calls] == [True]


async def test_cut_answer_is_noted_in_the_log(real: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: Answer("To be", stop="max_tokens")
    events = await events_of(real, LLM, {**CLAUDE, "prompt": "Hamlet", "max_tokens": 2})
    assert [event.text for event in events if isinstance(event, StepLogged)] == ["The answer was cut after 2 tokens."]
    assert events[-1].output["text"] == "To be"


async def test_refusal_fails_the_step(real: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: Answer("", stop="refusal")
    with pytest.raises(Failed, match="refused to answer") as failed:
        await run_node(real, LLM, {**CLAUDE, "prompt": "…"})
    assert failed.value.failure.who == "provider"


async def test_busy_provider_can_be_tried_again(real: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: Failure(529, "overloaded_error")
    with pytest.raises(Failed) as failed:
        await run_node(real, LLM, {**CLAUDE, "prompt": "Hi"})
    assert failed.value.failure.retry


@pytest.mark.parametrize(
    "history", [["hi"], [{"role": "system", "text": "a"}], [{"role": "user"}], [{"role": "user", "text": 1}], [None]]
)
async def test_history_must_be_turns(real: Services, anthropic: AnthropicServer, history: list[Any]) -> None:
    with pytest.raises(Failed, match="no turn of a conversation") as failed:
        await run_node(real, LLM, {**CLAUDE, "prompt": "Hi"}, {"history": history})
    assert failed.value.failure.who == "author"
    assert not anthropic.requests, "nothing is sent"


@pytest.mark.parametrize("schema", [{"type": "objekt"}, {"properties": []}, {"required": "city"}])
async def test_schema_that_is_none_is_told_at_its_field(schema: dict[str, Any]) -> None:
    (problem,) = check(flow_of(LLM, {"prompt": "Hi", "output_schema": schema}, {}), CATALOG)
    assert (problem.step, problem.field) == (STEP, "output_schema")
    assert "no JSON Schema" in problem.what


@pytest.mark.parametrize("setting", [{"temperature": 1.1}, {"temperature": -0.1}, {"max_tokens": 0}])
async def test_settings_out_of_range_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LLM(prompt="Hi", **setting)


async def test_prompt_is_needed() -> None:
    (problem,) = check(flow_of(LLM, {}, {}), CATALOG)
    assert (problem.code, problem.field) == ("missing_value", "prompt")
