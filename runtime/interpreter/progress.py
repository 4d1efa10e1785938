"""How far a run is, and the only ways in which that changes; pure, never waits.

The engine calls the transitions as it goes; `apply` calls the same ones for a recorded event, so a run that goes on
from its log stands exactly where it stood.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
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

CUT = "cut"  # the key of a request that asks what is to become of a step that was cut off
WAITING, RUNNING, DONE, SKIPPED, FAILED, PAUSED = range(6)
Ready = list[tuple["Scope", PlannedStep]]
_NONE: Mapping[int, Any] = MappingProxyType({})  # most runs neither try again nor pause
_BODY_NAME = re.compile(r"(\.[^/\[]*)?(\[[^\]]*\])?\Z")  # what a body's path has after that of its step


class Scope:
    """The state of one run of one plan: of the whole flow, or of one call of a body.

    path: what stands before the ids of its steps in events, such as `each[2]/`. outputs: by step, then of the steps
    around it that it reads; None until settled, and for ever when skipped. states: by step. elsewhere: steps that
    this run does not concern. ready: steps whose every source has settled, in the order in which they became so,
    shared by all scopes of a run. attempts: tries that failed, by step. pauses, replies: what paused steps wait for,
    and what they were given. frozen: the outputs as they were when enough wires of a step had brought something.
    given: what the steps got whose error somebody may look at. cut: steps that are not repeatable and were cut off in
    their middle, and what a person says of them.
    failed: the first step that failed it, and why. conductor, going, live, then: the engine's own: the step around it
    that runs it, what runs for its steps, whether it goes on, and what is to be done once it has been ended early.
    """

    __slots__ = (
        "_waits",
        "attempts",
        "conductor",
        "cut",
        "depth",
        "elsewhere",
        "failed",
        "frozen",
        "given",
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
        self.attempts: Mapping[int, int] = _NONE
        self.pauses: Mapping[int, StepPaused] = _NONE
        self.replies: Mapping[int, tuple[Reply, ...]] = _NONE
        self.frozen: Mapping[int, Outputs] = _NONE
        self.input: dict[str, Any] = {}
        self.given: Mapping[int, Mapping[str, Any]] = _NONE
        self.elsewhere: frozenset[int] = frozenset()
        self.cut: Mapping[int, Reply | None] = _NONE
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
        for step in self.plan.starts.values():
            self.ready.append((self, self.plan.steps[step]))
        self.enter()

    def enter(self) -> None:
        """The steps that wait for nothing are ready."""
        for step in self.plan.sources:
            self.ready.append((self, self.plan.steps[step]))

    def note(self, step: int, given: Mapping[str, Any]) -> None:
        """Keep what a step got, for the error that it may end with."""
        if self.given is _NONE:
            self.given = {}
        self.given[step] = given  # type: ignore[index]

    def start(self, step: int) -> None:
        """The step's body is entered."""
        self.states[step] = RUNNING

    def settle(self, step: int, state: int, output: dict[str, Any] | None) -> None:
        """The step is done, failed or skipped, and gave this; those whose last source it was are ready."""
        self.states[step] = state
        self.outputs[step] = output
        waits, steps = self._waits, self.plan.steps
        for successor in steps[step].successors:
            waits[successor] = left = waits[successor] - 1
            if not left:
                self.ready.append((self, steps[successor]))
            elif left > 0 and steps[successor].quorum is not None and self._enough(steps[successor]):
                waits[successor] = -1  # the others may still come, and change nothing
                self.frozen = {**self.frozen, successor: self.outputs.copy()}
                self.ready.append((self, steps[successor]))

    def retry(self, step: int, attempt: int) -> None:
        """A try of the step failed: the first, the second and so on."""
        self.attempts = {**self.attempts, step: attempt}

    def fail(self, step: int, path: str, failure: Failure, instead: dict[str, Any] | None) -> None:
        """The step gave up; with something `instead` the flow goes on, without it this scope has failed."""
        if instead is not None:
            self.settle(step, FAILED, instead)
            return
        self.states[step] = FAILED
        self.failed = self.failed or (path, failure)

    def pause(self, step: int, pause: StepPaused) -> None:
        """The step waits for a person or a time, and holds nothing meanwhile."""
        self.states[step] = PAUSED
        self.pauses = {**self.pauses, step: pause}

    def forget_pause(self, step: int) -> None:
        """The step waits no more."""
        if step in self.pauses:
            self.pauses = {other: pause for other, pause in self.pauses.items() if other != step}

    def resume(self, step: int, reply: Reply) -> None:
        """What the step waited for is there; it is entered anew."""
        request = self.pauses[step].request if step in self.pauses else None
        self.forget_pause(step)
        if request is not None and request.get(CUT):
            self.cut = {**self.cut, step: reply}
        else:
            self.replies = {**self.replies, step: (*self.replies.get(step, ()), reply)}
        self.states[step] = WAITING
        self.ready.append((self, self.plan.steps[step]))

    def _enough(self, step: PlannedStep) -> bool:
        return step.quorum is not None and step.live(self.outputs) >= step.quorum.count


def apply(scope: Scope, past: Iterable[Durable]) -> None:
    """Take recorded events of a scope's own steps into account; steps that had started and not ended are ready again.

    Raises: KeyError when the events are of another flow.
    """
    index, mine = scope.plan.index, len(scope.path)
    tried: set[int] = set()
    for event in past:
        match event:
            case StepStarted():
                scope.start(index[event.step[mine:]])
                tried.discard(index[event.step[mine:]])
            case StepFinished():
                scope.settle(index[event.step[mine:]], DONE, event.output)
            case StepSkipped():
                step = index[event.step[mine:]]
                scope.forget_pause(step)
                scope.settle(step, SKIPPED, None)
            case StepFailed():
                scope.forget_pause(index[event.step[mine:]])
                scope.fail(index[event.step[mine:]], event.step, event.failure, event.output)
            case StepRetried():
                scope.retry(index[event.step[mine:]], event.attempt)
                tried.add(index[event.step[mine:]])
            case StepPaused():
                scope.pause(index[event.step[mine:]], event)
            case StepResumed():
                scope.resume(index[event.step[mine:]], Reply(event.value, event.by, event.late))
    for step, state in enumerate(scope.states):
        if state == RUNNING:
            scope.states[step] = WAITING  # it stands among the ready ones, from which nothing was taken
            if scope.plan.steps[step].once and step not in tried and step not in scope.cut:
                scope.cut = {**scope.cut, step: None}


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


def container_of(body: str) -> str:
    """The path of the step around a body, from the body's own, such as `each[2]`."""
    return _BODY_NAME.sub("", body)
