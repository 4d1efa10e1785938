"""What a run's events say about each step on the canvas; pure, folded one event at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from runtime.interpreter.events import (
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
    StepRetried,
    StepSkipped,
    StepStarted,
)

StepState = Literal["idle", "running", "done", "failed", "skipped", "cancelled"]
_TAIL = 240  # characters of streaming text on a card; the whole stands in the inspector


@dataclass(slots=True)
class StepTrace:
    """What is known of one step: its state, what went in and out, and who answered.

    ms: how long the body took. text: what has streamed so far. tries: attempts that failed and were repeated.
    """

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

    def card(self) -> dict[str, Any]:
        """The part that the card on the canvas shows; small, it travels with every change."""
        return {
            "state": self.state,
            "ms": round(self.ms, 1),
            "text": self.text[-_TAIL:] if self.state == "running" else "",
            "error": self.failure.what if self.failure is not None and self.state != "running" else "",
            "tries": self.tries,
            "model": self.model,
            "demo": self.demo,
        }


@dataclass(slots=True)
class RunTrace:
    """A run as its events tell it. state: `idle` before the first event. changed: steps since it was last read."""

    state: Literal["idle", "running", "done", "failed", "cancelled"] = "idle"
    trigger: str = ""
    input: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, StepTrace] = field(default_factory=dict)
    started: float = 0.0
    ended: float = 0.0
    output: Any = None
    status: int = 200
    failure: Failure | None = None
    failed_step: str = ""
    seq: int = 0
    streaming: str = ""
    changed: set[str] = field(default_factory=set)

    def take(self, event: Event) -> None:
        """Fold one event."""
        if not isinstance(event, StepDelta):
            self.seq = event.seq
        match event:
            case RunStarted():
                self.state, self.started = "running", event.at
                self.trigger, self.input = event.trigger, event.input
            case RunFinished():
                self._end("done", event.at)
                self.output, self.status = event.output, event.status
            case RunFailed():
                self._end("failed", event.at)
                self.failure, self.failed_step = event.failure, event.step
            case RunCancelled():
                self._end("cancelled", event.at)
            case _:
                self._take_step(self.step(event.step), event)
                self.changed.add(event.step)

    def take_all(self, events: Iterable[Event]) -> "RunTrace":
        """Fold many, and return this trace."""
        for event in events:
            self.take(event)
        return self

    def step(self, name: str) -> StepTrace:
        """The trace of a step, made when it is first heard of."""
        return self.steps.setdefault(name, StepTrace())

    def cards(self) -> dict[str, dict[str, Any]]:
        """Every step's card."""
        return {name: step.card() for name, step in self.steps.items()}

    def fresh_cards(self) -> dict[str, dict[str, Any]]:
        """The cards that changed since this was last asked."""
        fresh = {name: self.steps[name].card() for name in self.changed}
        self.changed.clear()
        return fresh

    @property
    def ms(self) -> float:
        """How long the run took, in milliseconds; 0 while it goes on."""
        return max(0.0, (self.ended - self.started) * 1000) if self.ended else 0.0

    @property
    def tokens(self) -> int:
        """Tokens that models read and wrote, all steps together."""
        return sum(step.tokens for step in self.steps.values())

    def _take_step(self, step: StepTrace, event: Event) -> None:
        match event:
            case StepStarted():
                step.state, step.input, step.text = "running", event.input, ""
            case StepDelta():
                step.text += event.text
                self.streaming = event.step
            case StepRetried():
                step.tries, step.failure = event.attempt, event.failure
            case StepFinished():
                step.state, step.output, step.ms, step.failure = "done", event.output, event.ms, None
                step.model = ", ".join(dict.fromkeys(call.model for call in event.calls))
                step.demo = any(call.demo for call in event.calls)
                step.tokens = sum(call.input_tokens + call.output_tokens for call in event.calls)
            case StepFailed():
                step.state, step.failure, step.output, step.ms = "failed", event.failure, event.output, event.ms
            case StepSkipped():
                step.state = "skipped"
            case StepLogged():
                step.logs.append(event.text)

    def _end(self, state: Literal["done", "failed", "cancelled"], at: float) -> None:
        self.state, self.ended, self.streaming = state, at, ""
        for name, step in self.steps.items():
            if step.state == "running":
                step.state = "cancelled"
                self.changed.add(name)
