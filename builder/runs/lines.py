"""What the list of runs shows of each run; pure."""

import re
from typing import TypedDict

from runtime.interpreter.journal import RunRecord

PAGE = 30  # runs that are loaded at a time
STATES = ("queued", "running", "waiting", "failed", "done", "cancelled")
GOING_ON = ("queued", "running", "waiting")
SOURCES = ("preview", "endpoint", "chat", "webhook", "schedule", "cli", "test")
SOON = 1_500  # ms between two looks at a run that goes on
_STEP = re.compile(r"^[a-z][\w./\[\]-]*: ")  # which begins what the record says of a failure


class RunLine(TypedDict):
    """One run. started: seconds since the epoch. ms: how long it took, 0 while it goes on. version: 0 for a draft.

    parent: the run that it repeats, else empty.
    error: why it failed, or why nobody takes it from its queue, in words of the catalogue; the page of the run says at
    which step.
    since: when its state began, 0 when that is not known. worker: the machine and the process that drives it, or did so
    last. queue: where it waits for its turn. until: when it goes on by itself, 0 when it does not. asks: what it asks a
    person, and more: how many other questions it has.
    """

    id: str
    flow: str
    flow_name: str
    source: str
    state: str
    started: float
    ms: float
    steps: int
    version: int
    error: str
    parent: str
    since: float
    worker: str
    queue: str
    until: float
    asks: str
    more: int


def line(record: RunRecord) -> RunLine:
    """What the list shows of a run."""
    going_on, waiting = record.state in GOING_ON, record.state == "waiting"
    asked = [str(wait.request.get("title", "")) for wait in record.waits if waiting and wait.request is not None]
    until = {"queued": record.due, "waiting": record.wake}.get(record.state)
    return RunLine(
        id=record.id,
        flow=record.flow,
        flow_name=record.flow_name,
        source=record.source,
        state=record.state,
        started=record.started,
        ms=max(0.0, (record.ended - record.started) * 1000) if record.ended else 0.0,
        steps=record.steps,
        version=record.version,
        error=_STEP.sub("", record.error),
        parent=record.parent,
        since=(record.since or record.started) if going_on else 0.0,
        worker=machine(record.worker),
        queue=record.queue if record.state == "queued" else "",
        until=until or 0.0,
        asks=asked[0] if asked else "",
        more=max(0, len(asked) - 1),
    )


def machine(worker: str) -> str:
    """The name of a process as a person reads it: its machine and its number, without what makes it unique."""
    host, colon, rest = worker.partition(":")
    return f"{host} · {rest.partition(':')[0]}" if colon else host
