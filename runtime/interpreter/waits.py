"""What a run waits for: read from its events, kept with its record, and what is right as an answer; pure."""

from collections.abc import Iterable
from typing import Any

import msgspec

from runtime.errors import CallerError, ConflictError
from runtime.graph.schemas import FieldError, Schema
from runtime.interpreter.events import (
    ENDINGS,
    Event,
    RunStopping,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepSkipped,
)


class Wait(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step that waits for a person, a time, or whichever comes first.

    step: its path. asked, until: seconds since the epoch. request: what a person is asked, as `Request` has it.
    """

    step: str
    asked: float
    request: dict[str, Any] | None = None
    until: float | None = None


class InvalidAnswer(CallerError):
    """An answer does not fit what was asked. errors: what is wrong, by field."""

    def __init__(self, step: str, errors: list[FieldError]) -> None:
        self.errors = errors
        first = errors[0]
        field = first.field.lstrip("/")
        what = f"`{field}` {first.detail}" if field else f"The answer {first.detail}"
        super().__init__(what, step, "Give what was asked for.")


def waits_of(events: Iterable[Event]) -> tuple[Wait, ...]:
    """What a run waits for after these events, the first asked first."""
    waiting: dict[str, Wait] = {}
    for event in events:
        match event:
            case StepPaused():
                waiting[event.step] = Wait(event.step, event.at, event.request, event.until)
            case StepResumed():
                waiting.pop(event.step, None)
            case StepFailed(output=None):
                # It ends everything in the body that it stands in.
                end_within(waiting, event.step[: event.step.rfind("/") + 1])
            case StepFinished() | StepFailed() | StepSkipped():
                end_within(waiting, event.step)
            case _ if isinstance(event, (RunStopping, *ENDINGS)):
                waiting.clear()
    return tuple(waiting.values())


def end_within(steps: dict[str, Any], path: str) -> None:
    """Take out what stands for a step or the bodies inside it; or for a body, whose path ends with a slash."""
    for step in [step for step in steps if _within(step, path)]:
        del steps[step]


def _within(step: str, path: str) -> bool:
    return step.startswith(path) and (path[-1:] in ("", "/") or step[len(path) : len(path) + 1] in ("", "/", "[", "."))


def wake_of(waits: Iterable[Wait]) -> float | None:
    """The next time at which a run goes on by itself; None: it waits for people alone."""
    return min((wait.until for wait in waits if wait.until is not None), default=None)


def asked(waits: Iterable[Wait], step: str) -> Wait:
    """What a step asks a person. Raises: ConflictError when it asks nobody (any more)."""
    found = next((wait for wait in waits if wait.step == step and wait.request is not None), None)
    if found is None:
        raise answered(step)
    return found


def answered(step: str) -> ConflictError:
    """The error for whoever answers too late, or what nobody asked."""
    return ConflictError("Nobody waits for this answer any more", step, "Look at the run: it has gone on.")


def fit(wait: Wait, value: Any) -> None:
    """See that an answer is what was asked for. Raises: InvalidAnswer."""
    assert wait.request is not None
    if misfits := Schema(wait.request.get("schema", {})).misfits(value):
        raise InvalidAnswer(wait.step, misfits)
