"""What the API says of itself: the description of one flow, and OpenAPI 3.1 of the whole or of that flow."""

from collections.abc import Sequence
from typing import Any

import msgspec

from runtime.graph.node import Trigger
from runtime.interpreter.events import Event, RunFinished
from runtime.interpreter.kept import VALUE_OF, Reference
from runtime.serving.deployments import Endpoint, Entrance, Published
from runtime.serving.refusals import KINDS, Kind, ProblemDetails
from runtime.serving.replies import BODILESS
from runtime.settings import Settings

Json = dict[str, Any]

RUN_STARTS: tuple[Trigger, ...] = ("api", "chat", "webhook")  # what `/run` begins at, in this order
_WAITS = "The run waits for a person or for long; it goes on by itself once that is there."
_ANYTHING = {"description": "Any JSON value, a form, or a text."}
_PROBLEM = "application/problem+json"
_ASKING: tuple[Kind, ...] = ("wrong-key", "unknown-flow", "internal", "not-ready")
_STARTING: tuple[Kind, ...] = (
    *_ASKING,
    "malformed-body",
    "unknown-start",
    "cancelled",
    "too-large",
    "unsupported-body",
    "step-failed",
)
_RESUMING: tuple[Kind, ...] = ("bad-resume", "unknown-run")


def describe(endpoint: Endpoint) -> Json:
    """A deployed flow: its name, what it takes and what it gives. Raises: Refusal with 503 for a broken one."""
    flow, published = endpoint.deployed.flow, endpoint.published
    published.compiled()
    starts = list(published.entrances.values())
    usual = published.usual(*RUN_STARTS)
    return {
        "slug": endpoint.slug,
        "name": flow.name,
        "description": flow.description,
        "version": endpoint.deployed.version,
        "inputs": _inputs(usual) if usual else {},
        "outputs": dict(published.output),
        "starts": [
            {"step": each.step, "title": each.title, "trigger": each.trigger, "inputs": _inputs(each)}
            for each in starts
        ],
    }


def document(settings: Settings, endpoint: Endpoint | None = None) -> Json:
    """OpenAPI of the API; with an endpoint, of that flow. Raises: Refusal with 503 for a broken one."""
    if endpoint:
        endpoint.published.compiled()
    slug = endpoint.slug if endpoint else "{slug}"
    at_flow = f"/api/flows/{slug}"
    flow, published = (endpoint.deployed.flow, endpoint.published) if endpoint else (None, None)
    about = {
        "title": flow.name if flow else "Canevas: deployed flows",
        "version": str(endpoint.deployed.version) if endpoint else "1",
        "description": (flow.description if flow else "") or "Runs flows that were drawn and deployed in Canevas.",
    }
    in_flow = [] if endpoint else [_parameter("slug", "path", "The name under which the flow is deployed.")]
    in_run = [*in_flow, _parameter("run", "path", "The id of a run, as `Canevas-Run` says it.")]
    in_step = [*in_run, _parameter("step", "path", "The path of a step that asks, URL-encoded.")]
    in_value = [*in_run, _parameter("sha256", "path", "As a Reference in an event of the run says it.")]
    paths: Json = {
        "/api/health": {"get": _health_call()},
        "/api/openapi.json": {"get": _openapi_call()},
        at_flow: {"parameters": in_flow, "get": _describe_call()},
        f"{at_flow}/run": {"parameters": in_flow, "post": _run_call(published)},
        f"{at_flow}/webhook": {
            "parameters": in_flow,
            **{method: _webhook_call(method, published) for method in ("get", "post", "put")},
        },
        f"{at_flow}/runs/{{run}}": {"parameters": in_run, "get": _state_call(), "delete": _cancel_call()},
        f"{at_flow}/runs/{{run}}/events": {"parameters": in_run, "get": _events_call()},
        f"{at_flow}/runs/{{run}}/answers/{{step}}": {"parameters": in_step, "post": _answer_call()},
        f"{at_flow}/runs/{{run}}/values/{{sha256}}": {"parameters": in_value, "get": _value_call()},
    }
    if published and not published.usual("webhook"):
        del paths[f"{at_flow}/webhook"]
    for path in paths.values():
        if not path.get("parameters", True):
            del path["parameters"]
    return {
        "openapi": "3.1.0",
        "info": about,
        "servers": [{"url": settings.public_url or "/"}],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _SECURITY},
    }


# --- the calls ---------------------------------------------------------------------------------------------------


def _health_call() -> Json:
    return _call("health", "Whether the server answers", {"200": _json("It does.", _object("status"))})


def _openapi_call() -> Json:
    flow = _parameter("flow", "query", "Describe this flow, whose key the request carries.", required=False)
    answers = {"200": _json("The description.", {"type": "object"}), **_problems("malformed-body", *_ASKING)}
    return {**_call("openapi", "This description", answers, open_to="anybody"), "parameters": [flow]}


