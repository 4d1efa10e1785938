"""The vocabulary of a run: everything that can be said about it, and the one seam between engine and world."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from runtime.errors import CanevasError
from runtime.graph.messages import ModelCall

NOTHING: Mapping[str, Any] = {}
LONGEST = 10_000  # characters of a failure or of a logged line


def writable(text: str) -> str:
    """A text that can be written down as UTF-8; half characters (lone surrogates) become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def shortened(text: str) -> str:
    """What a node said, writable and of a bearable length."""
    return writable(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a step failed: what happened, what to do, and who can act (author, caller, provider, operator).

    kind: the class of the error. retry: the same may go well later. step: where it happened, when it reached the step
    that says so from inside. cause: the errors under it, the nearest first.
    """

    what: str
    mend: str = ""
    who: str = "author"
    kind: str = ""
    retry: bool = False
    step: str = ""
    cause: str = ""

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """A failure from an exception; the class of the exception says who must act."""
        if isinstance(error, StepError):
            causes = error.failure.cause or _causes(error)
            return msgspec.structs.replace(error.failure, cause=causes) if causes else error.failure
        kind, cause = type(error).__name__, _causes(error)
        if isinstance(error, CanevasError):
            where = f" ({error.where})" if error.where else ""
            retry = bool(getattr(error, "retry", False))
            what, mend = shortened(f"{error.what}{where}"), shortened(error.mend)
            return cls(what, mend, error.who, kind, retry, cause=cause)
        try:
            text = str(error).strip()
        except Exception:  # an exception that cannot even say what it is
            text = ""
        return cls(shortened(f"{kind}: {text}" if text else kind), kind=kind, cause=cause)

    def told(self, step: str = "", given: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """The failure as the flow sees it. step: where it happened, unless it says so itself. given: its input."""
        where = self.step or step
        return {
            "what": self.what,
            "mend": self.mend,
            "who": self.who,
            "kind": self.kind,
            "step": where,
            "input": dict(given),
            "cause": self.cause,
        }


def _causes(error: BaseException) -> str:
    said: list[str] = []
    below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while below is not None and len(said) < 5:
        try:
            told = f"{below.failure.kind}: {below.failure.what}" if isinstance(below, StepError) else ""
            said.append((told or f"{type(below).__name__}: {below}").strip(": "))
        except Exception:  # an exception that cannot even say what it is
            said.append(type(below).__name__)
        below = below.__cause__ or (None if below.__suppress_context__ else below.__context__)
    return shortened("; ".join(said))


class StepError(CanevasError):
    """What a step inside a body failed with, as the body's step meets it. given: the input of that step."""

    def __init__(self, failure: Failure, given: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(failure.what, failure.step, failure.mend)
        self.failure, self.given = failure, given


class _Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    """seq: rises by one within a run, from 1. at: seconds since the epoch."""

    seq: int
    at: float


class RunStarted(_Event, frozen=True, tag="run_started"):
    """The run began at a trigger, with this input. parent: the run that it repeats, or goes on from.

    pins: which version of other flows it runs, where they are called by what is deployed.
    """

    trigger: str
    input: dict[str, Any]
    parent: str = ""
    pins: dict[str, int] = {}


class StepStarted(_Event, frozen=True, tag="step_started"):
    """A step's body is about to be entered. input: what its ports and computed settings hold."""

    step: str
    input: dict[str, Any]


class StepRetried(_Event, frozen=True, tag="step_retried"):
    """A try failed and another follows. attempt: the try that failed, from 1. wait: seconds until the next."""

    step: str
    attempt: int
    failure: Failure
    wait: float


class StepFinished(_Event, frozen=True, tag="step_finished"):
    """A step gave its output: a value a port; a branch not taken has no key. ms: how long it took.

    reused: it gave this in the run that this one repeats, or somebody said what it is to have given.
    """

    step: str
    output: dict[str, Any]
    ms: float = 0.0
    calls: tuple[ModelCall, ...] = ()
    reused: bool = False


class StepFailed(_Event, frozen=True, tag="step_failed"):
    """A step gave up. output: what goes on instead (error port or default), None when the run fails with it."""

    step: str
    failure: Failure
    output: dict[str, Any] | None = None
    ms: float = 0.0


class StepSkipped(_Event, frozen=True, tag="step_skipped"):
    """Nobody comes to this step: the branch that leads to it was not taken; or nobody needs it any more."""

    step: str


class BodyStarted(_Event, frozen=True, tag="body_started"):
    """A flow inside a step began. step: its path, such as `each[2]`; given: what its steps read of it."""

    step: str
    given: dict[str, Any]


class StepPaused(_Event, frozen=True, tag="step_paused"):
    """A step waits for a person, a time, or whichever comes first. until: seconds since the epoch."""

    step: str
    request: dict[str, Any] | None = None
    until: float | None = None


class StepResumed(_Event, frozen=True, tag="step_resumed"):
    """What a step waited for is there. by: who answered. late: nobody had until the time was over."""

    step: str
    value: Any = None
    by: str = ""
    late: bool = False


class StepLogged(_Event, frozen=True, tag="step_logged"):
    """A node wrote a line for whoever reads the run."""

    step: str
    text: str


class RunResumed(_Event, frozen=True, tag="run_resumed"):
    """The run goes on after nobody drove it: it was queued, or waited, or its process died. Who says this owns it.

    worker: the process that drives it from here on. lost: the one before had died; what was under way runs again.
    """

    worker: str = ""
    lost: bool = False


class RunStopping(_Event, frozen=True, tag="run_stopping"):
    """The run will end so, cancelled or with this failure of a step, once the bodies that clean up have run."""

    reason: str = ""
    step: str = ""
    failure: Failure | None = None


class RunFinished(_Event, frozen=True, tag="run_finished"):
    """The run's answer. status: the HTTP status an Answer step chose. step: the step that gave it."""

    output: Any
    status: int = 200
    step: str = ""


class RunFailed(_Event, frozen=True, tag="run_failed"):
    """The run ended with the failure of this step."""

    step: str
    failure: Failure


class RunCancelled(_Event, frozen=True, tag="run_cancelled"):
    """Somebody stopped the run."""

    reason: str = ""


class StepDelta(msgspec.Struct, frozen=True, tag_field="type", tag="step_delta"):
    """A piece of text as it streams; live only: no seq, never stored, told again in full by StepFinished."""

    step: str
    text: str


Durable = (
    RunStarted
    | StepStarted
    | StepRetried
    | StepFinished
    | StepFailed
    | StepSkipped
    | BodyStarted
    | StepPaused
    | StepResumed
    | StepLogged
    | RunResumed
    | RunStopping
    | RunFinished
    | RunFailed
    | RunCancelled
)
Event = Durable | StepDelta
Ending = RunFinished | RunFailed | RunCancelled
ENDINGS = (RunFinished, RunFailed, RunCancelled)

RunState = Literal["queued", "running", "waiting", "done", "failed", "cancelled"]
STATE_OF: dict[type, RunState] = {RunFinished: "done", RunFailed: "failed", RunCancelled: "cancelled"}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Durable)
_list_decoder = msgspec.json.Decoder(list[Durable])


def encode(event: Event) -> bytes:
    """One event as a JSON object, tagged by `type`."""
    return _encoder.encode(event)


def decode(data: bytes | str) -> Durable:
    """A durable event from its JSON. Raises msgspec.ValidationError."""
    event: Durable = _decoder.decode(data)
    return event


def encode_all(events: list[Durable]) -> bytes:
    """Consecutive events as one JSON list, the form the journal keeps."""
    return _encoder.encode(events)


def decode_all(data: bytes | str) -> list[Durable]:
    """The events of one journal entry."""
    return _list_decoder.decode(data)
