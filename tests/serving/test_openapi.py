"""The description is true: each answer it documents really comes, is documented, and fits its schema."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from referencing import Registry

from runtime.errors import OperatorError
from runtime.graph.problems import Problem
from tests.serving.stage import ASK, HOOK, TYPED, Stage, events_of, flow, several, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")

Case = Callable[[Stage], Awaitable[httpx2.Response]]
CASES: dict[tuple[str, str, str], list[Case]] = {}
RUN = "/api/flows/{slug}/run"
HOOKS = "/api/flows/{slug}/webhook"
FLOW = "/api/flows/{slug}"
ONE = "/api/flows/{slug}/runs/{run}"
EVENTS = "/api/flows/{slug}/runs/{run}/events"
ANSWERS = "/api/flows/{slug}/runs/{run}/answers/{step}"
VALUES = "/api/flows/{slug}/runs/{run}/values/{sha256}"
SHA256 = hashlib.sha256(('"' + "é" * 40_000 + '"').encode()).hexdigest()
KEYED = [("get", FLOW), ("post", RUN), *((m, HOOKS) for m in ("get", "post", "put"))]
KEYED += [("get", ONE), ("delete", ONE), ("get", EVENTS), ("post", ANSWERS), ("get", VALUES)]
STREAM = {"accept": "text/event-stream"}


def case(method: str, path: str, status: str) -> Callable[[Case], Case]:
    """Says of a function which documented answer it brings about."""

    def note(function: Case) -> Case:
        CASES.setdefault((method, path, status), []).append(function)
        return function

    return note


def asking(method: str, path: str, **given: Any) -> Case:
    """A plain request; `slug` and `run` stand for the flow that works and a run of it that is there."""

    async def ask(stage: Stage) -> httpx2.Response:
        slug = given.get("slug", "works")
        at = path.format(slug=slug, run=given.get("run", DONE.get(slug, DONE["works"])), step="ask", sha256=SHA256)
        options = {name: given[name] for name in ("params", "headers", "json", "content") if name in given}
        return await stage.client.request(method, at, **options)

    return ask


DONE: dict[str, str] = {}


def expect(method: str, path: str, status: int | str, **given: Any) -> None:
    case(method, path, str(status))(lambda stage: asking(method, path, **given)(stage))


expect("get", "/api/health", 200)
expect("get", "/api/openapi.json", 200)
expect("get", "/api/openapi.json", 200, params={"flow": "works"})
expect("get", "/api/openapi.json", 400, params={f"a{i}": "" for i in range(1001)})
expect("get", "/api/openapi.json", 401, params={"flow": "works"}, headers={"authorization": ""})
expect("get", "/api/openapi.json", 404, params={"flow": "nope"})
expect("get", FLOW, 200)
expect("get", ONE, 200)
expect("get", ONE, 404, run="nope")
expect("delete", ONE, 200)
expect("delete", ONE, 404, run="nope")
expect("delete", ONE, 202, slug="away", run="elsewhere")
expect("get", EVENTS, 204, headers={"last-event-id": "99"})
expect("get", EVENTS, 400, headers={"last-event-id": "x"})
expect("get", EVENTS, 404, run="nope")
expect("get", VALUES, 200, slug="vast")
expect("get", VALUES, 404)
expect("get", VALUES, 404, slug="vast", run="nope")
expect("post", RUN, 200, json={"text": ""})
expect("post", RUN, "default", slug="teapot", json={"text": ""})
expect("post", RUN, 400, content=b"{")
expect("post", RUN, 400, params={"start": "nope"})
expect("post", RUN, 400, headers={**STREAM, "last-event-id": "3"})
expect("post", RUN, 404, headers={**STREAM, "canevas-run": "nope"})
expect("post", RUN, 406, headers={"accept": "text/html"})
expect("post", RUN, 413, content=b"x" * 10_001)
expect("post", RUN, 415, content=b"x", headers={"content-type": "text/html"})
expect("post", RUN, 422, json={})
expect("post", RUN, 502, slug="fails", json={"text": ""})
for verb in ("get", "post", "put"):
    expect(verb, HOOKS, 200, slug="hook")
    expect(verb, HOOKS, 200, slug="hook-text")
    expect(verb, HOOKS, 400)
    expect(verb, HOOKS, 413, slug="hook", content=b"x" * 10_001)
    expect(verb, HOOKS, 415, slug="hook", content=b"x", headers={"content-type": "image/png"})
    expect(verb, HOOKS, 502, slug="hook-fails")
    expect(verb, HOOKS, 202, slug="hook-asks")
expect("post", RUN, 202, slug="asks", json={"text": ""})
expect("get", ONE, 200, slug="asks")
expect("post", ANSWERS, 400, slug="asks", content=b"{")
expect("post", ANSWERS, 404, slug="asks", run="nope", json={})
expect("post", ANSWERS, 413, slug="asks", content=b"x" * 10_001)
expect("post", ANSWERS, 415, slug="asks", content=b"x", headers={"content-type": "text/html"})
expect("post", ANSWERS, 422, slug="asks", json={"choice": "neither"})
expect("post", ANSWERS, 202, slug="asks", json={"choice": "approve"})
expect("post", ANSWERS, 409, slug="asks", json={"choice": "approve"})
for verb, place in KEYED:
    expect(verb, place, 401, headers={"authorization": "Bearer cnv_wrong"})
    expect(verb, place, 404, slug="nope")


@case("post", RUN, "200")
async def streamed(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/api/flows/works/run", json={"text": ""}, headers=STREAM)


@case("get", EVENTS, "200")
async def streamed_again(stage: Stage) -> httpx2.Response:
    return await stage.client.get(f"/api/flows/works/runs/{DONE['works']}/events")


@case("post", RUN, "204")
async def nothing_left(stage: Stage) -> httpx2.Response:
    return await stage.client.post(
        "/api/flows/works/run", headers={**STREAM, "canevas-run": DONE["works"], "last-event-id": "99"}
    )


def cancelling(method: str, slug: str, path: str) -> Case:
    async def cancelled(stage: Stage) -> httpx2.Response:
        waiting = asyncio.create_task(stage.client.request(method, f"/api/flows/{slug}/{path}", json={"text": ""}))
        source = "endpoint" if path == "run" else "webhook"
        while (run := stage.runs.newest_alive("home", f"flow of {slug}", source)) is None:
            await asyncio.sleep(0.01)
        await stage.runs.cancel("home", run.record.id, "Enough.")
        return await waiting

    return cancelled


case("post", RUN, "409")(cancelling("post", "held", "run"))
for verb in ("get", "post", "put"):
    case(verb, HOOKS, "409")(cancelling(verb, "hook-held", "webhook"))


def breaking(method: str, path: str, error: Exception) -> Case:
    async def broken(stage: Stage) -> httpx2.Response:
        stage.shelf.broken = error
        stage.api.forget("works")
        try:
            params = {"flow": "works"} if path == "/api/openapi.json" else {}
            return await asking(method, path, params=params)(stage)
        finally:
            stage.shelf.broken = None

    return broken


for verb, place in [*KEYED, ("get", "/api/openapi.json")]:
    case(verb, place, "500")(breaking(verb, place, RuntimeError("bug")))
    case(verb, place, "503")(breaking(verb, place, OperatorError("The database does not answer", "db", "Start it.")))


@case("post", RUN, "503")
async def unready(stage: Stage) -> httpx2.Response:
    stage.unready = [Problem("missing_secret", "echo", "key", params={"name": "shop"})]
    stage.api.forget("works")
    try:
        return await stage.client.post("/api/flows/works/run", json={"text": ""})
    finally:
        stage.unready = ()
        stage.api.forget("works")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with staged(max_body=10_000) as made:
        made.deploy("works", flow())
        made.deploy("teapot", flow("short", status=418))
        made.deploy("fails", flow("{{ boom.output }}", boom={"kind": "boom"}))
        made.deploy("held", flow("{{ held.output }}", held={"kind": "held"}))
        made.deploy("hook", flow(start=HOOK))
        made.deploy("hook-text", flow("text", start=HOOK))
        made.deploy("hook-fails", flow("{{ boom.output }}", start=HOOK, boom={"kind": "boom"}))
        made.deploy("hook-held", flow("{{ held.output }}", start=HOOK, held={"kind": "held"}))
        made.deploy("away", flow())
        made.deploy("vast", flow("done", vast={"kind": "vast", "config": {"size": 40_000}}))
        DONE["vast"] = (await made.post("/api/flows/vast/run", {"text": ""})).json()["run"]
        made.deploy("asks", flow("{{ ask.approve }}", ask=ASK))
        made.deploy("hook-asks", flow("{{ ask.approve }}", start=HOOK, ask=ASK))
        DONE["asks"] = (await made.post("/api/flows/asks/run", {"text": ""})).json()["run"]
        record = await made.runs.record("home", (await made.post("/api/flows/away/run", {"text": ""})).json()["run"])
        await made.journal.open(type(record)(**{**_fields(record), "id": "elsewhere", "state": "running"}))
        DONE["works"] = (await made.post("/api/flows/works/run", {"text": ""})).json()["run"]
        yield made


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


async def described(stage: Stage, slug: str = "") -> dict[str, Any]:
    response = await stage.client.get("/api/openapi.json", params={"flow": slug} if slug else {})
    assert response.status_code == 200
    return response.json()


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of one schema of the document, with the components it refers to."""
    return Draft202012Validator({**schema, "components": document["components"]}, registry=Registry())


