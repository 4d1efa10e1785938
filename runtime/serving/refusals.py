"""What the API refuses, and how it says so: problem details after RFC 9457."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from runtime.graph.problems import Problem
from runtime.graph.schemas import FieldError
from runtime.interpreter.events import Failure
from runtime.interpreter.waits import InvalidAnswer

Kind = Literal[
    "malformed-body",
    "bad-resume",
    "bad-terms",
    "unknown-start",
    "wrong-key",
    "unknown-flow",
    "unknown-run",
    "unknown-path",
    "method-not-allowed",
    "not-acceptable",
    "cancelled",
    "answered",
    "too-large",
    "unsupported-body",
    "invalid-input",
    "invalid-answer",
    "internal",
    "step-failed",
    "not-ready",
    "paused",
]

# kind: (HTTP status, title). A title never changes with the occurrence; the detail does.
KINDS: dict[Kind, tuple[int, str]] = {
    "malformed-body": (400, "The body cannot be read"),
    "bad-resume": (400, "The stream cannot be resumed like this"),
    "bad-terms": (400, "The run cannot be had on these terms"),
    "unknown-start": (400, "The flow has no such start"),
    "wrong-key": (401, "The key is missing or wrong"),
    "unknown-flow": (404, "No flow is deployed here"),
    "unknown-run": (404, "The flow has no such run"),
    "unknown-path": (404, "Nothing is at this address"),
    "method-not-allowed": (405, "The address does not take this method"),
    "not-acceptable": (406, "The answer does not come in this type"),
    "cancelled": (409, "The run was cancelled"),
    "answered": (409, "Nobody waits for this answer"),
    "too-large": (413, "The body is too large"),
    "unsupported-body": (415, "The body has a type that is not taken"),
    "invalid-input": (422, "The input does not fit the flow"),
    "invalid-answer": (422, "The answer does not fit the question"),
    "internal": (500, "Canevas failed inside"),
    "step-failed": (502, "A step of the flow failed"),
    "not-ready": (503, "The flow cannot run now"),
    "paused": (503, "The flow is paused"),
}

CONTENT_TYPE = b"application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every error. mend: what to do. step: of the flow, when one is to blame. run: its id.

    who: can act, when a step failed: author, caller, provider or operator.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    mend: str = ""
    errors: tuple[FieldError, ...] = ()
    step: str = ""
    run: str = ""
    who: str = ""


@dataclass(eq=False)
class Refusal(Exception):
    """Ends a request with problem details; raised anywhere below the API's entry."""

    kind: Kind
    detail: str
    mend: str = ""
    errors: Sequence[FieldError] = ()
    step: str = ""
    run: str = ""
    who: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind][0]

    def details(self, instance: str) -> ProblemDetails:
        """The body. instance: the address that was asked, or that of the run."""
        status, title = KINDS[self.kind]
        return ProblemDetails(
            type=f"urn:canevas:problem:{self.kind}",
            title=title,
            status=status,
            detail=self.detail,
            instance=instance,
            mend=self.mend,
            errors=tuple(self.errors),
            step=self.step,
            run=self.run,
            who=self.who,
        )


def not_ready(problems: Sequence[Problem]) -> Refusal:
    """The flow has problems that keep it from running; the first is the detail, all are the errors."""
    first = problems[0]
    errors = [FieldError(f"{each.step}.{each.field}".strip("."), each.what) for each in problems[:20]]
    return Refusal("not-ready", first.what, first.mend, errors, first.step)


def misfit(error: InvalidAnswer) -> Refusal:
    """An answer is not what was asked for."""
    return Refusal("invalid-answer", f"{error.what}.", error.mend, error.errors, error.where)


def step_failed(step: str, failure: Failure, run: str) -> Refusal:
    """A run ended with the failure of a step; without a step it is our own, and its text stays in the log."""
    if not step:
        return Refusal("internal", "The run broke off.", "Ask the operator to look at the log.", run=run)
    kind: Kind = "invalid-input" if failure.who == "caller" else "step-failed"
    return Refusal(kind, f"The step `{step}` failed: {failure.what}", failure.mend, step=step, run=run, who=failure.who)


def said(details: ProblemDetails) -> dict[str, Any]:
    """Problem details as a plain object, to stand inside another body."""
    return msgspec.to_builtins(details)  # type: ignore[no-any-return]
