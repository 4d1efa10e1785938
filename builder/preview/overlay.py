"""What a run's events say about each of its steps, also of those inside others; pure, folded one event at a time."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from runtime.interpreter.events import (
    BodyStarted,
    Event,
    Failure,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFailed,
    StepFinished,
    StepLogged,
    StepPaused,
    StepResumed,
    StepRetried,
    StepSkipped,
    StepStarted,
)

StepState = Literal["idle", "running", "waiting", "done", "failed", "skipped", "cancelled"]
RunningState = Literal["idle", "running", "waiting", "done", "failed", "cancelled"]
_TAIL = 240  # characters of streaming text on a card; the whole stands in the inspector
_BODY = re.compile(r"(?P<head>(?:.*/)?)(?P<step>[a-z][a-z0-9_]*)(?:\.(?P<body>\w+))?(?:\[(?P<key>.*)\])?\Z")


@dataclass(slots=True)
class StepTrace:
    """What is known of one step: its state, what went in and out, and who answered.

    at: its place in the run. ms: how long it took. text: what has streamed so far. tries: attempts that failed and
    were repeated. request, until, asked: what a person is asked, until when and since when (seconds since the epoch).
    by: who answered. reused: the output comes from the run that this one repeats; given: somebody said there what it is
    to be. bodies: the calls of the flows inside it, by the name of the body (empty for its first) and by key, in the
    order of their starts.
    """

    path: str = ""
    state: StepState = "idle"
    ms: float = 0.0
    text: str = ""
    input: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] | None = None
    failure: Failure | None = None
    tries: int = 0
    model: str = ""
    demo: bool = False
    tokens: int = 0
    logs: list[str] = field(default_factory=list)
    request: dict[str, Any] | None = None
    until: float | None = None
    asked: float = 0.0
    by: str = ""
    reused: bool = False
    given: bool = False
    bodies: dict[str, dict[str, "Scope"]] = field(default_factory=dict)
    _began: float = 0.0

    @property
    def standing(self) -> StepState:
        """Its state as a person sees it: a step in which everything that goes on waits, waits too."""
        if self.state != "running":
            return self.state
        live = {scope.state for calls in self.bodies.values() for scope in calls.values() if scope.is_live}
        return "waiting" if live == {"waiting"} else "running"

    @property
    def gave_up(self) -> bool:
        """Has it failed what it stands in? Else something else goes on instead of its output."""
        return self.state == "failed" and self.output is None

    def card(self) -> dict[str, Any]:
        """The part that the card on the canvas shows; small, it travels with every change."""
        state = self.standing
        return {
            "state": state,
            "ms": round(self.ms, 1),
            "text": self.text[-_TAIL:] if state == "running" else "",
            "error": self.failure.what if self.failure is not None and state != "running" else "",
            "inside": self.failure is not None and self.failure.step not in ("", self.path),
            "tries": self.tries,
            "model": self.model,
            "demo": self.demo,
            "reused": self.reused,
            "given": self.given,
        }

    def take(self, event: Event) -> None:
        """Fold one event of this step."""
        match event:
            case StepStarted():
                self.state, self.input, self.text = "running", event.input, ""
                self._began = self._began or event.at
            case StepDelta():
                self.text += event.text
            case StepRetried():
                self.tries, self.failure = event.attempt, event.failure
                self.bodies.clear()
            case StepFinished():
                self.state, self.output, self.failure = "done", event.output, None
                self.ms = self._lasted(event)
                self.model = ", ".join(dict.fromkeys(call.model for call in event.calls))
                self.demo = any(call.demo for call in event.calls)
                self.tokens = sum(call.input_tokens + call.output_tokens for call in event.calls)
                self.reused = event.reused
            case StepFailed():
                self.state, self.failure, self.output = "failed", event.failure, event.output
                self.ms = self._lasted(event)
            case StepSkipped():
                self.state = "skipped"
            case StepPaused():
                self.state, self.request, self.until, self.asked = "waiting", event.request, event.until, event.at
            case StepResumed():
                self.state, self.by, self.request, self.until = "running", event.by, None, None
            case StepLogged():
                self.logs.append(event.text)
        if self.state not in ("running", "waiting"):
            self.end()

    def _lasted(self, event: StepFinished | StepFailed) -> float:
        """How long it took. One that waited, or has steps inside, is entered several times and tells of the last."""
        several = self._began and (self.asked or self.bodies) and not getattr(event, "reused", False)
        return max(event.ms, (event.at - self._began) * 1000) if several else event.ms

    def end(self) -> None:
        """Whatever goes on inside is ended with the step."""
        for calls in self.bodies.values():
            for scope in calls.values():
                scope.end()

    def cancel(self) -> None:
        """It was ended before it had settled."""
        if self.state in ("running", "waiting"):
            self.state, self.request, self.until = "cancelled", None, None
            self.end()


@dataclass(slots=True)
class Scope:
    """One call of a flow inside a step, or with an empty path the run itself.

    path: such as `each[2]` or `guard.catch`; key: what tells it from other calls of its body, such as `2`.
    given: what its steps read of it. steps: those that it came to, by id, in the order in which it did. is_over:
    nothing more happens in it.
    """

    path: str = ""
    key: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, StepTrace] = field(default_factory=dict)
    is_over: bool = False

    @property
    def is_live(self) -> bool:
        """Does anything in it go on or wait?"""
        return any(step.state in ("running", "waiting") for step in self.steps.values())

    @property
    def state(self) -> StepState:
        """How it stands, all its steps taken together."""
        if not self.steps and not self.is_over:
            return "running"
        states = {"failed" if step.gave_up else step.standing for step in self.steps.values() if _counts(step)}
        return next((state for state in _WEIGHT if state in states), "done")

    def end(self) -> None:
        """Whatever goes on in it is ended."""
        self.is_over = True
        for step in self.steps.values():
            step.cancel()

    def walk(self) -> Iterator[StepTrace]:
        """All steps in it, those inside others included."""
        for step in self.steps.values():
            yield step
            for calls in step.bodies.values():
                for scope in calls.values():
                    yield from scope.walk()


# What else a newer engine may say is passed over.
_OF_STEPS = (
    StepStarted,
    StepDelta,
    StepRetried,
    StepFinished,
    StepFailed,
    StepSkipped,
    StepPaused,
    StepResumed,
    StepLogged,
)
_WEIGHT: tuple[StepState, ...] = ("running", "waiting", "failed", "cancelled")  # what says most of a call comes first


def _counts(step: StepTrace) -> bool:
    """Does the state of the step say anything of the call? A failure that something went on from does not."""
    return step.state != "failed" or step.gave_up


@dataclass(slots=True)
class RunTrace:
    """A run as its events tell it. state: `idle` before the first event. whole: the run as the scope of its steps.

    parent: the run that it repeats. failed_step: the path of the step that failed it, the innermost one.
    """

    trigger: str = ""
    input: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    whole: Scope = field(default_factory=Scope)
    started: float = 0.0
    ended: float = 0.0
    output: Any = None
    status: int = 200
    failure: Failure | None = None
    failed_step: str = ""
    seq: int = 0
    streaming: str = ""
    _ending: RunningState | None = None

    @property
    def state(self) -> RunningState:
        """How the run stands; `waiting` when nothing goes on but what waits for people or times."""
        if self._ending is not None:
            return self._ending
        if not self.started:
            return "idle"
        return "waiting" if self.whole.steps and self.whole.state == "waiting" else "running"

    @property
    def has_ended(self) -> bool:
        """Will nothing more happen?"""
        return self._ending is not None

    def take(self, event: Event) -> None:
        """Fold one event."""
        if not isinstance(event, StepDelta):
            self.seq = event.seq
        match event:
            case RunStarted():
                self.started, self.trigger, self.input = event.at, event.trigger, event.input
                self.parent = event.parent
            case RunFinished():
                self._end("done", event.at)
                self.output, self.status = event.output, event.status
            case RunFailed():
                self._end("failed", event.at)
                self.failure, self.failed_step = event.failure, self._innermost(event)
            case RunCancelled():
                self._end("cancelled", event.at)
            case BodyStarted():
                self._open(event)
            case _ if isinstance(event, _OF_STEPS):
                self._take_step(event)

    def take_all(self, events: Iterable[Event]) -> "RunTrace":
        """Fold many, and return this trace."""
        for event in events:
            self.take(event)
        return self

    def step(self, path: str) -> StepTrace | None:
        """What is known of a step; None when the run has not come to it. path: such as `each[2]/write`."""
        around, _, name = path.rpartition("/")
        scope = self.scope(around)
        return scope.steps.get(name) if scope is not None else None

    def scope(self, path: str) -> Scope | None:
        """A call by its path; the run itself for an empty one."""
        if not path:
            return self.whole
        head, name, body, key = parsed(path)
        step = self.step(head + name)
        return step.bodies.get(body, {}).get(key) if step is not None else None

    @property
    def questions(self) -> list[StepTrace]:
        """The steps that wait for the answer of a person, the first question first."""
        waiting = [step for step in self.whole.walk() if step.state == "waiting" and step.request is not None]
        return sorted(waiting, key=lambda step: step.asked)

    @property
    def ms(self) -> float:
        """How long the run took, in milliseconds; 0 while it goes on."""
        return max(0.0, (self.ended - self.started) * 1000) if self.ended else 0.0

    @property
    def tokens(self) -> int:
        """Tokens that models read and wrote, all steps together."""
        return sum(step.tokens for step in self.whole.walk())

    def _take_step(self, event: Any) -> None:
        around, _, name = event.step.rpartition("/")
        scope = self.scope(around)
        if scope is None:  # of a call that was given up while it still spoke
            return
        step = scope.steps.setdefault(name, StepTrace(event.step))
        step.take(event)
        if isinstance(event, StepDelta):
            self.streaming = event.step
        elif step.gave_up:
            scope.end()

    def _open(self, event: BodyStarted) -> None:
        """A call begins; one of the same path is made anew when its step is tried again.

        In a run that repeats another, calls that stand come before their step, which starts anew after them.
        """
        head, name, body, key = parsed(event.step)
        scope = self.scope(head.removesuffix("/"))
        if scope is not None:
            calls = scope.steps.setdefault(name, StepTrace(head + name)).bodies.setdefault(body, {})
            calls.pop(key, None)
            calls[key] = Scope(event.step, key, event.given)

    def _innermost(self, event: RunFailed) -> str:
        """The step in which it happened, however deep; an error that was caught and told again keeps its place."""
        where = event.failure.step or event.step
        return where if self.step(where) is not None else event.step

    def _end(self, state: RunningState, at: float) -> None:
        self._ending, self.ended, self.streaming = state, at, ""
        self.whole.end()


def parsed(path: str) -> tuple[str, str, str, str]:
    """The path of a call in parts: what stands before its step (with a slash at the end), the step, body, key."""
    match = _BODY.match(path)
    assert match is not None, path
    return match["head"], match["step"], match["body"] or "", match["key"] or ""