async def test_every_documented_answer_really_comes_and_fits_its_schema(stage: Stage):
    document = await described(stage)
    documented = {
        (method, path, status)
        for path, calls in document["paths"].items()
        for method, call in calls.items()
        if method != "parameters"
        for status in call["responses"]
    }
    assert documented == set(CASES)
    for (method, path, status), cases in CASES.items():
        kinds = document["paths"][path][method]["responses"][status].get("content", {})
        seen = set()
        for bring_about in cases:
            response = await bring_about(stage)
            place = f"{method} {path} {status}: {response.status_code} {response.text[:300]}"
            if status == "default":
                assert str(response.status_code) not in document["paths"][path][method]["responses"], place
            else:
                assert response.status_code == int(status), place
            if not kinds:
                assert not response.content, place
                continue
            kind = response.headers["content-type"].partition(";")[0]
            seen.add(kind)
            body = response.json() if kind.endswith("json") else response.text
            validator(document, kinds[kind]["schema"]).validate(body)
        assert seen == set(kinds), (method, path, status)


async def test_every_event_fits_its_schema(stage: Stage):
    document = await described(stage)
    event = validator(document, {"$ref": "#/components/schemas/Event"})
    for slug in ("works", "fails", "vast"):
        async with stage.stream(f"/api/flows/{slug}/run", {"text": ""}) as response:
            async for sent in events_of(response):
                event.validate(sent.data)
    assert not event.is_valid({"type": "run_finished"})
    assert not event.is_valid({"type": "nonsense", "seq": 1, "at": 0})


