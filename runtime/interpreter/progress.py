"""How far a run is, and the only ways in which that changes; pure, never waits.

The engine calls the transitions as it goes; `apply` calls the same ones for a recorded event, so a run that goes on
from its log stands exactly where it stood.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from runtime.graph.binding import Outputs
from runtime.graph.node import Reply
from runtime.graph.plan import Plan, PlannedStep
from runtime.interpreter.events import (
    Durable,
    Failure,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepRetried,
    StepSkipped,
    StepStarted,
)

WAITING, RUNNING, DONE, SKIPPED, FAILED, PAUSED = range(6)
Ready = deque[tuple["Scope", int]]
_BODY_NAME = re.compile(r"(\.[^/\[]*)?(\[[^\]]*\])?/\Z")  # what a body's path has after that of its step


class Scope:
    """The state of one run of one plan: of the whole flow, or of one call of a body.

    path: what stands before the ids of its steps in events, such as `each[2]/`. outputs: by step, then of the steps
    around it that it reads; None until settled, and for ever when skipped. states: by step. elsewhere: steps that
    this run does not concern. ready: steps whose every source has settled, in the order in which they became so,
    shared by all scopes of a run. attempts: tries that failed, by step. pauses, replies: what paused steps wait for,
    and what they were given. frozen: the outputs as they were when enough wires of a step had brought something.
    failed: the first step that failed it, and why. conductor, going, live, then: the engine's own: the step around it
    that runs it, what runs for its steps, whether it goes on, and what is to be done once it has been ended early.
    """

    __slots__ = (
        "_waits",
        "attempts",
        "conductor",
        "depth",
        "elsewhere",
        "failed",
        "frozen",
        "going",
        "input",
        "live",
        "outputs",
        "path",
        "pauses",
        "plan",
        "ready",
        "replies",
        "states",
        "then",
    )

    def __init__(self, plan: Plan, ready: Ready, path: str = "", depth: int = 0) -> None:
        self.plan, self.ready, self.path, self.depth = plan, ready, path, depth
        self.outputs: Outputs = [None] * plan.size
        self.states = bytearray(len(plan.steps))
        self.attempts: dict[int, int] = {}
        self.pauses: dict[int, StepPaused] = {}
        self.replies: dict[int, list[Reply]] = {}
        self.frozen: dict[int, Outputs] = {}
        self.input: dict[str, Any] = {}
        self.elsewhere: frozenset[int] = frozenset()
        self.failed: tuple[str, Failure] | None = None
        self.conductor: Any = None
        self.going: dict[int, Any] = {}
        self.live = True
        self.then: Callable[[], None] | None = None
        self._waits = plan.waits.copy()

    def begin(self, trigger: str, given: dict[str, Any]) -> None:
        """A flow starts at a trigger; what serves other triggers only is skipped as soon as it comes up."""
        self.input = given
        self.elsewhere = self.plan.elsewhere[trigger]
        self.ready.extend((self, step) for step in self.plan.starts.values())
        self.enter()

    def enter(self) -> None:
        """The steps that wait for nothing are ready."""
        for step in self.plan.sources:
            self.ready.append((self, step))

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

    def fail(self, step: int, path: str, failure: Failure, instead: dict[str, Any] | None) -> None:
        """The step gave up; with something `instead` the flow goes on, without it this scope has failed."""
        self.states[step] = FAILED
        if instead is None:
            self.failed = self.failed or (path, failure)
            return
        self.outputs[step] = instead
        self._settle(step)

    def pause(self, step: int, pause: StepPaused) -> None:
        """The step waits for a person or a time, and holds nothing meanwhile."""
        self.states[step] = PAUSED
        self.pauses[step] = pause

    def resume(self, step: int, reply: Reply) -> None:
        """What the step waited for is there; it is entered anew."""
        self.pauses.pop(step, None)
        self.replies.setdefault(step, []).append(reply)
        self.states[step] = WAITING
        self.ready.append((self, step))

    def _settle(self, step: int) -> None:
        waits, steps = self._waits, self.plan.steps
        for successor in steps[step].successors:
            waits[successor] -= 1
            if not waits[successor]:
                self.ready.append((self, successor))
            elif steps[successor].quorum is not None and waits[successor] > 0 and self._enough(steps[successor]):
                waits[successor] = -1  # the others may still come, and change nothing
                self.frozen[successor] = self.outputs.copy()
                self.ready.append((self, successor))

    def _enough(self, step: PlannedStep) -> bool:
        return step.quorum is not None and step.live(self.outputs) >= step.quorum.count


def apply(scope: Scope, past: Iterable[Durable]) -> None:
    """Take recorded events of a scope's own steps into account; steps that had started and not ended are ready again.

    Raises: KeyError when the events are of another flow.
    """
    index, mine = scope.plan.index, len(scope.path)
    for event in past:
        match event:
            case StepStarted():
                scope.start(index[event.step[mine:]])
            case StepFinished():
                scope.finish(index[event.step[mine:]], event.output)
            case StepSkipped():
                scope.skip(index[event.step[mine:]])
            case StepFailed():
                scope.fail(index[event.step[mine:]], event.step, event.failure, event.output)
            case StepRetried():
                scope.attempts[index[event.step[mine:]]] = event.attempt
            case StepPaused():
                scope.pause(index[event.step[mine:]], event)
            case StepResumed():
                scope.resume(index[event.step[mine:]], Reply(event.value, event.by, event.late))
    for step, state in enumerate(scope.states):
        if state == RUNNING:
            scope.states[step] = WAITING  # it stands among the ready ones, from which nothing was taken


def by_scope(past: Iterable[Durable]) -> dict[str, list[Durable]]:
    """Recorded events by the path of the scope that they belong to; those of the whole run are left out."""
    found: dict[str, list[Durable]] = {}
    for event in past:
        step = getattr(event, "step", None)
        if step is not None and not hasattr(event, "status"):
            inside = hasattr(event, "given")
            path = f"{step}/" if inside else step[: step.rfind("/") + 1]
            found.setdefault(path, []).append(event)
    return found


def begun_inside(past: Iterable[str]) -> set[str]:
    """The paths of the steps that the scopes with these paths are bodies of."""
    return {_BODY_NAME.sub("", path) for path in past if path}