def _describe_call() -> Json:
    answers = {"200": _json("The flow.", _ref("FlowDescription")), **_problems(*_ASKING)}
    return _call("describe", "What the flow takes and gives", answers, open_to="key")


def _run_call(published: Published | None) -> Json:
    starts = list(published.entrances.values()) if published else []
    answer = _ref("RunAnswer")
    if published and published.output:
        answer = {"allOf": [answer, {"properties": {"output": dict(published.output)}}]}
    ended = _json("The end of the run; the status is the one that the flow's Answer chose.", answer)
    streamed = {"description": "The run, as its events or at its end.", "headers": _RUN_HEADERS, "content": _EVENTS}
    answers: Json = {
        "200": streamed,
        "202": {**_json(_WAITS, _ref("Run")), "headers": _RUN_HEADERS},
        "204": {"description": "The resumed run has ended, and its last event was seen."},
        **_problems(*_STARTING, *_RESUMING, "not-acceptable", "invalid-input"),
    }
    for status in sorted(published.statuses if published else {200}):
        known = answers.setdefault(str(status), {"description": ended["description"]})
        if status not in BODILESS:
            known["content"] = {**ended["content"], **known.get("content", {})}
    if published is None:
        answers["default"] = ended
    headers = [
        _parameter("Canevas-Run", "header", "Resume the stream of this run instead of starting one.", required=False),
        _LAST_SEEN,
    ]
    taken = [_inputs(each) for each in starts]
    schema = taken[0] if len(taken) == 1 else {"anyOf": taken} if taken else {}
    required = bool(taken) and all(each.get("required") for each in taken)
    return {
        **_call("run", "Run the flow", answers, open_to="key"),
        "parameters": [_start("The step to start at, when the flow has several starts.", starts), *headers],
        "requestBody": {"required": required, "content": {"application/json": {"schema": schema}}},
    }


def _webhook_call(method: str, published: Published | None) -> Json:
    starts = [each for each in published.entrances.values() if each.trigger == "webhook"] if published else []
    answers: Json = {
        "200": {
            "description": "The bare answer of the flow; its status is the one that the Answer chose.",
            "headers": {"Canevas-Run": _RUN_HEADERS["Canevas-Run"]},
            "content": {"application/json": {"schema": {}}, "text/plain": {"schema": {"type": "string"}}},
        },
        "202": {**_json(_WAITS, _ref("Run")), "headers": _RUN_HEADERS},
        **_problems(*_STARTING),
    }
    called = {**_call(f"webhook_{method}", "Hand a request over to the flow as it is", answers, open_to="url")}
    called["parameters"] = [_start("The step to start at, when the flow has several webhooks.", starts)]
    if method != "get":
        kinds = ("application/json", "application/x-www-form-urlencoded", "text/plain")
        called["requestBody"] = {"required": False, "content": {kind: {"schema": {}} for kind in kinds}}
    return called


def _state_call() -> Json:
    answers = {"200": _json("The run.", _ref("Run")), **_problems(*_ASKING, "unknown-run")}
    return _call("state", "How a run stands", answers, open_to="key")


def _cancel_call() -> Json:
    answers = {
        "200": _json("The run, which has ended.", _ref("Run")),
        "202": _json("The run, which is still asked to end.", _ref("Run")),
        **_problems(*_ASKING, "unknown-run"),
    }
    return _call("cancel", "Stop a run", answers, open_to="key")


def _answer_call() -> Json:
    kinds: tuple[Kind, ...] = ("malformed-body", "unknown-run", "answered", "too-large", "unsupported-body")
    answers = {
        "202": _json("The answer is taken; the run, which goes on.", _ref("Run")),
        **_problems(*_ASKING, *kinds, "invalid-answer"),
    }
    called = _call("answer", "Answer what a step asks", answers, open_to="key")
    body = {"required": True, "content": {"application/json": {"schema": {"description": "As `schema` asks it."}}}}
    return {**called, "requestBody": body}


def _events_call() -> Json:
    answers = {
        "200": {"description": "The events after the last one seen.", "headers": _RUN_HEADERS, "content": _EVENTS},
        "204": {"description": "The run has ended, and its last event was seen."},
        **_problems(*_ASKING, *_RESUMING),
    }
    return {**_call("events", "The events of a run", answers, open_to="key"), "parameters": [_LAST_SEEN]}


def _value_call() -> Json:
    answers = {"200": _json("The value.", {}), **_problems(*_ASKING, "unknown-run", "unknown-path")}
    return _call("value", "A large value of a run", answers, open_to="key")


def _call(name: str, summary: str, answers: Json, open_to: str = "") -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "security": _OPEN_TO[open_to],
        "responses": dict(sorted(answers.items())),
    }


