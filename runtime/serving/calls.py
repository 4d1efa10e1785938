"""The calls of the public API: one method an address, each from a request to an answer."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from runtime.errors import ConflictError, NotFoundError
from runtime.graph.node import Trigger
from runtime.interpreter.events import ENDINGS, Ending, Event
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.kept import large_value
from runtime.interpreter.runs import Runs
from runtime.interpreter.start import Start
from runtime.interpreter.waits import InvalidAnswer
from runtime.serving.deployments import Deployments, Endpoint, Endpoints, Entrance
from runtime.serving.intake import delivery, parse_query, read_body, read_json
from runtime.serving.openapi import RUN_STARTS, describe, document
from runtime.serving.refusals import Refusal, misfit
from runtime.serving.replies import STREAM, Reply, answered, delivered, encode, preferred, put_away, run_view
from runtime.serving.stream import BEAT, EventStream
from runtime.serving.terms import Terms
from runtime.settings import Settings

log = logging.getLogger(__name__)

_ENDING = 5.0  # seconds in which a run that is cancelled mostly has ended, wherever it is
_RUN_ID = re.compile(r"[0-9a-z]{1,64}\Z")
_OUTSIDE = {"endpoint", "chat", "webhook"}  # runs that came in here; an owner's previews are nobody else's business


class Answer(Protocol):
    """What a call gives: it knows how to send itself."""

    async def give(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Request:
    """One HTTP request; its body is read by who wants it. headers: the last of each name, in lower case."""

    __slots__ = ("headers", "method", "path", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self.receive = scope, receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address. Raises: Refusal with 400."""
        return parse_query(self.scope["query_string"])

    @property
    def key(self) -> str:
        """The API key in the headers, or an empty text."""
        scheme, _, credentials = self.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            return credentials.strip().decode("latin-1")
        return self.headers.get(b"x-api-key", b"").decode("latin-1")


