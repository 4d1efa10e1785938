"""What the page of one run says of its steps, and of the run as a whole; pure."""

from collections import Counter
from typing import TypedDict

from builder.editor.view import FlowView
from builder.preview.inspected import Inspected, shown, values
from builder.preview.overlay import RunTrace, StepTrace


class StepLine(TypedDict):
    """One step in the order of the flow. title: as a person wrote it, else empty. kind: what its kind is called.

    several: other steps are called like this one. ms: 0 when it has not ended. tries: attempts that failed before.
    """

    id: str
    title: str
    kind: str
    several: bool
    state: str
    ms: float
    model: str
    demo: bool
    tries: int


def step_lines(flow: FlowView, trace: RunTrace) -> list[StepLine]:
    """Every step: those that ran in the order in which they did, then the others as they stand from left to right."""
    ran = [name for name in trace.steps if name in flow.steps]
    rest = sorted((name for name in flow.steps if name not in trace.steps), key=lambda name: flow.steps[name].at)
    alike = _alike(flow)
    return [_line(flow, name, trace, name in alike) for name in (*ran, *rest)]


def inspect_run(trace: RunTrace) -> Inspected:
    """The whole run as if it were one step: what it was given, what it answered, why it failed."""
    failure = trace.failure
    return Inspected(
        step="",
        state=trace.state,
        ms=0.0,  # the head of the page says it
        model="",
        demo=False,
        tokens=trace.tokens,
        tries=0,
        streaming="",
        input=values(trace.input),
        output=[shown("output", trace.output)] if trace.state == "done" else [],
        error=failure.what if failure else "",
        mend=failure.mend if failure else "",
        logs=[],
    )


def _line(flow: FlowView, name: str, trace: RunTrace, several: bool) -> StepLine:
    step = trace.steps.get(name, StepTrace())
    return StepLine(
        id=name,
        title=flow.steps[name].title,
        kind=flow.steps[name].label,
        several=several,
        state=step.state,
        ms=step.ms,
        model=step.model,
        demo=step.demo,
        tries=step.tries,
    )


def _alike(flow: FlowView) -> set[str]:
    """The steps that only their ids tell apart."""
    called = Counter(step.title or step.label for step in flow.steps.values())
    return {name for name, step in flow.steps.items() if called[step.title or step.label] > 1}
