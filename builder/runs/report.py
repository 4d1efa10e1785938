"""What the page of one run shows: the flow with what each step did, and one step looked into; pure."""

from typing import TypedDict

from builder.editor.view import FlowView
from builder.preview.inspected import Inspected, shown, values
from builder.preview.overlay import RunTrace, StepTrace
from builder.sketch import HEIGHT, WIDTH, sketch

_SCALE = 0.68  # of the canvas: names can still be read


class Card(TypedDict):
    """A step on the picture of the flow. style: where it stands, as CSS."""

    id: str
    title: str
    group: str
    state: str
    style: str


class Way(TypedDict):
    """A wire on the picture. path: of an SVG. went: the run took it."""

    path: str
    went: bool


class Picture(TypedDict):
    """The flow as the run went through it. width, height: CSS lengths. view: the `viewBox` of the ways."""

    width: str
    height: str
    view: str
    cards: list[Card]
    ways: list[Way]


class StepLine(TypedDict):
    """One step in the order of the flow. ms: 0 when it has not ended. tries: attempts that failed before."""

    id: str
    title: str
    kind: str
    state: str
    ms: float
    model: str
    demo: bool
    tries: int


def picture(flow: FlowView, trace: RunTrace) -> Picture:
    """The flow drawn with the states of its steps."""
    drawn = sketch(flow)
    left, top, width, height = (float(number) for number in drawn["view"].split())
    cards = [
        Card(
            id=box["id"],
            title=_title(flow, box["id"]),
            group=box["group"],
            state=_state(trace, box["id"]),
            style=f"translate({(box['x'] - left) * _SCALE:g}px, {(box['y'] - top) * _SCALE:g}px)",
        )
        for box in drawn["boxes"]
    ]
    return Picture(
        width=f"{width * _SCALE:g}px",
        height=f"{height * _SCALE:g}px",
        view=drawn["view"],
        cards=cards,
        ways=[Way(path=line["path"], went=_went(trace, line["source"], line["target"])) for line in drawn["lines"]],
    )


SIZE = {"width": f"{WIDTH * _SCALE:g}px", "height": f"{HEIGHT * _SCALE:g}px"}  # of a card


def step_lines(flow: FlowView, trace: RunTrace) -> list[StepLine]:
    """Every step: those that ran in the order in which they did, then the others as they stand from left to right."""
    ran = [name for name in trace.steps if name in flow.steps]
    rest = sorted((name for name in flow.steps if name not in trace.steps), key=lambda name: flow.steps[name].at)
    return [_line(flow, name, trace) for name in (*ran, *rest)]


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


def _line(flow: FlowView, name: str, trace: RunTrace) -> StepLine:
    step = trace.steps.get(name, StepTrace())
    return StepLine(
        id=name,
        title=_title(flow, name),
        kind=flow.steps[name].label,
        state=step.state,
        ms=step.ms,
        model=step.model,
        demo=step.demo,
        tries=step.tries,
    )


def _title(flow: FlowView, name: str) -> str:
    return (flow.steps[name].title or name) if name in flow.steps else name


def _went(trace: RunTrace, source: str, target: str) -> bool:
    return _state(trace, source) in ("done", "failed") and _state(trace, target) not in ("idle", "skipped")


def _state(trace: RunTrace, name: str) -> str:
    return trace.steps[name].state if name in trace.steps else "idle"
