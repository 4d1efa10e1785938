"""What a run's events say of processes that died while they drove it: who went on, and what was cut off; pure."""

from collections.abc import Iterable
from typing import TypedDict

from builder.runs.lines import machine
from runtime.interpreter.events import (
    Event,
    RunResumed,
    StepFailed,
    StepFinished,
    StepPaused,
    StepSkipped,
    StepStarted,
)
from runtime.interpreter.progress import CUT


class Recovery(TypedDict):
    """A run went on after its process had died. at: seconds since the epoch. worker: where it went on.

    again: the steps that were under way and ran again, by their paths, with commas between them. asked: those that may
    not run twice, about which a person is asked instead.
    """

    at: float
    worker: str
    again: str
    asked: str


def recoveries(events: Iterable[Event]) -> list[Recovery]:
    """Every time that a run lost its process, the first one first."""
    found: list[Recovery] = []
    under_way: dict[str, None] = {}
    cut: set[str] = set()  # what was under way when the last process died, and has not been heard of since
    for event in events:
        match event:
            case RunResumed(lost=True):
                found.append(Recovery(at=event.at, worker=machine(event.worker), again="", asked=""))
                cut = set(under_way)
            case StepStarted(step=step):
                if step in cut:
                    found[-1]["again"] = _with(found[-1]["again"], step)
                under_way[step] = None
                cut.discard(step)
            case StepPaused(step=step):
                if step in cut and (event.request or {}).get(CUT):
                    found[-1]["asked"] = _with(found[-1]["asked"], step)
                under_way.pop(step, None)
                cut.discard(step)
            case StepFinished(step=step) | StepFailed(step=step) | StepSkipped(step=step):
                under_way.pop(step, None)
                cut.discard(step)
    return found


def _with(said: str, step: str) -> str:
    return f"{said}, {step}" if said else step
