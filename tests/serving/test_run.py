"""`POST /run` for an answer: what fits runs, and whatever does not is refused with the field and the mend."""

import asyncio
import json

import pytest

from runtime.graph.problems import Problem
from tests.serving.stage import CHAT, HOOK, KEY, TYPED, Stage, flow, gate, several

pytestmark = pytest.mark.asyncio(loop_scope="module")


def refused(response, status: int, kind: str) -> dict:
    """The problem details of an answer."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"urn:canevas:problem:{kind}"
    assert problem["status"] == status
    assert problem["instance"] == response.request.url.path
    assert problem["title"]
    assert problem["detail"]
    return problem


# --- what fits ---------------------------------------------------------------------------------------------------


async def test_a_run_answers_with_its_output_and_is_recorded(stage: Stage):
    at = stage.deploy("greet", flow("Hello {{ start.text }}!"), version=1003)
    response = await stage.post(f"{at}/run", {"text": "Ada"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    run = response.headers["canevas-run"]
    assert response.json() == {"run": run, "state": "done", "status": 200, "output": "Hello Ada!"}
    record = await stage.runs.record("home", run)
    assert (record.flow, record.version, record.source, record.state) == ("flow of greet", 1003, "endpoint", "done")


@pytest.mark.parametrize(
    "text",
    ["", "déjà vu", "日本語 🦜🇫🇷", "<script>alert('1')</script>", 'quo"te\\', "\x00", "a" * 5000, "\u2028\u2029"],
)
async def test_any_text_comes_back_as_it_was_sent(stage: Stage, text: str):
    at = stage.deploy("echo", flow())
    response = await stage.post(f"{at}/run", {"text": text})
    assert response.json()["output"] == {"text": text}


async def test_the_status_of_the_answer_is_the_status_of_the_response(stage: Stage):
    at = stage.deploy("teapot", flow("short and stout", status=418))
    response = await stage.post(f"{at}/run", {"text": ""})
    assert response.status_code == 418
    assert response.headers["content-type"] == "application/json"
    assert response.json()["status"] == 418


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_status_without_a_body_has_none(stage: Stage, status: int):
    at = stage.deploy(f"empty-{status}", flow("nothing to say", status=status))
    response = await stage.post(f"{at}/run", {"text": ""})
    assert (response.status_code, response.content) == (status, b"")
    assert (await stage.post(f"{at}/run", {"text": ""})).status_code == status  # the connection is still in order


async def test_a_chat_takes_a_message_with_or_without_its_history(stage: Stage):
    at = stage.deploy("chat", flow(start=CHAT))
    history = [{"role": "user", "text": "hi"}, {"role": "assistant", "text": "hello"}]
    assert (await stage.post(f"{at}/run", {"message": "hm"})).json()["output"] == {"message": "hm"}
    whole = {"message": "hm", "history": history, "session": "s1"}
    response = await stage.post(f"{at}/run", whole)
    assert response.json()["output"] == whole
    assert (await stage.runs.record("home", response.headers["canevas-run"])).source == "chat"


async def test_every_kind_of_field_is_taken(stage: Stage):
    at = stage.deploy("typed", flow(start=TYPED))
    given = {"name": "Ada", "amount": 1.5, "express": False, "items": [1, [2]], "customer": {"a": None}}
    assert (await stage.post(f"{at}/run", given)).json()["output"] == given


async def test_of_several_starts_the_api_or_chat_one_runs_unless_another_is_asked_for(stage: Stage):
    at = stage.deploy("several", several())
    assert (await stage.post(f"{at}/run", {"text": "a"})).json()["output"] == {"text": "a"}
    assert (await stage.post(f"{at}/run?start=talk", {"message": "b"})).json()["output"] == {"message": "b"}
    assert (await stage.post(f"{at}/run?start=hook", [1])).json()["output"]["body"] == [1]
    problem = refused(await stage.post(f"{at}/run?start=echo", {}), 400, "unknown-start")
    assert "`start` (api)" in problem["mend"]


async def test_an_empty_body_is_an_empty_object(stage: Stage):
    optional = {"kind": "api_start", "config": {"fields": [{"name": "text", "required": False}]}}
    at = stage.deploy("nothing", flow(start=optional))
    assert (await stage.client.post(f"{at}/run")).json()["output"] == {}


async def test_sixty_four_at_once_get_each_their_own_answer(stage: Stage):
    at = stage.deploy("crowd", flow("{{ start.text }}"))
    asked = len(stage.shelf.asked)
    responses = await asyncio.gather(*(stage.post(f"{at}/run", {"text": f"n{i}"}) for i in range(64)))
    assert [response.json()["output"] for response in responses] == [f"n{i}" for i in range(64)]
    assert len({response.headers["canevas-run"] for response in responses}) == 64
    assert len(stage.shelf.asked) - asked <= 2  # not sixty-four times, though all came before the first answer


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
async def test_a_number_that_no_wire_carries_is_the_callers_mistake(stage: Stage, number: int):
    at = stage.deploy("numbers", flow(start=TYPED))
    response = await stage.post(f"{at}/run", {"name": "", "amount": number})
    assert response.status_code in (200, 422)
    assert response.status_code == 422 or response.json()["output"]["amount"] == number


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


# --- what goes wrong -------------------------------------------------------------------------------------------


async def test_a_step_that_fails_is_named(stage: Stage):
    at = stage.deploy("boom", flow("{{ boom_step.output }}", boom_step={"kind": "boom"}))
    response = await stage.post(f"{at}/run", {"text": ""})
    problem = refused(response, 502, "step-failed")
    assert problem["step"] == "boom_step"
    assert "the parrot is dead" in problem["detail"]
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    assert (await stage.runs.record("home", problem["run"])).state == "failed"


async def test_a_run_that_is_cancelled_says_so(stage: Stage):
    at = stage.deploy("held", flow("{{ held.output }}", held={"kind": "held"}))
    asking = asyncio.create_task(stage.post(f"{at}/run", {"text": ""}))
    while (alive := stage.runs.newest_alive("home", "flow of held", "endpoint")) is None:
        await asyncio.sleep(0.01)
    assert (await stage.client.delete(f"{at}/runs/{alive.record.id}")).json()["state"] == "cancelled"
    assert refused(await asking, 409, "cancelled")["run"] == alive.record.id


async def test_a_flow_whose_surroundings_are_not_ready_does_not_start(stage: Stage):
    at = stage.deploy("unready", flow())
    stage.unready = [Problem("missing_secret", "echo", "key", params={"name": "shop"})]
    try:
        problem = refused(await stage.post(f"{at}/run", {"text": ""}), 503, "not-ready")
        assert (await stage.client.get(at)).status_code == 200  # it can be described all the same
    finally:
        stage.unready = ()
    assert problem["step"] == "echo"
    assert problem["mend"] == "Add it in Settings."
    assert problem["errors"][0]["field"] == "echo.key"
    stage.api.forget("unready")
    assert (await stage.post(f"{at}/run", {"text": ""})).status_code == 200


async def test_a_flow_that_this_version_cannot_read_says_what_is_wrong(stage: Stage):
    at = stage.deploy("old", flow("{{ gone.output }}", gone={"kind": "a_node_that_was_removed"}))
    problem = refused(await stage.post(f"{at}/run", {"text": ""}), 503, "not-ready")
    assert "a_node_that_was_removed" in problem["detail"]
    refused(await stage.client.get(at), 503, "not-ready")


@pytest.mark.parametrize(("broken", "status", "kind"), [(RuntimeError("s3cret"), 500, "internal")])
async def test_what_breaks_inside_shows_nothing_of_itself(stage: Stage, broken, status, kind, caplog):
    stage.shelf.broken = broken
    try:
        response = await stage.post("/api/flows/anything/run", {})
    finally:
        stage.shelf.broken = None
    refused(response, status, kind)
    assert "s3cret" not in response.text
    assert "s3cret" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/run", "POST"),
        ("PUT", "/run", "POST"),
        ("OPTIONS", "/run", "POST"),
        ("DELETE", "/webhook", "POST, GET, PUT"),
        ("POST", "", "GET, HEAD"),
        ("POST", "/runs/abc", "GET, HEAD, DELETE"),
        ("HEAD", "/runs/abc/events", "GET"),
    ],
)
async def test_another_method_is_not_allowed(stage: Stage, method: str, path: str, allowed: str):
    response = await stage.client.request(method, f"/api/flows/any{path}")
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/api", "/api/", "/api/nope", "/api/health/", "/api/flows", "/api/flow/x/run", "/api/flows/x/run/"),
        *("/api/flows/x/runs", "/api/flows/x/runs/y/z", "/api/flows/x/y/z/events", "/api/flows/x/runs/y/events/z"),
    ],
)
async def test_nothing_is_at_other_addresses(stage: Stage, path: str):
    problem = refused(await stage.client.get(path), 404, "unknown-path")
    assert "/api/openapi.json" in problem["mend"]


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml, text/plain", "application/json;q=0", "text/event-stream;q=0"]
)
async def test_an_answer_of_another_type_is_not_had(stage: Stage, accept: str):
    at = stage.deploy("types", flow())
    refused(await stage.post(f"{at}/run", {"text": ""}, accept=accept), 406, "not-acceptable")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json, text/event-stream;q=0.5", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/json, text/event-stream", "text/event-stream"),
        ("TEXT/Event-Stream", "text/event-stream"),
        ("text/event-stream, */*;q=0.1", "text/event-stream"),
    ],
)
async def test_the_accept_header_chooses(stage: Stage, accept: str, kind: str):
    at = stage.deploy("choose", flow())
    response = await stage.post(f"{at}/run", {"text": ""}, accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (200, kind)


async def test_a_client_that_leaves_in_the_middle_of_its_body_starts_nothing(stage: Stage):
    at = stage.deploy("half", flow())
    before = len(await stage.runs.records("home"))
    head = f"POST {at}/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 100\r\n\r\n{{"
    _, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await asyncio.sleep(0.1)
    assert len(await stage.runs.records("home")) == before
    assert (await stage.post(f"{at}/run", {"text": ""})).status_code == 200


async def test_a_client_that_leaves_does_not_end_its_run(stage: Stage):
    at = stage.deploy("left", flow("{{ held.output }}", held={"kind": "held", "config": {"gate": "left"}}))
    body = b'{"text":""}'
    head = f"POST {at}/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    writer.write(head.encode() + body)
    while (alive := stage.runs.newest_alive("home", "flow of left", "endpoint")) is None:
        await asyncio.sleep(0.01)
    writer.close()
    await asyncio.sleep(0.05)
    gate("left").set()
    await asyncio.sleep(0.05)
    assert (await stage.client.get(f"{at}/runs/{alive.record.id}")).json()["output"] == "let go"