# --- the pieces --------------------------------------------------------------------------------------------------

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of the deployment: `cnv_…`."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "url": {"type": "apiKey", "in": "query", "name": "key", "description": "For senders that cannot set headers."},
}
_KEYED: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
_OPEN_TO: dict[str, list[dict[str, list[str]]]] = {
    "": [],
    "anybody": [{}, *_KEYED],
    "key": _KEYED,
    "url": [*_KEYED, {"url": []}],
}
_TEXT = {"type": "string"}
_RUN_HEADERS = {
    "Canevas-Run": {"description": "The id of the run.", "schema": _TEXT},
    "Location": {"description": "Where the events of a streamed run can be had again.", "schema": _TEXT},
}
_LAST_SEEN = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The last event that was seen of the run.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_EVENTS = {
    "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "Server-sent events: `event` is the type, `id` the seq, `data` an Event as JSON. A value "
            "over 64 kB is a Reference, at a place that the event names in `kept`; the run's output is whole.",
        }
    }
}


_KEPT = {
    "type": "array",
    "items": {"type": "array", "items": {"type": ["string", "integer"]}},
    "description": "The paths in this event at which a Reference stands for a value.",
}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(*texts: str) -> Json:
    return {"type": "object", "properties": dict.fromkeys(texts, _TEXT), "required": list(texts)}


def _parameter(name: str, place: str, description: str, *, required: bool = True) -> Json:
    return {"name": name, "in": place, "required": required, "description": description, "schema": _TEXT}


def _start(description: str, starts: Sequence[Entrance]) -> Json:
    parameter = _parameter("start", "query", description, required=False)
    return {**parameter, "schema": {"enum": [each.step for each in starts]}} if starts else parameter


def _problems(*kinds: Kind) -> Json:
    """The answers that refuse, by status."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        titles.setdefault(KINDS[kind][0], []).append(f"{KINDS[kind][1]}.")
    content = {_PROBLEM: {"schema": _ref("ProblemDetails")}}
    return {
        str(status): {"description": " ".join(dict.fromkeys(said)), "content": content}
        for status, said in titles.items()
    }


def _inputs(entrance: Entrance) -> Json:
    """What a caller sends to this start; a webhook takes what comes."""
    return _ANYTHING if entrance.trigger == "webhook" else dict(entrance.schema.document)


def _schemas() -> Json:
    kinds = [Event, Reference, ProblemDetails]
    _, told = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    events = [name for name, schema in told.items() if "type" in schema["properties"] and name != "ProblemDetails"]
    for event in VALUE_OF.keys() - {RunFinished}:
        told[event.__name__]["properties"]["kept"] = _KEPT
    told["ProblemDetails"]["properties"]["type"]["enum"] = [f"urn:canevas:problem:{kind}" for kind in KINDS]
    states = ["queued", "running", "waiting", "done", "failed", "cancelled"]
    moment = {"type": "string", "format": "date-time"}
    return {
        **told,
        "Event": {"oneOf": [_ref(name) for name in events], "discriminator": {"propertyName": "type"}},
        "FlowDescription": {
            **_object("slug", "name", "description"),
            "properties": {
                **_object("slug", "name", "description")["properties"],
                "version": {"type": "integer"},
                "inputs": {"type": "object", "description": "JSON Schema of what `/run` takes."},
                "outputs": {"type": "object", "description": "JSON Schema of the output, as far as it is known."},
                "starts": {"type": "array", "items": {**_object("step", "title", "trigger")}},
            },
            "required": ["slug", "name", "description", "version", "inputs", "outputs", "starts"],
        },
        "RunAnswer": {
            "type": "object",
            "properties": {
                "run": _TEXT,
                "state": {"const": "done"},
                "status": {"type": "integer", "description": "The HTTP status as well."},
                "output": {"description": "What the flow answered."},
            },
            "required": ["run", "state", "status", "output"],
        },
        "Run": {
            "type": "object",
            "properties": {
                "run": _TEXT,
                "state": {"enum": states},
                "version": {"type": "integer", "description": "Of the flow."},
                "started": moment,
                "ended": moment,
                "status": {"type": "integer", "description": "When done: what the Answer chose."},
                "output": {"description": "When done: what the flow answered."},
                "problem": _ref("ProblemDetails"),
                "asked": {"type": "array", "items": _ref("Question"), "description": "What people are asked now."},
            },
            "required": ["run", "state", "version", "started"],
        },
        "Question": {
            "type": "object",
            "properties": {
                **_object("step", "title", "text", "to", "answer")["properties"],
                "schema": {"type": "object", "description": "JSON Schema of the answer."},
                "shown": {"description": "The data to judge."},
                "since": moment,
                "until": moment,
            },
            "required": ["step", "title", "schema", "since", "answer"],
        },
    }
