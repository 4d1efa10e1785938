"""Flows, runs and texts that the storage tests keep and want back."""

import itertools
import time
from typing import Any

from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.messages import ModelCall
from runtime.interpreter.events import (
    BodyStarted,
    Durable,
    Failure,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepLogged,
    StepPaused,
    StepResumed,
    StepRetried,
    StepSkipped,
    StepStarted,
)
from runtime.interpreter.journal import RunRecord

# What databases stumble over: NUL (PostgreSQL), quotes, our own escape, emoji, combining marks, right to left.
NASTY = "a\x00b \x01 \\u0000 \\x00 'q' \"d\" ;-- é e\u0301 👩‍👩‍👧 \u202eשלום\u202c \ufffe \U0010ffff\n\r\t"


def flow(name: str = "Support desk", steps: int = 3) -> Flow:
    ids = [f"step_{number}" for number in range(steps)]
    return Flow(
        name=name,
        steps={id: Step(kind="text.template", config={"template": f"Hello {id} {{{{ start.name }}}}"}) for id in ids},
        edges=tuple(Edge(a, "output", b, "text") for a, b in itertools.pairwise(ids)),
        layout={id: (80.0 * number, 40.0) for number, id in enumerate(ids)},
    )


def record(id: str = "r1", workspace: str = "w1", **changes: Any) -> RunRecord:
    given = {"flow": "f1", "flow_name": "Support desk", "source": "endpoint", "started": 1000.0, **changes}
    return RunRecord(id=id, workspace=workspace, **given)


def done(id: str = "r1", workspace: str = "w1", **changes: Any) -> RunRecord:
    return record(id, workspace, **{"state": "done", "ended": 1002.5, "steps": 5, **changes})


def five_steps(text: str = "Where is my order 4711?") -> list[Durable]:
    """A whole run of five steps, as the engine tells it."""
    events: list[Durable] = [RunStarted(1, time.time(), "start", {"message": text})]
    for number in range(5):
        step, seq = f"step_{number}", len(events) + 1
        events.append(StepStarted(seq, time.time(), step, {"text": text}))
        events.append(StepFinished(seq + 1, time.time(), step, {"output": f"{text} {number}"}, 1.25))
    events.append(RunFinished(len(events) + 1, time.time(), {"answer": text}, 200, "step_4"))
    return events


def every_kind(value: Any) -> list[Durable]:
    """One event of every kind that carries values, with `value` wherever one fits."""
    failure = Failure("It broke", "Mend it", "provider", "ProviderError", True)
    call = ModelCall("smollm2", "builtin", 12, 34, True)
    return [
        RunStarted(1, 1.5, "start", {"value": value}),
        StepStarted(2, 1.5, "a", {"value": value}),
        StepLogged(3, 1.5, "a", NASTY),
        StepRetried(4, 1.5, "a", 1, failure, 0.5),
        StepFinished(5, 1.5, "a", {"output": value}, 3.25, (call,)),
        StepFailed(6, 1.5, "b", failure, {"error": value}),
        StepSkipped(7, 1.5, "c"),
        BodyStarted(8, 1.5, "d[2]", {"item": value}),
        StepPaused(9, 1.5, "d[2]/e", {"title": "Ship it?", "shown": value}, 2.5),
        StepResumed(10, 1.5, "d[2]/e", value, "Ada"),
        RunFinished(11, 1.5, value, 201, "a"),
    ]