class Calls:
    """Everything the outside can ask for."""

    def __init__(
        self, deployments: Deployments, endpoints: Endpoints, runs: Runs, settings: Settings, beat: float = BEAT
    ) -> None:
        self._deployments, self._endpoints, self._runs, self._settings = deployments, endpoints, runs, settings
        self._beat = beat
        self._noted: dict[str, float] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def health(self, request: Request) -> Answer:
        """The process answers."""
        return Reply(200, b'{"status":"ok"}')

    async def openapi(self, request: Request) -> Answer:
        """The description of the API; with `?flow=` and its key, of that flow."""
        slug = request.query.get("flow", "")
        endpoint = await self._enter(request, slug) if slug else None
        return Reply(200, encode(document(self._settings, endpoint)))

    async def describe(self, request: Request, slug: str) -> Answer:
        """What a flow is called, takes and gives."""
        endpoint = await self._enter(request, slug)
        return Reply(200, encode(describe(endpoint)))

    async def run(self, request: Request, slug: str) -> Answer:
        """Run a flow and answer with its end, or with its events as they come."""
        endpoint = await self._enter(request, slug)
        kind = preferred(request.headers.get(b"accept", b"*/*"))
        if not kind:
            raise Refusal(
                "not-acceptable",
                "A run answers in `application/json` or `text/event-stream`.",
                "Accept one of these.",
            )
        if request.headers.get(b"canevas-run") or request.headers.get(b"last-event-id"):
            return await self._resume(request, endpoint, kind)
        terms = Terms.read(request.headers)
        start = await self._start(request, endpoint, RUN_STARTS, terms)
        if kind == STREAM:
            record = await self._begun(start)
            return self._stream(endpoint, record.id, self._runs.watch(record.workspace, record.id))
        if not terms.waits:
            return self._put_away(endpoint, await self._begun(start))
        record, ending = await self._answer(start)
        return answered(record.id, ending) if ending is not None else self._put_away(endpoint, record)

    async def webhook(self, request: Request, slug: str) -> Answer:
        """Run a flow with a request as it came, and answer with its bare answer."""
        endpoint = await self._enter(request, slug, request.query.get("key", ""))
        terms = Terms.read(request.headers, b"webhook-id")
        start = await self._start(request, endpoint, ("webhook",), terms)
        if not terms.waits:
            return self._put_away(endpoint, await self._begun(start))
        record, ending = await self._answer(start)
        return delivered(record.id, ending) if ending is not None else self._put_away(endpoint, record)

    async def state(self, request: Request, slug: str, run: str) -> Answer:
        """How a run stands, and its output when it has ended."""
        endpoint = await self._enter(request, slug)
        return await self._view(endpoint, run)

    async def events(self, request: Request, slug: str, run: str) -> Answer:
        """The events of a run after `Last-Event-ID`, from the past and as they come."""
        endpoint = await self._enter(request, slug)
        return await self._resumed(endpoint, run, _last_event(request))

    async def cancel(self, request: Request, slug: str, run: str) -> Answer:
        """Stop a run, wherever it is, and say how it ended; a run that has ended stays as it is."""
        endpoint = await self._enter(request, slug)
        workspace = endpoint.deployed.workspace
        _, ending = await self._find(endpoint, run)
        if ending is None:
            with suppress(TimeoutError, NotFoundError):  # it takes its time to clean up, or has just ended
                async with asyncio.timeout(_ENDING):
                    await self._runs.cancel(workspace, run, "Cancelled over the API.")
                    async for _ in self._runs.watch(workspace, run):
                        pass
        return await self._view(endpoint, run, 200 if (await self._find(endpoint, run))[1] is not None else 202)

    async def value(self, request: Request, slug: str, run: str, digest: str) -> Answer:
        """A large value to which an event of a run refers, as JSON."""
        record, _ = await self._find(await self._enter(request, slug), run)
        events = await self._runs.so_far(record.workspace, run)
        found = await asyncio.to_thread(large_value, events, digest)
        if found is None:
            what = f"No event of the run refers to a value `{digest[:64]}`."
            raise Refusal("unknown-path", what, "Take `sha256` of a reference in its events.", run=run)
        return Reply(200, found)

    async def answer(self, request: Request, slug: str, run: str, step: str) -> Answer:
        """Answer what a step of a run asks; the run goes on by itself."""
        endpoint = await self._enter(request, slug)
        await self._find(endpoint, run)
        body = await read_body(request.receive, request.headers, self._settings.max_body)
        value = read_json(body, request.headers)
        try:
            await self._runs.answer_pause(endpoint.deployed.workspace, run, step, value, "API")
        except InvalidAnswer as error:
            raise misfit(error) from None
        except ConflictError as error:
            raise Refusal("answered", f"{error.what}.", f"Ask `GET {_address(endpoint, run)}`.", run=run) from None
        return await self._view(endpoint, run, 202)

    # --- who asks, and for what ---------------------------------------------------------------------------------

    async def _enter(self, request: Request, slug: str, key: str = "") -> Endpoint:
        """The endpoint, for who has its key. Raises: Refusal with 404 or 401."""
        endpoint = await self._endpoints.find(slug)
        deployed = endpoint.deployed
        key = request.key or key
        opened = deployed.key(key) if key else None
        if opened is None:
            raise _wrong_key(given=bool(key))
        self._note(deployed.workspace, opened)
        return endpoint

    def _note(self, workspace: str, key: str) -> None:
        """Tell the store, beside the request, that a key was used; once a minute is enough for a list of keys."""
        now = asyncio.get_running_loop().time()
        if now - self._noted.get(key, -60.0) < 60.0:
            return
        if len(self._noted) > 10_000:
            self._noted.clear()
        self._noted[key] = now
        task = asyncio.create_task(self._deployments.note_use(workspace, key))
        self._notes.add(task)
        task.add_done_callback(self._noted_down)

    def _noted_down(self, task: "asyncio.Task[None]") -> None:
        self._notes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("the use of an API key could not be noted: %s", error)

    async def _begun(self, start: Start) -> RunRecord:
        """A run that has begun, or the one that its caller's key named before."""
        try:
            return await self._runs.begin(start)
        except ConflictError:
            named = await self._runs.keyed(start.workspace, start.flow, start.key) if start.key else None
            if named is None:
                raise
            return named

    async def _answer(self, start: Start) -> tuple[RunRecord, Ending | None]:
        """What a run comes to, or the one that its caller's key named before."""
        if not start.key:
            return await self._runs.answer(start)
        record = await self._begun(start)
        return await self._runs.outcome(record.workspace, record.id)

    async def _start(self, request: Request, endpoint: Endpoint, triggers: tuple[Trigger, ...], terms: Terms) -> Start:
        """A run to be started. Raises: Refusal with 400, 413, 415, 422 or 503."""
        plan = endpoint.ready_plan()
        if endpoint.deployed.paused is not None and terms.waits:
            what = f"`{endpoint.slug}` is paused, and what it runs waits until somebody lets it go on."
            mend = "Call again later, or send `Prefer: respond-async` to leave a run in its queue."
            raise Refusal("paused", what, mend, headers=[(b"retry-after", b"60")])
        entrance = endpoint.published.entrance(request.query.get("start", ""), *triggers)
        body = await read_body(request.receive, request.headers, self._settings.max_body)
        deployed = endpoint.deployed
        return Start(
            plan,
            _given(request, entrance, body),
            workspace=deployed.workspace,
            flow=deployed.flow_id,
            source=entrance.source,
            version=deployed.version,
            trigger=entrance.step,
            pins=endpoint.published.pins,
            slug=endpoint.slug,
            key=terms.key,
            due=time.time() + terms.delay if terms.delay else None,
            durability="step" if terms.kept else None,
        )

    # --- runs that are there ------------------------------------------------------------------------------------

    async def _find(self, endpoint: Endpoint, run: str) -> tuple[RunRecord, Ending | None]:
        """A run of this flow that was started from outside, and how it ended. Raises: Refusal with 404."""
        workspace = endpoint.deployed.workspace
        try:
            if not _RUN_ID.match(run):
                raise NotFoundError("That is no id of a run")
            alive = self._runs.alive(workspace, run)
            record = alive.record if alive is not None else await self._runs.record(workspace, run)
        except NotFoundError:
            raise _unknown_run(run) from None
        if record.flow != endpoint.deployed.flow_id or record.source not in _OUTSIDE:
            raise _unknown_run(run)
        if alive is not None:
            return record, alive.ending
        ending = None
        if record.state not in ("queued", "running", "waiting"):
            for event in await self._runs.so_far(workspace, run):
                ending = event if isinstance(event, ENDINGS) else ending
        return record, ending

    async def _view(self, endpoint: Endpoint, run: str, status: int = 200) -> Reply:
        record, ending = await self._find(endpoint, run)
        waits = () if ending is not None else await self._runs.waits(record.workspace, run)
        return Reply(status, encode(run_view(record, ending, _address(endpoint, run), waits)))

    def _put_away(self, endpoint: Endpoint, record: RunRecord) -> Reply:
        return put_away(record, record.waits, _address(endpoint, record.id))

    async def _resume(self, request: Request, endpoint: Endpoint, kind: bytes) -> Answer:
        """The stream of a run that the caller lost; a second run is never started by mistake."""
        run = request.headers.get(b"canevas-run", b"").decode("latin-1")
        if not run:
            raise Refusal(
                "bad-resume",
                "The request carries `Last-Event-ID` and does not say of which run.",
                "Send the run's id as `Canevas-Run` as well, or leave both out to start a run.",
            )
        if kind != STREAM:
            raise Refusal(
                "bad-resume",
                "The request carries `Canevas-Run`, which resumes a stream.",
                f"Accept `text/event-stream`, or ask for `GET {_address(endpoint, run[:64])}`.",
            )
        return await self._resumed(endpoint, run, _last_event(request))

    async def _resumed(self, endpoint: Endpoint, run: str, after: int) -> Answer:
        record, ending = await self._find(endpoint, run)
        if ending is not None and after >= ending.seq:
            return Reply(204, b"", headers=_of_run(endpoint, run))  # tells an EventSource to stop asking
        return self._stream(endpoint, run, self._runs.watch(record.workspace, run, after))

    def _stream(self, endpoint: Endpoint, run: str, events: AsyncIterator[Event]) -> EventStream:
        return EventStream(events, _of_run(endpoint, run), self._beat)


