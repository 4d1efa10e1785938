"""Who may call and what they may send: every wrong key and every wrong body is refused with the field and the mend."""

import json

import pytest

from tests.serving.stage import CHAT, HOOK, KEY, TYPED, Stage, flow, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY}"}, {"X-API-Key": KEY}]
)
async def test_a_key_opens_by_either_header(stage: Stage, headers: dict):
    at = stage.deploy("keyed", flow())
    del (client := stage.client).headers["authorization"]
    try:
        assert (await client.post(f"{at}/run", json={"text": ""}, headers=headers)).status_code == 200
    finally:
        client.headers["authorization"] = f"Bearer {KEY}"
    assert ("home", f"id of {KEY}") in stage.shelf.used


@pytest.mark.parametrize("key", ["", "cnv_wrong", "Bearer", KEY + "x", KEY[:-1], "ключ"])
@pytest.mark.parametrize("path", ["", "/run", "/webhook", "/runs/abc", "/runs/abc/events"])
async def test_a_wrong_key_opens_nothing(stage: Stage, path: str, key: str):
    at = stage.deploy("locked", flow())
    method = "POST" if path in ("/run", "/webhook") else "GET"
    header = f"Bearer {key}".strip().encode()
    response = await stage.client.request(method, at + path, headers={b"authorization": header})
    problem = refused(response, 401, "wrong-key")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "cnv_" in problem["mend"]
    assert KEY not in response.text


async def test_a_key_of_another_flow_is_a_wrong_key(stage: Stage):
    at = stage.deploy("theirs", flow(), keys=("cnv_theirs",))
    refused(await stage.post(f"{at}/run", {"text": ""}), 401, "wrong-key")


async def test_a_missing_key_is_told_from_a_wrong_one(stage: Stage):
    at = stage.deploy("bare", flow())
    response = await stage.client.post(f"{at}/run", headers={"authorization": ""})
    assert refused(response, 401, "wrong-key")["detail"] == "The request carries no key."
    assert "error=" not in response.headers["www-authenticate"]


@pytest.mark.parametrize("slug", ["nope", "UPPER", "a b", "%2e%2e%2e", "-", "é", "x" * 300])
async def test_an_unknown_slug_is_not_found(stage: Stage, slug: str):
    refused(await stage.post(f"/api/flows/{slug}/run", {}), 404, "unknown-flow")


# --- bodies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({}, [("/name", "is missing")]),
        ({"name": 1}, [("/name", "must be a text")]),
        ({"name": None}, [("/name", "must be a text")]),
        ({"name": "", "amount": "1"}, [("/amount", "must be a number")]),
        ({"name": "", "amount": True}, [("/amount", "must be a number")]),
        ({"name": "", "express": 0}, [("/express", "must be true or false")]),
        ({"name": "", "items": {}}, [("/items", "must be a list")]),
        ({"name": "", "customer": []}, [("/customer", "must be an object")]),
        ({"amount": "x"}, [("/amount", "must be a number"), ("/name", "is missing")]),
        ([], [("", "must be an object")]),
        ("text", [("", "must be an object")]),
        (None, [("", "must be an object")]),
    ],
)
async def test_an_input_that_does_not_fit_names_the_field(stage: Stage, given, errors):
    at = stage.deploy("strict", flow(start=TYPED))
    response = await stage.client.post(
        f"{at}/run", content=json.dumps(given), headers={"content-type": "application/json"}
    )
    problem = refused(response, 422, "invalid-input")
    assert sorted((each["field"], each["detail"]) for each in problem["errors"]) == sorted(errors)
    assert errors[0][0].strip("/") in problem["detail"] or len(errors) > 1
    assert at in problem["mend"]


async def test_a_field_that_is_no_input_is_named(stage: Stage):
    at = stage.deploy("known", flow())
    problem = refused(await stage.post(f"{at}/run", {"text": "", "a/b~c": 1}), 422, "invalid-input")
    assert problem["errors"] == [{"field": "/a~1b~0c", "detail": "is not an input; the inputs are `text`"}]


