"""How long a run was driven, from its events: without the time when it only waited or nobody drove it; pure."""

from collections.abc import Iterable

from runtime.interpreter.events import (
    BodyStarted,
    Durable,
    RunResumed,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepSkipped,
    StepStarted,
)
from runtime.interpreter.progress import container_of
from runtime.interpreter.waits import end_within


def driven(past: Iterable[Durable]) -> tuple[float, dict[str, float]]:
    """Seconds in all; and for each step with bodies, by path, how many there were when it started."""
    total = 0.0
    last: float | None = None
    started: dict[str, float] = {}
    around: dict[str, float] = {}
    working: dict[str, None] = {}  # steps whose bodies run; while there are none, the run waits
    for event in past:
        waited = isinstance(event, RunResumed) or (isinstance(event, StepResumed) and not working)
        if last is not None and not waited:
            total += max(event.at - last, 0.0)
        last = event.at if last is None else max(last, event.at)  # a clock may be set back
        match event:
            case StepStarted():
                started.setdefault(event.step, total)
                if event.step not in around:
                    working[event.step] = None
            case BodyStarted():
                path = container_of(event.step)
                around[path] = started.get(path, total)
                working.pop(path, None)
            case StepResumed():
                working[event.step] = None
            case StepFailed(output=None):
                end_within(working, event.step[: event.step.rfind("/") + 1])
            case StepFinished() | StepFailed() | StepSkipped() | StepPaused():
                end_within(working, event.step)
    return total, around
