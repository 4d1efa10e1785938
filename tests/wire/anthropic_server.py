"""A real HTTP server that speaks Anthropic's Messages protocol, so that tests exercise the real SDK.

    async with anthropic_server() as server:            # or: with anthropic_server() as server, in a plain test
        settings = Settings(anthropic_url=server.url)   # any key works; anthropic_server(key="k") takes only that one
        ...
        assert server.requests[-1].json["model"] == "claude-haiku-5-5"

It runs in a thread of its own on a free loopback port, so a test that blocks its event loop does not block it.
What it answers, first match wins:

    server.queue("Hi", Failure(529, "overloaded_error"), Hang())   # the next three requests, in order
    server.answer = lambda request: "Bonjour"                      # every request from then on

An answer is a text, a dict (sent as JSON text, as structured outputs are), or an `Answer`, `Failure` or `Hang`
below. Without a script it answers from the request: a form that follows the JSON schema when one is asked,
else one sentence about the last message; the same request always gets the same answer.
"""

import asyncio
import itertools
import json
import re
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import uvicorn

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the model says. piece: characters a delta. pause: seconds before each delta. thinking: said before, in
    its own block. stop: Anthropic's stop_reason. breaks_after: drop the connection after that many deltas.
    fails_after: send an `error` event after that many deltas. silent_after: say nothing more after that many."""

    text: str | Json = ""
    piece: int = 12
    pause: float = 0.0
    thinking: str = ""
    stop: str = "end_turn"
    breaks_after: int | None = None
    fails_after: int | None = None
    silent_after: int | None = None

    @property
    def words(self) -> str:
        return self.text if isinstance(self.text, str) else json.dumps(self.text, ensure_ascii=False)


@dataclass(frozen=True)
class Failure:
    """An error in Anthropic's JSON shape, e.g. `Failure(429, "rate_limit_error", headers={"retry-after": "7"})`."""

    status: int
    kind: str = "api_error"
    message: str = "Scripted failure"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """Take the request and never answer."""


Reaction = str | Json | Answer | Failure | Hang


@dataclass
class Received:
    """A request as it came. left: the client went away before the answer was complete. sent: deltas sent so far."""

    json: Json
    headers: dict[str, str]
    sent: int = 0
    left: bool = False

    @property
    def text(self) -> str:
        """All user and assistant text, joined."""
        return "\n".join(_texts(self.json))


class AnthropicServer:
    """See the module's text; made by `anthropic_server()`."""

    def __init__(self, key: str | None = None) -> None:
        self.key = key
        self.answer: Callable[[Json], Reaction] = default_answer
        self.requests: list[Received] = []
        self.url = ""
        self._queue: deque[Reaction] = deque()
        self._ids = itertools.count(1)

    def queue(self, *reactions: Reaction) -> None:
        """Script the next requests; `answer` is asked again when the queue is empty."""
        self._queue.extend(reactions)

    def __enter__(self) -> Self:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(self, lifespan="off", log_level="critical", access_log=False, ws="none")
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = self._uvicorn.force_exit = True  # forced: a scripted Hang would wait for ever
        self._thread.join()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.__exit__)

    async def __call__(self, scope: Json, receive: Any, send: Any) -> None:
        """The ASGI application: one route."""
        body = b""
        while (part := await receive())["type"] == "http.request":
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if (scope["method"], scope["path"]) != ("POST", "/v1/messages"):
            return await _fail(send, Failure(404, "not_found_error", f"No such route {scope['path']}"))
        received = Received(json.loads(body), headers)
        self.requests.append(received)
        reaction = self._refuse(headers) or self._react(received.json)
        watch = asyncio.create_task(_gone(receive))
        try:
            received.left = await self._send(reaction, received, send, watch)
        finally:
            watch.cancel()

    def _refuse(self, headers: dict[str, str]) -> Failure | None:
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if not given or self.key not in (None, given):
            return Failure(401, "authentication_error", "invalid x-api-key")
        return None

    def _react(self, request: Json) -> Reaction:
        if self._queue:
            return self._queue.popleft()
        return self.answer(request)

    async def _send(self, reaction: Reaction, received: Received, send: Any, watch: asyncio.Task[None]) -> bool:
        """Answer; returns whether the client went away before the end."""
        if isinstance(reaction, Failure):
            await _fail(send, reaction)
            return False
        if isinstance(reaction, Hang):
            await watch
            return True
        answer = reaction if isinstance(reaction, Answer) else Answer(reaction)
        message = _message(received.json, f"msg_{next(self._ids):04}")
        if not received.json.get("stream"):
            await _reply(send, 200, _whole(message, answer))
            return False
        await send(_start(200, "text/event-stream"))
        async for event in _events(message, answer):
            delta = event["type"] == "content_block_delta"
            if event["type"] == "break":
                raise ConnectionResetError  # uvicorn drops the connection in the middle of the body
            await asyncio.wait([watch], timeout=None if event["type"] == "silence" else answer.pause * delta)
            if watch.done():
                return True
            frame = f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
            await send({"type": "http.response.body", "body": frame.encode(), "more_body": True})
            received.sent += delta
        await send({"type": "http.response.body", "body": b""})
        return False


