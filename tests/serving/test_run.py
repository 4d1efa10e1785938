"""`POST /run` for an answer: what fits runs, and what goes wrong says what, where and what to do."""

import asyncio

import pytest

from runtime.errors import AuthorError, CallerError, OperatorError
from runtime.graph.problems import Problem
from tests.serving.stage import CHAT, KEY, TYPED, Stage, flow, gate, refused, several

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


@pytest.mark.parametrize(
    ("broken", "status", "kind"),
    [
        (RuntimeError("s3cret"), 500, "internal"),
        (OperatorError("The database does not answer", "s3cret", "Look at s3cret"), 503, "not-ready"),
    ],
)
async def test_what_breaks_inside_is_logged_and_shows_nothing_of_itself(stage: Stage, broken, status, kind, caplog):
    stage.shelf.broken = broken
    try:
        response = await stage.post("/api/flows/anything/run", {})
    finally:
        stage.shelf.broken = None
    refused(response, status, kind)
    assert "s3cret" not in response.text
    assert "s3cret" in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (CallerError("The input is odd", "", "Send another."), 422, "invalid-input"),
        (AuthorError("The flow is odd", "", "Change it."), 503, "not-ready"),
    ],
)
async def test_an_error_says_who_must_act(stage: Stage, error, status, kind):
    stage.shelf.broken = error
    try:
        response = await stage.post("/api/flows/anything/run", {})
    finally:
        stage.shelf.broken = None
    problem = refused(response, status, kind)
    assert (problem["detail"], problem["mend"]) == (f"{error.what}.", error.mend)


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