async def test_a_deep_field_has_a_deep_pointer(stage: Stage):
    at = stage.deploy("turns", flow(start=CHAT))
    given = {"message": "", "history": [{"role": "user", "text": ""}, {"role": "system", "text": 1}]}
    problem = refused(await stage.post(f"{at}/run", given), 422, "invalid-input")
    assert {each["field"]: each["detail"] for each in problem["errors"]} == {
        "/history/1/role": "must be one of user, assistant",
        "/history/1/text": "must be a text",
    }


@pytest.mark.parametrize("number", [2**63, -(2**70), 10**400])
async def test_a_number_of_any_length_is_kept(stage: Stage, number: int):
    at = stage.deploy("numbers", flow(start=TYPED))
    response = await stage.post(f"{at}/run", {"name": "", "amount": number})
    assert response.json()["output"]["amount"] == number
    kept = await stage.client.get(f"{at}/runs/{response.headers['canevas-run']}")
    assert kept.json()["output"]["amount"] == number


async def test_a_thousand_errors_are_not_all_told(stage: Stage):
    at = stage.deploy("flood", flow())
    problem = refused(await stage.post(f"{at}/run", {f"f{i}": 0 for i in range(900)}), 422, "invalid-input")
    assert len(problem["errors"]) == 20


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"nonsense", b"{'text': 1}", b'{"text": NaN}', b'{"text": 1e999}', b'{"text": "\xff"}', b"{}{}"),
        *(b"\xef\xbb\xbf{}", b'{"text": "\\ud800"}', b"1" * 5000),
        *(b"[" * 9000, b"[" * 101 + b"]" * 101, b'{"a":' * 500 + b"1" + b"}" * 500),
    ],
)
async def test_a_body_that_is_not_json_or_too_deep_is_malformed(stage: Stage, body: bytes):
    at = stage.deploy("parse", flow())
    response = await stage.client.post(f"{at}/run", content=body, headers={"content-type": "application/json"})
    problem = refused(response, 400, "malformed-body")
    assert "Traceback" not in response.text
    assert problem["mend"]


async def test_a_body_of_a_hundred_levels_is_taken(stage: Stage):
    at = stage.deploy("deep", flow(start=HOOK))
    body = b"[" * 100 + b"]" * 100
    response = await stage.client.post(f"{at}/run", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"),
        *("application/json; charset=utf-16", "application/json; charset=zip"),
    ],
)
async def test_another_content_type_is_not_taken(stage: Stage, kind: str):
    at = stage.deploy("kinds", flow())
    response = await stage.client.post(f"{at}/run", content=b'{"text":""}', headers={"content-type": kind})
    assert "application/json" in refused(response, 415, "unsupported-body")["mend"]


@pytest.mark.parametrize(
    "kind", ["application/json", "application/JSON; charset=UTF-8", "application/vnd.a+json", None]
)
async def test_json_by_any_of_its_names_is_taken(stage: Stage, kind: str | None):
    at = stage.deploy("names", flow())
    headers = {"content-type": kind} if kind else {}
    assert (await stage.client.post(f"{at}/run", content=b'{"text":""}', headers=headers)).status_code == 200


async def test_a_compressed_body_is_not_taken(stage: Stage):
    at = stage.deploy("zipped", flow())
    refused(await stage.post(f"{at}/run", {"text": ""}, content_encoding="gzip"), 415, "unsupported-body")


async def test_a_body_that_is_too_large_is_refused_before_it_has_come(stage: Stage):
    at = stage.deploy("large", flow())
    problem = refused(await stage.post(f"{at}/run", {"text": "x" * 10_000}), 413, "too-large")
    assert "10000 bytes" in problem["detail"]
    head = f"POST {at}/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 9{'0' * 17}\r\n\r\n"
    assert (await stage.raw(head.encode(), until_closed=False)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_without_a_length_is_counted_while_it_comes(stage: Stage):
    at = stage.deploy("chunks", flow())

    async def chunks(count: int):
        yield b'{"text":"'
        for _ in range(count):
            yield b"x" * 1000
        yield b'"}'

    assert (await stage.client.post(f"{at}/run", content=chunks(9))).json()["output"]["text"] == "x" * 9000
    refused(await stage.client.post(f"{at}/run", content=chunks(50)), 413, "too-large")
    assert (await stage.post(f"{at}/run", {"text": "after"})).status_code == 200
