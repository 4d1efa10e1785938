"""What one step got and gave in a run, ready to be shown; pure."""

import json
from typing import Any, TypedDict

from builder.preview.overlay import StepTrace

SHOWN = 20_000  # characters of one value; more does not help a reader and slows the page


class Value(TypedDict):
    """One value by its port or setting. text: as a person reads it. cut: how many characters are not shown.

    plain: it is a text, not JSON.
    """

    name: str
    text: str
    cut: int
    plain: bool


class Inspected(TypedDict):
    """A step in a run. path: its place in the run. state: empty when the run has not come to it.

    until: the time for which it waits, seconds since the epoch, 0 for none. by: who answered. reused: what it gave
    comes from the run that this one repeats; given: somebody said there what it is to be.
    """

    path: str
    state: str
    ms: float
    model: str
    demo: bool
    tokens: int
    tries: int
    streaming: str
    input: list[Value]
    output: list[Value]
    error: str
    mend: str
    logs: list[str]
    until: float
    by: str
    reused: bool
    given: bool


def inspect(step: StepTrace | None) -> Inspected:
    """What a run says of a step; None: it has not come to it."""
    found = step if step is not None else StepTrace()
    state, failure = found.standing, found.failure
    return Inspected(
        path=found.path,
        state=state if step is not None else "",
        ms=0.0 if found.reused else round(found.ms, 1),
        model=found.model,
        demo=found.demo,
        tokens=found.tokens,
        tries=found.tries,
        streaming=found.text[-SHOWN:] if state == "running" else "",
        input=values(found.input),
        output=values(found.output or {}),
        error=failure.what if failure is not None else "",
        mend=failure.mend if failure is not None else "",
        logs=found.logs,
        until=(found.until or 0.0) if state == "waiting" else 0.0,
        by=found.by,
        reused=found.reused,
        given=found.given,
    )


def values(given: dict[str, Any]) -> list[Value]:
    """Values by name, in their order."""
    return [shown(name, value) for name, value in given.items()]


def in_full(value: Any) -> str:
    """The whole value as a person reads it: a text as it is, anything else as indented JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def shown(name: str, value: Any) -> Value:
    """How a value begins, as far as a page shows it."""
    text = in_full(value)
    return Value(name=name, text=text[:SHOWN], cut=max(0, len(text) - SHOWN), plain=isinstance(value, str))
