"""What a run that repeats another took over from it, and what somebody said instead; pure."""

from collections.abc import Iterable

from builder.preview.overlay import RunTrace


def given(trace: RunTrace, earlier: RunTrace) -> list[str]:
    """The paths of the steps for which somebody said what they are to have given. earlier: the run that is repeated."""
    return [
        step.path
        for step in trace.whole.walk()
        if step.reused and ((before := earlier.step(step.path)) is None or before.output != step.output)
    ]


def mark(trace: RunTrace, paths: Iterable[str]) -> None:
    """Let these steps say that what they gave was said by somebody."""
    for path in paths:
        if (step := trace.step(path)) is not None:
            step.given = step.reused