def anthropic_server(key: str | None = None) -> AnthropicServer:
    """A server to enter with `async with` or `with`; key: the only key it accepts, None for any."""
    return AnthropicServer(key)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _events(message: Json, answer: Answer) -> AsyncIterator[Json]:
    """The events of a streamed message in Anthropic's order; `break` and `silence` are ours, for `_send`."""
    yield {"type": "message_start", "message": message}
    index = 0
    if answer.thinking:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
        thought = {"type": "thinking_delta", "thinking": answer.thinking}
        yield {"type": "content_block_delta", "index": 0, "delta": thought}
        yield {"type": "content_block_stop", "index": 0}
        index = 1
    yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for count, start in enumerate(range(0, len(answer.words), answer.piece)):
        if count == answer.breaks_after:
            yield {"type": "break"}
        if count == answer.fails_after:
            yield {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return
        if count == answer.silent_after:
            yield {"type": "silence"}
        piece = {"type": "text_delta", "text": answer.words[start : start + answer.piece]}
        yield {"type": "content_block_delta", "index": index, "delta": piece}
    yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": answer.stop, "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": _tokens(answer.words)}}
    yield {"type": "message_stop"}


def _message(request: Json, name: str) -> Json:
    usage = {"input_tokens": sum(map(_tokens, _texts(request))), "output_tokens": 1}
    head = {"id": name, "type": "message", "role": "assistant", "model": request.get("model", ""), "content": []}
    return head | {"stop_reason": None, "stop_sequence": None, "usage": usage}


def _whole(message: Json, answer: Answer) -> Json:
    usage = message["usage"] | {"output_tokens": _tokens(answer.words)}
    content = [{"type": "text", "text": answer.words}]
    return message | {"content": content, "stop_reason": answer.stop, "usage": usage}


def _start(status: int, media: str, extra: dict[str, str] | None = None) -> Json:
    headers = {"content-type": media, "request-id": "req_test"} | (extra or {})
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


async def _reply(send: Any, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
    await send(_start(status, "application/json", headers))
    await send({"type": "http.response.body", "body": json.dumps(body, ensure_ascii=False).encode()})


async def _fail(send: Any, failure: Failure) -> None:
    error = {"type": failure.kind, "message": failure.message}
    await _reply(send, failure.status, {"type": "error", "error": error, "request_id": "req_test"}, failure.headers)


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


def _texts(request: Json) -> list[str]:
    parts = [message["content"] for message in request.get("messages", [])]
    return [part if isinstance(part, str) else "\n".join(block.get("text", "") for block in part) for part in parts]


def default_answer(request: Json) -> Reaction:
    """A form that follows the asked JSON schema, or one sentence about the last message."""
    text = " ".join(re.sub(r"<[^>]*>", " ", (_texts(request) or [""])[-1]).split())
    schema = ((request.get("output_config") or {}).get("format") or {}).get("schema")
    if schema:
        return Answer(json.dumps(filled(schema, text, schema), ensure_ascii=False))
    return f"Answer to: {text[:160]}"


def filled(schema: Json, text: str, root: Json) -> Any:
    """A value that follows `schema`, taken from `text` where it can be; handy inside an `answer` of your own."""
    if "$ref" in schema:
        return filled(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], text, root)
    if "const" in schema:
        return schema["const"]
    if choices := schema.get("enum"):
        named = [choice for choice in choices if str(choice).lower() in text.lower()]
        return (named or choices[-1:])[0]
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        return filled(variants[0], text, root)
    match schema.get("type", "object"):
        case "object":
            return {name: _field(name, part, text, root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [filled(schema.get("items", {"type": "string"}), text, root)]
        case "integer" | "number" as kind:
            found = re.search(r"\d+(?:\.\d+)?", text)
            return (int if kind == "integer" else float)(float(found[0])) if found else schema.get("minimum", 0)
        case "boolean":
            return True
        case "null":
            return None
    return text[:80]


def _field(name: str, schema: Json, text: str, root: Json) -> Any:
    if schema.get("type") == "string" and "mail" in name.lower():
        found = re.search(r"[\w.+-]+@[\w-]+\.[\w.-]*\w", text)
        return found[0] if found else ""
    return filled(schema, text, root)