def _given(request: Request, entrance: Entrance, body: bytes) -> dict[str, Any]:
    """What the run is started with. Raises: Refusal with 400, 415 or 422."""
    if entrance.trigger == "webhook":
        return delivery(request.method, request.query, request.scope["headers"], body)
    given: dict[str, Any] = read_json(body, request.headers)
    misfits = entrance.schema.misfits(given)
    if misfits:
        first, more = misfits[0], len(misfits) - 1
        place = f"`{first.field}`" if first.field else "The body"
        raise Refusal(
            "invalid-input",
            f"{place} {first.detail}.{f' And {more} more.' if more else ''}",
            f"Look at `inputs` of `GET {request.path.rpartition('/')[0]}`.",
            misfits,
        )
    return given


def _last_event(request: Request) -> int:
    said = request.headers.get(b"last-event-id", b"") or b"0"
    if not said.isdigit() or len(said) > 18:
        raise Refusal(
            "bad-resume", "`Last-Event-ID` is not a whole number.", "Send the `id` of the last event you have."
        )
    return int(said)


def _wrong_key(*, given: bool) -> Refusal:
    """Says the same of a key of another flow as of one that never was."""
    what = "This key does not open the flow." if given else "The request carries no key."
    mend = "Send `Authorization: Bearer cnv_…` with a key of this deployment."
    error = b', error="invalid_token"' if given else b""
    return Refusal("wrong-key", what, mend, headers=[(b"www-authenticate", b'Bearer realm="canevas"' + error)])


def _unknown_run(run: str) -> Refusal:
    return Refusal(
        "unknown-run",
        f"This flow has no run `{run[:64]}`.",
        "Check the id. A run that was going on when its process ended is not kept.",
    )


def _address(endpoint: Endpoint, run: str) -> str:
    return f"/api/flows/{endpoint.slug}/runs/{run}"


def _of_run(endpoint: Endpoint, run: str) -> list[tuple[bytes, bytes]]:
    return [(b"canevas-run", run.encode()), (b"location", f"{_address(endpoint, run)}/events".encode())]
