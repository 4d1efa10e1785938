"""`/webhook`: a request of any service becomes the input of a run, and the answer goes back bare."""

import pytest

from tests.serving.stage import HOOK, KEY, Stage, flow, several

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("kind", "sent", "body"),
    [
        ("application/json", b'{"a": [1, null]}', {"a": [1, None]}),
        ("application/json", b"3", 3),
        ("application/ld+json; charset=utf8", b"[]", []),
        (
            "application/x-www-form-urlencoded",
            b"a=1&b=%F0%9F%A6%9C&a=2&c=&a=3",
            {"a": ["1", "2", "3"], "b": "🦜", "c": ""},
        ),
        ("text/plain", "grüß".encode(), "grüß"),
        ("text/plain; charset=iso-8859-1", "grüß".encode("latin-1"), "grüß"),
        ("application/xml", b"<a/>", "<a/>"),
        ("application/rss+xml", b"<a/>", "<a/>"),
        ("", b'{"no": "type"}', {"no": "type"}),
        ("", b"", None),
        ("application/json", b"", None),
    ],
)
async def test_whatever_is_sent_is_parsed_by_its_type(stage: Stage, kind: str, sent: bytes, body):
    at = stage.deploy("any", flow(start=HOOK))
    response = await stage.client.post(f"{at}/webhook", content=sent, headers={"content-type": kind} if kind else {})
    assert response.status_code == 200
    assert response.json()["body"] == body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_run_gets_headers_query_and_method_without_what_opens_doors(stage: Stage, method: str):
    at = stage.deploy("whole", flow(start=HOOK))
    response = await stage.client.request(
        method,
        f"{at}/webhook?topic=orders&topic=paid&empty=&key={KEY}&start=start",
        headers=[
            ("Cookie", "session=secret"),
            ("X-API-Key", KEY),
            ("X-Shop-Signature", "abc"),
            ("X-Twice", "1"),
            ("X-Twice", "2"),
        ],
    )
    given = response.json()
    assert given["method"] == method
    assert given["query"] == {"topic": "paid", "empty": ""}
    assert given["headers"]["x-shop-signature"] == "abc"
    assert given["headers"]["x-twice"] == "1, 2"
    assert KEY not in response.text
    assert "secret" not in response.text
    assert {"authorization", "cookie", "x-api-key"}.isdisjoint(given["headers"])
    run = response.headers["canevas-run"]
    assert (await stage.runs.record("home", run)).source == "webhook"


@pytest.mark.parametrize(("key", "status"), [(KEY, 200), ("cnv_wrong", 401), ("", 401)])
async def test_a_key_in_the_address_opens_a_webhook_and_nothing_else(stage: Stage, key: str, status: int):
    at = stage.deploy("url", several())
    assert (await stage.client.get(f"{at}/webhook?key={key}", headers={"authorization": ""})).status_code == status
    assert (await stage.client.post(f"{at}/run?key={key}", headers={"authorization": ""})).status_code == 401


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        ("challenge accepted 🦜", "text/plain; charset=utf-8", "challenge accepted 🦜"),
        ("{{ start.query.challenge }}", "text/plain; charset=utf-8", "1158201444"),
        ("{{ start.query }}", "application/json", '{"challenge":"1158201444"}'),
        (["a"], "application/json", '["a"]'),
        (None, "application/json", "null"),
    ],
)
async def test_the_answer_goes_back_bare(stage: Stage, answer, kind: str, text: str):
    at = stage.deploy("bare", flow(answer, start=HOOK, status=201))
    response = await stage.client.get(f"{at}/webhook?challenge=1158201444")
    assert (response.status_code, response.headers["content-type"], response.text) == (201, kind, text)
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("kind", "sent", "status"),
    [
        ("application/json", b"{", 400),
        ("application/x-www-form-urlencoded", b"\xff=\xff", 400),
        ("application/x-www-form-urlencoded", b"a&" * 1001, 400),
        ("text/plain", b"\xff", 400),
        ("text/plain; charset=idna", b"x", 415),
        ("image/png", b"\x89PNG", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
    ],
)
async def test_what_cannot_be_read_is_refused(stage: Stage, kind: str, sent: bytes, status: int):
    at = stage.deploy("unread", flow(start=HOOK))
    response = await stage.client.post(f"{at}/webhook", content=sent, headers={"content-type": kind})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_flow_without_a_webhook_has_none(stage: Stage):
    at = stage.deploy("deaf", flow())
    response = await stage.client.post(f"{at}/webhook", json={})
    assert response.status_code == 400
    assert response.json()["type"] == "urn:canevas:problem:unknown-start"
    assert (await stage.client.post(f"{at}/webhook?start=start", json={})).status_code == 400


async def test_a_webhook_alone_may_also_be_run_with_an_envelope(stage: Stage):
    at = stage.deploy("alone", flow("{{ start.body.n }}", start=HOOK))
    assert (await stage.post(f"{at}/run", {"n": 7})).json()["output"] == 7


async def test_a_query_of_a_thousand_parameters_is_refused(stage: Stage):
    at = stage.deploy("long", flow(start=HOOK))
    response = await stage.client.get(f"{at}/webhook?{'a&' * 1001}")
    assert (response.status_code, response.json()["title"]) == (400, "The body cannot be read")
