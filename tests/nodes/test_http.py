"""The HTTP request node over the guarded client and a real server."""

import json
from typing import Any

import pytest

from nodes.http import HttpRequest
from runtime.interpreter.services import Services
from tests.golden.services import services
from tests.nodes.conftest import Website
from tests.nodes.running import Failed, run_node

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_get_sends_no_body_and_reads_json(real: Services, website: Website) -> None:
    output = await run_node(real, HttpRequest, {"url": f"{website.url}/a"})
    assert (output["status"], output["body"]) == (200, {"hello": "you"})
    assert output["headers"]["content-type"] == "application/json"
    assert (website.asked.method, website.asked.target, website.asked.body) == ("GET", "/a", b"")
    assert "idempotency-key" not in website.asked.headers


@pytest.mark.parametrize(
    ("address", "query", "target"),
    [
        ("/a", {}, "/a"),
        ("/a?x=1", {"y": 2}, "/a?x=1&y=2"),
        ("/a", {"q": "thé & café", "n": 1.5, "yes": True, "none": None}, "/a?q=th%C3%A9+%26+caf%C3%A9&n=1.5&yes=true"),
        ("/a", {"tag": ["x", "y"]}, "/a?tag=x&tag=y"),
        ("/a", {"filter": {"a": 1}}, "/a?filter=%7B%22a%22%3A1%7D"),
    ],
)
async def test_query_is_added(
    real: Services, website: Website, address: str, query: dict[str, Any], target: str
) -> None:
    await run_node(real, HttpRequest, {"url": website.url + address, "query": query})
    assert website.asked.target == target


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ({"name": "Zoé", "n": [1, None]}, '{"name":"Zoé","n":[1,null]}', "application/json"),
        ([1, 2], "[1,2]", "application/json"),
        ("a=1&b=2", "a=1&b=2", "text/plain; charset=utf-8"),
        ("été", "été", "text/plain; charset=utf-8"),
        (0, "0", "application/json"),
        (False, "false", "application/json"),
        (None, "", None),
    ],
)
async def test_body_is_json_or_text(
    real: Services, website: Website, body: object, sent: str, kind: str | None
) -> None:
    await run_node(real, HttpRequest, {"url": website.url, "method": "POST", "body": body})
    assert website.asked.body.decode() == sent
    assert website.asked.headers.get("content-type") == kind


async def test_headers_of_the_author_win(real: Services, website: Website) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Count": 3, "X-None": None}
    await run_node(real, HttpRequest, {"url": website.url, "method": "PUT", "body": "a=1", "headers": headers})
    assert website.asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert website.asked.headers["x-count"] == "3"
    assert "x-none" not in website.asked.headers


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_same_order_is_recognised_when_it_comes_again(real: Services, website: Website, method: str) -> None:
    config = {"url": website.url, "method": method}
    await run_node(real, HttpRequest, config)
    first = website.asked.headers["idempotency-key"]
    await run_node(real, HttpRequest, config)  # the same run and step, as a retry is
    assert website.asked.headers["idempotency-key"] == first == "test:step"


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        ({}, "authorization", "Bearer s3cret"),
        ({"secret_header": "X-Api-Key"}, "x-api-key", "s3cret"),
        ({"headers": {"Authorization": "from the flow"}}, "authorization", "Bearer s3cret"),
    ],
)
async def test_secret_goes_where_it_belongs(
    real: Services, website: Website, config: dict[str, Any], name: str, value: str
) -> None:
    await run_node(real, HttpRequest, {"url": website.url, "secret": "shop", **config})
    assert website.asked.headers[name] == value


async def test_missing_secret_is_told_before_anything_is_sent(real: Services, website: Website) -> None:
    with pytest.raises(Failed, match="nobody") as failed:
        await run_node(real, HttpRequest, {"url": website.url, "secret": "nobody"})
    assert failed.value.failure.who == "operator"
    assert website.server.asked == []


@pytest.mark.parametrize(
    ("kind", "sent", "body"),
    [
        ("application/json", b"[1, 2]", [1, 2]),
        ("application/problem+json; charset=utf-8", b'{"a":null}', {"a": None}),
        ("application/json", b"{broken", "{broken"),
        ("application/json", b"", ""),
        ("application/json", b"NaN", "NaN"),
        ("text/html; charset=utf-8", "<p>é</p>".encode(), "<p>é</p>"),
        ("text/plain; charset=iso-8859-1", "é".encode("latin-1"), "é"),
        ('text/plain; charset="utf-8"', "é".encode(), "é"),
        ("text/plain; charset=klingon", b"abc", "abc"),
        ("text/plain", b"\xff\xfe", "\ufffd\ufffd"),
        ("nonsense", b"abc", "abc"),
        ("", b"abc", "abc"),
    ],
)
async def test_answer_is_read_as_it_says_or_as_a_text(
    real: Services, website: Website, kind: str, sent: bytes, body: object
) -> None:
    website.headers = {"content-type": kind} if kind else {}
    website.body = sent
    assert (await run_node(real, HttpRequest, {"url": website.url}))["body"] == body


@pytest.mark.parametrize(
    ("status", "retry"), [(400, False), (401, False), (404, False), (408, True), (429, True), (500, True), (503, True)]
)
async def test_other_status_fails_and_says_what_the_server_said(
    real: Services, website: Website, status: int, retry: bool
) -> None:
    website.status = status
    website.body = json.dumps({"error": "no such  thing " + "x" * 500}).encode()
    with pytest.raises(Failed) as failed:
        await run_node(real, HttpRequest, {"url": f"{website.url}/path?key=private"})
    failure = failed.value.failure
    assert failure.what.startswith(f'The server answered {status}: {{"error":"no such thing xxx')
    assert len(failure.what) < 300
    assert "private" not in failure.what
    assert (failure.who, failure.retry) == ("provider", retry)


@pytest.mark.parametrize("status", [204, 301, 404, 500])
async def test_any_status_goes_on_when_asked(real: Services, website: Website, status: int) -> None:
    website.status, website.body = status, b""
    output = await run_node(real, HttpRequest, {"url": website.url, "any_status": True})
    assert output["status"] == status


async def test_this_network_is_refused_unless_allowed(website: Website) -> None:
    async with services() as guarded:
        with pytest.raises(Failed) as failed:
            await run_node(guarded, HttpRequest, {"url": website.url})
    assert failed.value.failure.who == "author"
    assert website.server.asked == []
