"""What a run may use, and how much it has used."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from runtime.errors import AuthorError
from runtime.graph.flow import Limits
from runtime.graph.messages import ModelCall
from runtime.interpreter.events import Durable, StepFailed, StepFinished, StepPaused, StepRetried

_encode = msgspec.json.Encoder().encode
_SMALL = (bool, int, float, type(None))


class LimitReached(AuthorError):
    """The run met one of its limits."""

    def __init__(self, what: str, limit: str) -> None:
        super().__init__(what, mend=f"Raise the flow's limit `{limit}` when this is meant to happen.")


class Meter:
    """Counts what a run uses. Its methods raise LimitReached when that is more than the flow allows.

    steps: how many more may be entered. deepest: bodies in one another. most: the bytes of a value. seconds: for how
    long it may be driven.
    """

    __slots__ = ("_limits", "cost", "deepest", "most", "seconds", "steps", "tokens")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.steps, self.deepest, self.most, self.seconds = limits.steps, limits.depth, limits.value, limits.seconds
        self.tokens = 0
        self.cost = 0.0

    def recall(self, past: Iterable[Durable]) -> None:
        """What a run had used before it was cut off, without a look at the limits; what it took over was free."""
        for event in past:
            match event:
                case StepFinished():
                    if not event.reused:
                        self.steps -= 1
                        self._add(event.calls)
                case StepFailed() | StepRetried() | StepPaused():
                    self.steps -= 1

    def out_of_steps(self) -> LimitReached:
        """More steps were entered than may be."""
        return LimitReached(f"The run entered more than {self._limits.steps} steps", "steps")

    def out_of_depth(self) -> LimitReached:
        """A body or a flow was to begin inside too many others."""
        return LimitReached(f"More than {self.deepest} flows run inside one another", "depth")

    def value(self, output: dict[str, Any]) -> None:
        """A step gave this."""
        for value in output.values():
            kind = type(value)
            if kind in _SMALL or (kind is str and len(value) * 4 <= self.most):
                continue
            size = len(_encode(value))
            if size > self.most:
                raise LimitReached(f"The output has {size} bytes, and the limit is {self.most}", "value") from None

    def out_of_time(self) -> LimitReached:
        """The run took too long."""
        return LimitReached(f"The run took longer than {self._limits.seconds:g} s", "seconds")

    def calls(self, calls: Sequence[ModelCall]) -> None:
        """Models answered."""
        self._add(calls)
        if self._limits.tokens is not None and self.tokens > self._limits.tokens:
            raise LimitReached(f"The run used {self.tokens} tokens, and the limit is {self._limits.tokens}", "tokens")
        if self._limits.cost is not None and self.cost > self._limits.cost:
            raise LimitReached(f"The run cost {self.cost:.4f} $, and the limit is {self._limits.cost:g} $", "cost")

    def _add(self, calls: Sequence[ModelCall]) -> None:
        for call in calls:
            self.tokens += call.input_tokens + call.output_tokens
            self.cost += call.cost
