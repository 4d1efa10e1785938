"""What the API sends back: one JSON answer, in one piece."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.types import Receive, Scope, Send

from runtime.interpreter.events import Ending, RunCancelled, RunFailed, RunFinished
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.waits import Wait
from runtime.serving.refusals import CONTENT_TYPE, Refusal, said, step_failed

Header = tuple[bytes, bytes]

JSON = b"application/json"
STREAM = b"text/event-stream"
_TEXT = b"text/plain; charset=utf-8"
AT_ONCE = "canevas.at_once"  # in a scope: takes status, headers and body, and says whether it has sent them
BODILESS = {204, 205, 304}
# What a run gives may hold anything: no cache keeps it and no browser guesses that it is a page.
ALWAYS: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))

encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    kind: bytes = JSON
    headers: Sequence[Header] = field(default=())

    async def give(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, in one write where the server can."""
        headers = [(b"content-type", self.kind), (b"content-length", b"%d" % len(self.body)), *ALWAYS, *self.headers]
        if self.status in BODILESS:
            self.body, headers = b"", headers[2:]
        at_once = scope.get(AT_ONCE)
        if at_once is not None and at_once(self.status, headers, self.body):
            return
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def refused(refusal: Refusal, instance: str) -> Reply:
    """Problem details. instance: the path that was asked."""
    details = refusal.details(instance)
    return Reply(refusal.status, encode(details), CONTENT_TYPE, refusal.headers)


def answered(run: str, ending: Ending) -> Reply:
    """The end of a run that its caller waited for. Raises: Refusal when it did not end well."""
    finished = _finished(run, ending)
    body = {"run": run, "state": "done", "status": finished.status, "output": finished.output}
    return Reply(finished.status, encode(body), headers=[(b"canevas-run", run.encode())])


def put_away(record: RunRecord, waits: Sequence[Wait], address: str) -> Reply:
    """A run that waits: what is asked, and where it can be answered and looked at. address: of the run."""
    headers = [(b"canevas-run", record.id.encode()), (b"location", address.encode())]
    return Reply(202, encode(run_view(record, None, address, waits)), headers=headers)


def delivered(run: str, ending: Ending) -> Reply:
    """The end of a run for a webhook: the bare answer, since its sender knows nothing of envelopes. Raises: Refusal."""
    finished = _finished(run, ending)
    headers = [(b"canevas-run", run.encode())]
    if isinstance(finished.output, str):
        return Reply(finished.status, finished.output.encode("utf-8", "replace"), _TEXT, headers)
    return Reply(finished.status, encode(finished.output), headers=headers)


def _finished(run: str, ending: Ending) -> RunFinished:
    if isinstance(ending, RunFinished):
        return ending
    raise unfinished(run, ending)


def unfinished(run: str, ending: RunFailed | RunCancelled) -> Refusal:
    """Why a run gave no answer."""
    if isinstance(ending, RunFailed):
        return step_failed(ending.step, ending.failure, run)
    return Refusal(
        "cancelled", ending.reason or "Somebody stopped the run.", "Start it again if it is needed.", run=run
    )


def run_view(record: RunRecord, ending: Ending | None, instance: str, waits: Sequence[Wait] = ()) -> dict[str, Any]:
    """A run as anybody with the key may see it; its output or its problem when it has ended, else what it asks.

    instance: the address of the run.
    """
    view: dict[str, Any] = {"run": record.id, "state": record.state, "version": record.version}
    view["started"] = _moment(record.started)
    if record.ended is not None:
        view["ended"] = _moment(record.ended)
    if isinstance(ending, RunFinished):
        view |= {"status": ending.status, "output": ending.output}
    elif ending is not None:
        view["problem"] = said(unfinished(record.id, ending).details(instance))
    elif asked := [wait for wait in waits if wait.request is not None]:
        view["asked"] = [_question(wait, instance) for wait in asked]
    return view


def _question(wait: Wait, address: str) -> dict[str, Any]:
    """What somebody is asked, and where the answer is posted."""
    asked: dict[str, Any] = {"step": wait.step, **(wait.request or {}), "since": _moment(wait.asked)}
    if wait.until is not None:
        asked["until"] = _moment(wait.until)
    return {**asked, "answer": f"{address}/answers/{quote(wait.step, safe='')}"}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=256)
def preferred(accept: bytes) -> bytes:
    """JSON or STREAM, whichever an Accept header likes better; empty when it takes neither.

    A stream must be asked for by its name; of two equally good ones it wins, because nobody names it by accident.
    """
    weights: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            weights[name] = min(float(weight), 1.0)
        except ValueError:
            weights[name] = 0.0
    json = weights.get("application/json", weights.get("application/*", weights.get("*/*", 0.0)))
    stream = weights.get("text/event-stream", 0.0)
    if max(json, stream) <= 0:
        return b""
    return STREAM if stream >= json else JSON