async def test_the_document_is_in_order(stage: Stage):
    for document in (await described(stage), await described(stage, "works"), await described(stage, "hook")):
        assert document["openapi"].startswith("3.1")
        names = []
        for path, calls in document["paths"].items():
            declared = {each["name"] for each in calls.get("parameters", ()) if each["in"] == "path"}
            assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            names += [call["operationId"] for method, call in calls.items() if method != "parameters"]
        assert len(set(names)) == len(names)
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)
        for reference in _references(document):
            target: Any = document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for inner in value.values() for each in _references(inner)]
    return [each for inner in value for each in _references(inner)] if isinstance(value, list) else []


async def test_a_flow_has_a_description_of_its_own(stage: Stage):
    at = stage.deploy("quote", flow("Dear {{ start.name }}", start=TYPED, status=201, echo={"kind": "echo"}))
    document = await described(stage, "quote")
    assert document["info"]["title"] == "Stage"
    assert not any("{slug}" in path for path in document["paths"])
    run = document["paths"][f"{at}/run"]["post"]
    taken = run["requestBody"]["content"]["application/json"]["schema"]
    assert taken["required"] == ["name"]
    assert taken["properties"]["customer"] == {"type": "object", "description": "Who asks."}
    given = validator(document, run["responses"]["201"]["content"]["application/json"]["schema"])
    answer = (await stage.post(f"{at}/run", {"name": "Ada"})).json()
    given.validate(answer)
    assert not given.is_valid({**answer, "output": 1})


async def test_a_flow_tells_what_it_takes_and_gives(stage: Stage):
    at = stage.deploy("told", flow("{{ start.text }}"), version=77)
    assert (await stage.client.get(at)).json() == {
        "slug": "told",
        "name": "Stage",
        "description": "What the tests call.",
        "version": 77,
        "inputs": {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
            "additionalProperties": False,
        },
        "outputs": {"type": "string"},
        "starts": [
            {
                "step": "start",
                "title": "start",
                "trigger": "api",
                "inputs": (await stage.client.get(at)).json()["inputs"],
            }
        ],
    }
    at = stage.deploy("told-several", several())
    told = (await stage.client.get(at)).json()
    assert [(each["step"], each["trigger"]) for each in told["starts"]] == [
        ("hook", "webhook"),
        ("start", "api"),
        ("talk", "chat"),
    ]
    assert told["inputs"] == told["starts"][1]["inputs"]


async def test_health_needs_no_key_and_touches_nothing(stage: Stage):
    stage.shelf.broken = RuntimeError()
    try:
        response = await stage.client.get("/api/health", headers={"authorization": ""})
    finally:
        stage.shelf.broken = None
    assert (response.status_code, json.loads(response.text)) == (200, {"status": "ok"})
    assert (await stage.client.head("/api/health")).content == b""
