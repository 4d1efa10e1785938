"""How far a run is, and the only ways in which that changes; pure, never waits.

The engine calls the transitions as it goes; `apply` calls the same ones for a recorded event, so a run that goes on
from its log stands exactly where it stood.
"""

from collections import deque
from typing import Any

from runtime.graph.binding import Outputs
from runtime.graph.plan import Plan
from runtime.interpreter.events import (
    Durable,
    Ending,
    Failure,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepRetried,
    StepSkipped,
    StepStarted,
)

WAITING, RUNNING, DONE, SKIPPED, FAILED = range(5)


class Progress:
    """The state of one run of one plan.

    outputs: by step, None until it settled and when it was skipped. states: by step. elsewhere: steps that this run
    does not concern. ready: steps whose every source has settled, in the order in which they became so. attempts:
    tries that failed, by step. failed: the first step that failed the run, and why.
    """

    __slots__ = (
        "_waits",
        "attempts",
        "elsewhere",
        "ending",
        "failed",
        "input",
        "outputs",
        "plan",
        "ready",
        "seq",
        "states",
        "trigger",
    )

    def __init__(self, plan: Plan) -> None:
        size = len(plan.steps)
        self.plan = plan
        self.outputs: Outputs = [None] * size
        self.states = bytearray(size)
        self.ready: deque[int] = deque()
        self.attempts: dict[int, int] = {}
        self.input: dict[str, Any] = {}
        self.trigger = ""
        self.elsewhere: frozenset[int] = frozenset()
        self.seq = 0
        self.failed: tuple[str, Failure] | None = None
        self.ending: Ending | None = None
        self._waits = plan.waits.copy()

    def begin(self, trigger: str, given: dict[str, Any]) -> None:
        """The run starts at a trigger; what serves other triggers only is skipped as soon as it comes up."""
        self.trigger, self.input = trigger, given
        self.elsewhere = self.plan.elsewhere[trigger]
        self.ready.extend(self.plan.starts.values())
        self.ready.extend(self.plan.sources)

    def start(self, step: int) -> None:
        """The step's body is entered."""
        self.states[step] = RUNNING

    def finish(self, step: int, output: dict[str, Any]) -> None:
        """The step gave its output."""
        self.states[step] = DONE
        self.outputs[step] = output
        self._settle(step)

    def skip(self, step: int) -> None:
        """Nobody comes to the step; those after it learn of it."""
        self.states[step] = SKIPPED
        self._settle(step)

    def fail(self, step: int, failure: Failure, instead: dict[str, Any] | None) -> None:
        """The step gave up; with something `instead` the flow goes on, without it the run has failed."""
        self.states[step] = FAILED
        if instead is None:
            self.failed = self.failed or (self.plan.steps[step].id, failure)
            return
        self.outputs[step] = instead
        self._settle(step)

    def _settle(self, step: int) -> None:
        waits = self._waits
        for successor in self.plan.steps[step].successors:
            waits[successor] -= 1
            if not waits[successor]:
                self.ready.append(successor)


def apply(progress: Progress, event: Durable) -> None:
    """Take one recorded event into account. Raises: KeyError when the event is of another flow."""
    progress.seq = event.seq
    match event:
        case RunStarted():
            progress.begin(event.trigger, event.input)
        case StepStarted():
            progress.start(progress.plan.index[event.step])
        case StepFinished():
            progress.finish(progress.plan.index[event.step], event.output)
        case StepSkipped():
            progress.skip(progress.plan.index[event.step])
        case StepFailed():
            progress.fail(progress.plan.index[event.step], event.failure, event.output)
        case StepRetried():
            progress.attempts[progress.plan.index[event.step]] = event.attempt
        case RunFinished() | RunFailed() | RunCancelled():
            progress.ending = event


def resume(plan: Plan, past: list[Durable]) -> Progress:
    """Where a run stands after these events. Steps that had started and not settled are ready again."""
    progress = Progress(plan)
    for event in past:
        apply(progress, event)
    unsettled = [step for step in progress.ready if progress.states[step] in (WAITING, RUNNING)]
    progress.ready = deque(unsettled)
    return progress


def answer(progress: Progress) -> tuple[Any, int, str]:
    """What a run whose every step has settled answers: (value, HTTP status, step).

    The first Answer that was reached, in the order of the flow, so that it does not depend on who was faster; in
    a flow without one, what its last steps gave.
    """
    plan, outputs = progress.plan, progress.outputs
    for step in plan.answers:
        given = outputs[step]
        if given is not None and "value" in given:  # a failed one without a default answers nothing
            return given["value"], given["status"], plan.steps[step].id
    last = {plan.steps[step].id: out for step in plan.leaves if (out := outputs[step])}
    if len(last) == 1:
        ((only, out),) = last.items()
        return (out["output"] if out.keys() == {"output"} else out), 200, only
    return last or None, 200, ""
