"""Claude through the real SDK, against a real server that speaks Anthropic's protocol."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest

from runtime.errors import AuthorError, OperatorError, ProviderError
from runtime.graph.messages import Delta, Message, ModelCall, ModelRequest
from runtime.llm.anthropic import Anthropic
from tests.llm.asking import answered, no_secret, question, secret
from tests.wire.anthropic_server import Answer, AnthropicServer, Failure, Hang, anthropic_server

NEW, CLASSIC = "claude-sonnet-5-5", "claude-haiku-4-5"
ORDER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "pieces": {"type": "integer", "minimum": 1}},
    "required": ["city", "pieces"],
}


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with anthropic_server() as server:
        yield server


@pytest.fixture
async def claude(server: AnthropicServer) -> AsyncIterator[Anthropic]:
    claude = Anthropic(server.url, secret("sk-test"))
    yield claude
    await claude.close()


async def test_answer_comes_in_deltas_and_ends_with_the_whole(server: AnthropicServer, claude: Anthropic) -> None:
    server.queue(Answer("Bonjour à vous 👋 et bienvenue", piece=5))
    deltas, reply = await answered(claude, question(NEW, "Salut"))
    assert len(deltas) > 4
    assert "".join(deltas) == reply.text == "Bonjour à vous 👋 et bienvenue"
    assert reply.call == ModelCall(NEW, "anthropic", input_tokens=1, output_tokens=7)
    assert (reply.stop, reply.data) == ("end", None)


async def test_request_says_what_was_asked(server: AnthropicServer, claude: Anthropic) -> None:
    turns = [Message("user", "One"), Message("assistant", "Two"), Message("user", "Three")]
    await answered(claude, ModelRequest(CLASSIC, turns, system="Be kind.", temperature=0.2, max_tokens=77))
    sent = server.requests[0].json
    assert [(each["role"], each["content"]) for each in sent["messages"]] == [
        ("user", "One"),
        ("assistant", "Two"),
        ("user", "Three"),
    ]
    assert (sent["system"], sent["temperature"], sent["max_tokens"]) == ("Be kind.", 0.2, 77)
    assert "output_config" not in sent


async def test_newer_models_get_no_temperature_and_room_to_think(server: AnthropicServer, claude: Anthropic) -> None:
    server.queue(Answer("Yes.", thinking="Hm, let me see."))
    deltas, reply = await answered(claude, question(NEW, temperature=0.2, max_tokens=50))
    assert "".join(deltas) == reply.text == "Yes."
    sent = server.requests[0].json
    assert "temperature" not in sent
    assert sent["max_tokens"] > 1000
    assert sent["output_config"] == {"effort": "low"}
    listed = {info.name: info.temperature for info in claude.known()}
    assert (listed[NEW], listed[CLASSIC]) == (False, True)


async def test_schema_gives_data(server: AnthropicServer, claude: Anthropic) -> None:
    _, reply = await answered(claude, question(NEW, "12 lamps to Lyon", schema=ORDER))
    assert reply.data == {"city": "12 lamps to Lyon", "pieces": 12}
    asked = server.requests[0].json["output_config"]["format"]
    assert asked["type"] == "json_schema"
    assert asked["schema"]["additionalProperties"] is False


async def test_answer_beside_the_schema_is_the_providers_fault(server: AnthropicServer, claude: Anthropic) -> None:
    server.queue({"city": "Lyon", "pieces": 0}, "I would rather talk.")
    for _ in range(2):
        with pytest.raises(ProviderError, match="does not follow") as caught:
            await answered(claude, question(NEW, schema=ORDER))
        assert caught.value.retry


async def test_json_cut_off_is_the_authors_to_mend(server: AnthropicServer, claude: Anthropic) -> None:
    server.queue(Answer('{"city": "Ly', stop="max_tokens"))
    with pytest.raises(AuthorError, match="cut off at 40 tokens"):
        await answered(claude, question(NEW, schema=ORDER, max_tokens=40))


async def test_schema_without_types_is_the_authors_to_mend(claude: Anthropic) -> None:
    with pytest.raises(AuthorError, match="cannot follow this JSON Schema"):
        await answered(claude, question(NEW, schema={"properties": {"a": {}}}))


@pytest.mark.parametrize(("said", "stop"), [("max_tokens", "length"), ("refusal", "refusal"), ("end_turn", "end")])
async def test_stops(server: AnthropicServer, claude: Anthropic, said: str, stop: str) -> None:
    server.queue(Answer("Half an ans", stop=said))
    _, reply = await answered(claude, question(NEW))
    assert reply.stop == stop


async def test_refusal_with_a_schema_has_no_data(server: AnthropicServer, claude: Anthropic) -> None:
    server.queue(Answer("I cannot help with that.", stop="refusal"))
    _, reply = await answered(claude, question(NEW, schema=ORDER))
    assert (reply.stop, reply.data) == ("refusal", None)


async def test_empty_and_broken_texts_are_sent_as_something_sendable(
    server: AnthropicServer, claude: Anthropic
) -> None:
    for text in ("", " \n", "half a pair \ud83d", "<b>fett</b> & <script>"):
        await answered(claude, question(NEW, text))
    await answered(claude, ModelRequest(NEW, []))
    said = [received.json["messages"][0]["content"] for received in server.requests]
    assert said == ["(no text)", "(no text)", "half a pair ?", "<b>fett</b> & <script>", "(no text)"]


@pytest.mark.parametrize(
    ("failure", "kind", "retry", "mend"),
    [
        (Failure(401, "authentication_error"), OperatorError, None, "secret named `anthropic`"),
        (Failure(403, "permission_error"), OperatorError, None, "secret named `anthropic`"),
        (Failure(402, "billing_error"), OperatorError, None, "balance"),
        (Failure(400, "invalid_request_error"), AuthorError, None, "settings"),
        (Failure(404, "not_found_error"), AuthorError, None, "another model"),
        (Failure(413, "request_too_large"), AuthorError, None, "settings"),
        (Failure(429, "rate_limit_error", headers={"retry-after": "7"}), ProviderError, True, "in 7 seconds"),
        (Failure(500, "api_error"), ProviderError, True, "later"),
        (Failure(503, "api_error"), ProviderError, True, "later"),
        (Failure(529, "overloaded_error"), ProviderError, True, "later"),
    ],
)
async def test_errors_say_who_must_act(
    server: AnthropicServer, claude: Anthropic, failure: Failure, kind: type, retry: bool | None, mend: str
) -> None:
    server.queue(failure)
    with pytest.raises(kind) as caught:
        await answered(claude, question(NEW))
    assert "Scripted failure" in caught.value.what
    assert mend in caught.value.mend
    assert getattr(caught.value, "retry", None) == retry
    assert len(server.requests) == 1, "the engine retries, not the SDK"


@pytest.mark.parametrize("trouble", [Answer("x" * 90, breaks_after=3), Answer("x" * 90, fails_after=3)])
async def test_stream_that_breaks_is_an_error_after_its_deltas(
    server: AnthropicServer, claude: Anthropic, trouble: Answer
) -> None:
    server.queue(trouble)
    seen = []
    with pytest.raises(ProviderError) as caught:
        async for part in claude.stream(question(NEW)):
            seen += [part]
    assert caught.value.retry
    assert seen == [Delta("x" * 12)] * 3


@pytest.mark.parametrize("silence", [Hang(), Answer("x" * 90, silent_after=2)])
async def test_silence_is_a_time_out(server: AnthropicServer, silence: Hang | Answer) -> None:
    server.queue(silence)
    claude = Anthropic(server.url, secret("sk-test"), timeout=httpx2.Timeout(0.5))
    with pytest.raises(ProviderError, match="in time") as caught:
        await answered(claude, question(NEW))
    await claude.close()
    assert caught.value.retry


async def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        claude = Anthropic(f"http://127.0.0.1:{taken.getsockname()[1]}", secret("k"))
        with pytest.raises(ProviderError, match="cannot be reached") as caught:
            await answered(claude, question(NEW))
        await claude.close()
    assert caught.value.retry


async def test_deltas_come_while_the_model_still_writes(server: AnthropicServer, claude: Anthropic) -> None:
    server.queue(Answer("a" * 50, piece=10, pause=0.1))
    sent_by_then = [server.requests[0].sent async for _ in claude.stream(question(NEW))]
    assert sent_by_then[0] < 5, "the first delta is here before the last is sent"


@pytest.mark.parametrize("way", ["cancelled", "left"])
async def test_leaving_closes_the_providers_stream(server: AnthropicServer, claude: Anthropic, way: str) -> None:
    server.queue(Answer("a" * 5000, piece=1, pause=0.01))
    stream = claude.stream(question(NEW))
    await anext(stream)
    if way == "cancelled":
        task = asyncio.create_task(_drain(stream))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        await stream.aclose()
    async with asyncio.timeout(5):
        while not server.requests[0].left:
            await asyncio.sleep(0.01)
    assert server.requests[0].sent < 500


async def _drain(stream: AsyncIterator) -> None:
    async for _ in stream:
        pass


async def test_without_a_key_nothing_is_sent(server: AnthropicServer) -> None:
    claude = Anthropic(server.url, no_secret)
    missing = await claude.ready(NEW)
    assert isinstance(missing, OperatorError)
    assert missing.mend == "Add a secret named `anthropic` in Settings, or choose the built-in model."
    with pytest.raises(OperatorError, match="no key"):
        await answered(claude, question(NEW))
    assert server.requests == []


async def test_wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async with anthropic_server(key="right") as server:
        claude = Anthropic(server.url, secret("wrong"))
        with pytest.raises(OperatorError, match="refused the key"):
            await answered(claude, question(NEW))
        await claude.close()


async def test_the_environment_has_no_say(server: AnthropicServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ANTHROPIC_API_KEY": "sk-environment",
        "ANTHROPIC_AUTH_TOKEN": "token-environment",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "ANTHROPIC_CUSTOM_HEADERS": "x-evil: yes",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    assert await Anthropic(server.url, no_secret).ready(NEW)
    claude = Anthropic(server.url, secret("sk-vault"))
    await answered(claude, question(NEW))
    await claude.close()
    headers = server.requests[0].headers
    assert "sk-vault" in (headers.get("x-api-key") or headers["authorization"])
    assert "environment" not in str(headers)
    assert "x-evil" not in headers


async def test_a_changed_key_counts_at_once(server: AnthropicServer) -> None:
    keys = iter(["first", "second", "second"])

    async def vault(_: str) -> str | None:
        return next(keys)

    claude = Anthropic(server.url, vault)
    for _ in range(3):
        await answered(claude, question(NEW))
    used = [received.headers.get("x-api-key") or received.headers["authorization"] for received in server.requests]
    assert [key.removeprefix("Bearer ") for key in used] == ["first", "second", "second"]
    assert len(claude._api._clients) == 2
    await claude.close()


async def test_many_at_once_share_a_client(server: AnthropicServer, claude: Anthropic) -> None:
    server.answer = lambda request: Answer(request["messages"][0]["content"] * 3, piece=3, pause=0.01)
    replies = await asyncio.gather(*(answered(claude, question(NEW, f"n{i} ")) for i in range(20)))
    assert [reply.text for _, reply in replies] == [f"n{i} " * 3 for i in range(20)]
