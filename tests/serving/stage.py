"""The stage of the API's tests: small nodes, flows to deploy, deployments in memory, and a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import httpx2

from nodes.catalog import NODES
from runtime.driving.local import LocalDriver
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.library import Library
from runtime.graph.messages import Delta
from runtime.graph.node import Context, Node
from runtime.graph.plan import Plan
from runtime.graph.problems import Problem
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs
from runtime.interpreter.services import Services
from runtime.serving.api import Api
from runtime.serving.links import AnswerLinks
from runtime.serving.server import listen, serve
from runtime.settings import Settings
from runtime.storage.tokens import digest

KEY = "cnv_right"
WORKSPACE = "home"

GATES: dict[str, asyncio.Event] = {}


def gate(name: str) -> asyncio.Event:
    """What a Held step of this name waits for; a test opens it."""
    return GATES.setdefault(name, asyncio.Event())


class Held(Node, effect="reads"):
    """Waits until the test opens its gate, or for ever when it has none."""

    gate: str = ""

    async def run(self) -> str:
        await (gate(self.gate) if self.gate else asyncio.Event()).wait()
        return "let go"


class Talk(Node, effect="reads"):
    """Streams two words, waits for its gate, and streams the rest."""

    gate: str

    async def run(self) -> AsyncIterator[Delta | str]:
        yield Delta("one ")
        yield Delta("two ")
        await gate(self.gate).wait()
        yield Delta("três 🦜")
        yield "one two três 🦜"


class Echo(Node):
    """Gives the whole input of the run."""

    async def run(self, context: Context) -> Any:
        return context.input


class Vast(Node):
    """Gives a text of so many letters."""

    size: int = 0

    async def run(self, value: Any = None) -> str:
        return "é" * self.size


class Boom(Node, effect="reads"):
    """Fails with words that a caller may read."""

    async def run(self) -> str:
        raise ValueError("the parrot is dead")


CATALOG = Catalog([*NODES, Held, Talk, Echo, Vast, Boom])

API = {"kind": "api_start", "config": {"fields": [{"name": "text"}]}}
TYPED = {
    "kind": "api_start",
    "config": {
        "fields": [
            {"name": "name"},
            {"name": "amount", "type": "number", "required": False},
            {"name": "express", "type": "boolean", "required": False},
            {"name": "items", "type": "list", "required": False},
            {"name": "customer", "type": "object", "required": False, "description": "Who asks."},
        ]
    },
}
CHAT = {"kind": "chat_start"}
HOOK = {"kind": "webhook_start"}
ASK = {"kind": "ask_person", "config": {"title": "Ship it?", "shown": {"total": 9}}}


def flow(answer: Any = "{{ echo.output }}", *, start: Any = API, status: int = 200, **steps: Any) -> Flow:
    """A flow of a start, the steps given one after another (an Echo if none), and an Answer."""
    steps = steps or {"echo": {"kind": "echo"}}
    order = ["start", *steps, "answer"]
    first = {"api_start": start.get("config", {}).get("fields"), "chat_start": [{"name": "message"}]}.get(start["kind"])
    gives = {"ask": "approve", "start": (first or [{"name": "body"}])[0]["name"]}
    return Flow.model_validate(
        {
            "name": "Stage",
            "description": "What the tests call.",
            "steps": {
                "start": start,
                **steps,
                "answer": {"kind": "answer", "config": {"value": answer, "status": status}},
            },
            "edges": [f"{a}.{gives.get(a, 'output')} -> {b}" for a, b in pairwise(order)],
        }
    )


def several() -> Flow:
    """A flow with a start of each kind, the webhook first."""
    return Flow.model_validate(
        {
            "name": "Several",
            "steps": {
                "hook": HOOK,
                "start": API,
                "talk": CHAT,
                "echo": {"kind": "echo"},
                "answer": {"kind": "answer", "config": {"value": "{{ echo.output }}"}},
            },
            "edges": ["hook.body -> echo", "start.text -> echo", "talk.message -> echo", "echo.output -> answer"],
        }
    )


@dataclass(frozen=True)
class Standing:
    """A deployment as storage tells of it."""

    flow: Flow
    version: int = 1
    flow_id: str = "flow"
    workspace: str = WORKSPACE
    keys: tuple[str, ...] = (KEY,)
    paused: float | None = None

    def key(self, plaintext: str) -> str | None:
        return next((f"id of {key}" for key in self.keys if digest(key) == digest(plaintext)), None)


@dataclass
class Shelf:
    """Deployments in memory; counts how often it was asked."""

    standing: dict[str, Standing] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    broken: Exception | None = None

    async def deployment(self, slug: str) -> Standing | None:
        self.asked.append(slug)
        await asyncio.sleep(0)
        if self.broken is not None:
            raise self.broken
        return self.standing.get(slug)

    async def note_use(self, workspace: str, key: str) -> None:
        self.used.append((workspace, key))


class Stage:
    """A server with the API of some flows, and a client with a key.

    unready: what `ready` tells of every flow.
    """

    def __init__(self, beat: float = 15.0, **settings: Any) -> None:
        self.shelf = Shelf()
        self.journal = MemoryJournal()
        self.runs = Runs(
            self.journal,
            LocalDriver(self.journal),
            lambda workspace: Services(None, None, None, None),
            plan_of=self._plan_of,
        )
        self.links = AnswerLinks(b"a key of the tests")
        self.unready: Sequence[Problem] = ()
        self.api = Api(
            self.shelf, CATALOG, self.runs, Settings(**settings), ready=self._ready, links=self.links, beat=beat
        )
        self._versions = count(1)
        self.port = 0
        self.client: httpx2.AsyncClient

    async def _ready(self, workspace: str, flow: Flow, library: Library) -> Sequence[Problem]:
        return self.unready

    async def _plan_of(self, record: RunRecord, pins: Mapping[str, int]) -> Plan:
        standing = self.shelf.standing.values()
        return compile_flow(next(each.flow for each in standing if each.version == record.version), CATALOG)

    def deploy(self, slug: str, deployed: Flow, **given: Any) -> str:
        """Let a flow stand under a slug, and give its address."""
        given.setdefault("version", next(self._versions))  # a version never changes
        self.shelf.standing[slug] = Standing(deployed, flow_id=f"flow of {slug}", **given)
        self.api.forget(slug)
        return f"/api/flows/{slug}"

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """A call with JSON and the key; `accept_`, `last_event_id_` and so on are headers."""
        return await self.client.post(path, json=body, headers=named(headers))

    def stream(self, path: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
        """A call for events."""
        return self.client.stream(
            method, path, json=body, headers={"accept": "text/event-stream", **named(headers)}, timeout=20
        )

    async def raw(self, request: bytes, *, until_closed: bool = True) -> bytes:
        """Bytes over a connection of their own, and all that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        try:
            return await asyncio.wait_for(reader.read() if until_closed else reader.read(65536), 20)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def refused(response: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
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


@asynccontextmanager
async def staged(**settings: Any) -> AsyncIterator[Stage]:
    """A stage whose server answers."""
    stage = Stage(**settings)
    with listen("127.0.0.1", 0) as listener:
        stage.port = listener.getsockname()[1]
        listener.listen()
        serving = asyncio.create_task(serve(stage.api, listener))
        url = f"http://127.0.0.1:{stage.port}"
        bearer = {"authorization": f"Bearer {KEY}"}
        await stage.runs.open()
        async with httpx2.AsyncClient(base_url=url, headers=bearer, timeout=20) as stage.client:
            yield stage
        await stage.runs.close()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@dataclass
class Sent:
    """One server-sent event, or a comment."""

    event: str = ""
    id: str = ""
    data: Any = None
    comment: str = ""


async def events_of(response: httpx2.Response) -> AsyncIterator[Sent]:
    """The events of a stream as they come, read as the standard says."""
    sent = Sent()
    async for line in response.aiter_lines():
        if not line:
            if sent.event or sent.comment:
                yield sent
            sent = Sent()
            continue
        name, _, value = line.partition(": ")
        if name == "data":
            sent.data = json.loads(value)
        elif name in ("event", "id"):
            setattr(sent, name, value)
        else:
            sent.comment = value
