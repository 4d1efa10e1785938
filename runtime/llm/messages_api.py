"""Anthropic's Messages API through the official SDK; imported when the first question is asked, as it is large."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anthropic
import httpx2
from anthropic.types import RawMessageStreamEvent

from runtime.errors import AuthorError, CanevasError, OperatorError, ProviderError
from runtime.graph.messages import Delta, ModelCall, ModelRequest, Reply
from runtime.llm.anthropic import CLASSIC, PROVIDER, SECRET, no_key
from runtime.llm.structured import parsed

_URL = "https://api.anthropic.com"
# Thinking is paid from max_tokens: without this room on top, a short answer would end before it began.
_THINKING_ROOM = 4096
_STOPS = {"max_tokens": "length", "model_context_window_exceeded": "length", "refusal": "refusal"}
_NO_TEXT = "(no text)"  # Anthropic refuses an empty message; a customer may well send one
# Anthropic pings while it works, so a minute without a byte means that nobody is there any more.
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)


class MessagesApi:
    """Asks Claude. url: of the Messages API, empty for Anthropic's own. timeout: to connect, and between two bytes."""

    def __init__(
        self, url: str, secret: Callable[[str], Awaitable[str | None]], timeout: httpx2.Timeout | None = None
    ) -> None:
        self._url = url or _URL
        self._secret = secret
        self._timeout = timeout or _TIMEOUT
        self._clients: dict[str, anthropic.AsyncAnthropic] = {}

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | Reply]:
        client = await self._client(request.model)
        answer = _Answer(request)
        try:
            events = await client.messages.create(**_body(request), stream=True)
            async with events:
                async for event in events:
                    if text := answer.take(event):
                        yield Delta(text)
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise _mapped(error, request.model) from None
        except ValueError as error:  # the SDK lets a frame that is no JSON pass as it is
            raise _broken(request.model, f"it sent something unreadable: {error}") from None
        yield answer.reply()

    async def close(self) -> None:
        while self._clients:
            await self._clients.popitem()[1].close()

    async def _client(self, model: str) -> anthropic.AsyncAnthropic:
        key = await self._secret(SECRET)
        if not key:
            raise no_key(model)
        if key not in self._clients:
            # The environment of this process is not the flow author's: no proxy, key, header or tracing from there.
            http = httpx2.AsyncClient(trust_env=False, timeout=self._timeout)
            client = anthropic.AsyncAnthropic(
                api_key=key,
                base_url=self._url,
                webhook_key="",
                max_retries=0,  # the engine retries, and says so in the run's record
                timeout=self._timeout,
                open_telemetry=False,
                http_client=http,
            )
            client._custom_headers = {}  # ANTHROPIC_CUSTOM_HEADERS; the constructor has no way to refuse it
            self._clients[key] = client
        return self._clients[key]


class _Answer:
    """Gathers what the stream's events say until the whole reply is known."""

    def __init__(self, request: ModelRequest) -> None:
        self._request = request
        self._pieces: list[str] = []
        self._model, self._stop = request.model, ""
        self._input = self._output = 0
        self._complete = False

    def take(self, event: RawMessageStreamEvent) -> str:
        """Note what the event says; returns its piece of the answer's text, if it has one."""
        if event.type == "message_start":
            usage = event.message.usage
            cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
            self._model, self._input = event.message.model, usage.input_tokens + cached
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            self._pieces.append(event.delta.text)
            return event.delta.text
        elif event.type == "message_delta":
            self._stop = event.delta.stop_reason or ""
            self._output = event.usage.output_tokens
        elif event.type == "message_stop":
            self._complete = True
        return ""

    def reply(self) -> Reply:
        """Raises: ProviderError when the stream ended early, and what `parsed` raises."""
        if not self._complete:
            raise _broken(self._request.model, "the stream ended early")
        text, stop = "".join(self._pieces), _STOPS.get(self._stop, "end")
        call = ModelCall(self._model, PROVIDER, self._input, self._output)
        return Reply(text, call, stop, parsed(self._request, text, stop))


def _body(request: ModelRequest) -> dict[str, Any]:
    """The request in Anthropic's words."""
    messages = [{"role": each.role, "content": _clean(each.text) or _NO_TEXT} for each in request.messages]
    body: dict[str, Any] = {"model": request.model, "max_tokens": request.max_tokens}
    body["messages"] = messages or [{"role": "user", "content": _NO_TEXT}]
    if system := _clean(request.system):
        body["system"] = system
    config: dict[str, Any] = {}
    if request.model.startswith(CLASSIC):
        if request.temperature is not None:
            body["extra_body"] = {"temperature": request.temperature}
    else:
        # Little thinking: a step of a flow asks for one answer, and somebody waits for it.
        config["effort"] = "low"
        body["max_tokens"] += _THINKING_ROOM
    if request.schema is not None:
        # Native structured outputs and not a forced tool call, which the newest models refuse.
        config["format"] = {"type": "json_schema", "schema": _strict(request)}
    return body | ({"output_config": config} if config else {})


def _strict(request: ModelRequest) -> dict[str, Any]:
    """The schema in the subset that Anthropic enforces; what falls outside becomes part of the descriptions."""
    try:
        return anthropic.transform_schema(request.schema or {})
    except (ValueError, TypeError, AttributeError, AssertionError) as error:
        raise AuthorError(
            what=f"Claude cannot follow this JSON Schema: {error}",
            where=request.model,
            mend="Give every part of the schema a `type`, or an `enum` of plain values.",
        ) from None


def _clean(text: str) -> str:
    """The text without lone surrogates, which no JSON can carry; empty when there is nothing but blanks."""
    return text.encode(errors="replace").decode() if text.strip() else ""


def _broken(model: str, reason: str) -> ProviderError:
    return ProviderError(f"Anthropic's answer broke off: {reason}", where=model, mend="Try again.", retry=True)


def _mapped(error: anthropic.APIError | httpx2.HTTPError, model: str) -> CanevasError:
    """The error in our words: who must act, and what helps."""
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException):
        return ProviderError("Anthropic did not answer in time", where=model, mend="Try again later.", retry=True)
    if isinstance(error, anthropic.APIConnectionError):
        mend = "Check the network, and CANEVAS_ANTHROPIC_URL if it is set."
        return ProviderError("Anthropic cannot be reached", where=model, mend=mend, retry=True)
    if not isinstance(error, anthropic.APIStatusError):
        return _broken(model, str(error) or type(error).__name__)
    said = error.api_message or f"status {error.status_code}"
    # An error in the middle of a stream comes with status 200 and says only its type.
    status = error.status_code if error.status_code >= 400 else _STATUSES.get(str(error.type), 500)
    if status in (401, 403):
        mend = f"Check the secret named `{SECRET}` in Settings."
        return OperatorError(f"Anthropic refused the key: {said}", where=model, mend=mend)
    if status == 402:
        mend = "Check the balance of the Anthropic account."
        return OperatorError(f"Anthropic asks for payment: {said}", where=model, mend=mend)
    if status in (408, 409, 429) or status >= 500:
        wait = error.response.headers.get("retry-after")
        mend = f"Try again in {wait} seconds." if wait else "Try again later."
        return ProviderError(f"Anthropic is busy or failing: {said}", where=model, mend=mend, retry=True)
    mend = "Choose another model." if status == 404 else "Change the step's settings."
    return AuthorError(f"Anthropic refused the request: {said}", where=model, mend=mend)


_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
