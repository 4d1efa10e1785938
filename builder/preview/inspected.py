"""What one step got and gave in a run, ready to be shown; pure."""

import json
from typing import Any, TypedDict

from builder.preview.overlay import RunTrace

_SHOWN = 20_000  # characters of one value; more does not help a reader and slows the page


class Value(TypedDict):
    """One value by its port or setting. text: as a person reads it. cut: how many characters are not shown."""

    name: str
    text: str
    cut: int


class Inspected(TypedDict):
    """A step in a run. state: empty when the run has not come to it."""

    step: str
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


def inspect(trace: RunTrace, step: str) -> Inspected:
    """What the run says of a step."""
    found = trace.steps.get(step)
    failure = found.failure if found is not None else None
    return Inspected(
        step=step,
        state=found.state if found is not None else "",
        ms=round(found.ms, 1) if found is not None else 0.0,
        model=found.model if found is not None else "",
        demo=found.demo if found is not None else False,
        tokens=found.tokens if found is not None else 0,
        tries=found.tries if found is not None else 0,
        streaming=found.text if found is not None and found.state == "running" else "",
        input=values(found.input) if found is not None else [],
        output=values(found.output or {}) if found is not None else [],
        error=failure.what if failure is not None else "",
        mend=failure.mend if failure is not None else "",
        logs=found.logs if found is not None else [],
    )


def values(given: dict[str, Any]) -> list[Value]:
    """Values by name, in their order."""
    return [shown(name, value) for name, value in given.items()]


def shown(name: str, value: Any) -> Value:
    """A value as a person reads it: a text as it is, anything else as indented JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return Value(name=name, text=text[:_SHOWN], cut=max(0, len(text) - _SHOWN))
