"""What the list of runs shows of each run; pure."""

import re
from collections.abc import Iterable
from typing import TypedDict

from runtime.interpreter.journal import RunRecord

PAGE = 30  # runs that are loaded at a time
STATES = ("running", "waiting", "done", "failed", "cancelled")
_STEP = re.compile(r"^[a-z][\w./\[\]-]*: ")  # which begins what the record says of a failure
SOON, LATER = 1_500, 10_000  # ms between looks: while something runs or waits, and while nothing does


class RunLine(TypedDict):
    """One run. started: seconds since the epoch. ms: how long it took, 0 while it goes on. version: 0 for a draft.

    parent: the run that it repeats, else empty.
    error: why it failed, in words of the catalogue; the page of the run says at which step.
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


def line(record: RunRecord) -> RunLine:
    """What the list shows of a run."""
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
    )


def every(lines: Iterable[RunLine]) -> int:
    """How soon to look again, in ms."""
    return SOON if any(line["state"] in ("running", "waiting") for line in lines) else LATER
