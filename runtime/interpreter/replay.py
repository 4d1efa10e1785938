"""Running again what was run before: which recorded events a new run begins with; pure.

What had finished before the point from which a run is repeated answers from the record and costs nothing; that step,
whatever comes after it, and the steps around it run again.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from runtime.errors import CallerError, NotFoundError
from runtime.graph.flow import Flow, Step
from runtime.graph.plan import Plan, PlannedStep
from runtime.graph.values import NotJson
from runtime.interpreter.events import (
    BodyStarted,
    Durable,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopping,
    StepFailed,
    StepFinished,
    StepLogged,
    StepPaused,
    StepResumed,
    StepSkipped,
    StepStarted,
)
from runtime.interpreter.progress import container_of

_PART = re.compile(r"(?P<step>[a-z][a-z0-9_]*)(?:\.(?P<body>\w+))?(?:\[(?P<key>[^\]]*)\])?\Z")


def replay(
    plan: Plan,
    past: Sequence[Durable],
    *,
    again: Collection[str] = (),
    outputs: Mapping[str, dict[str, Any]] | None = None,
    before: Flow | None = None,
    pins: Mapping[str, int] | None = None,
    parent: str = "",
    now: float = 0.0,
) -> list[Durable]:
    """The events with which a run of `plan` begins that repeats a recorded one.

    again: paths of the steps to run again. outputs: what these steps are to have given, instead of what they gave; the
    steps after them run again. before: the flow that was recorded, when it is not the plan's: steps that have changed
    run again. pins: the versions of other flows that it runs; steps that run another version than then run again.
    parent: the recorded run's id. Raises: NotFoundError for a path that the record or the plan lacks, CallerError for
    an output that the step could not have given.
    """
    kept = _Kept(plan, past)
    for path in (*again, *(outputs or {})):
        if path not in kept.seen:
            raise NotFoundError("The run has no such step", path, "Choose a step that ran.")
    outputs = {path: _given(plan, path, output) for path, output in (outputs or {}).items()}
    if before is not None:
        for path in _changed(before, plan.flow, kept.seen):
            kept.drop(path)
    for path in _calling_others(plan, past, kept.seen, pins or {}):
        kept.drop(path)
    for path in _uncaught(plan, past):
        if path not in outputs:
            kept.drop(path)
    for path in again:
        kept.drop(path)
    for path in outputs:
        kept.drop(path, itself=False)
    made: list[Durable] = []
    for event in past:
        for taken in kept.take(event, outputs, parent, pins or {}):
            made.append(replace(taken, seq=len(made) + 1, at=now))
    return made


def _uncaught(plan: Plan, past: Sequence[Durable]) -> list[str]:
    """The paths of the steps whose failure failed the run; of steps around them, the innermost.

    A failure after which the step around it went on, with another item or with what catches, was its own affair.
    """
    ending = past[-1] if past else None
    if not isinstance(ending, RunFailed):
        return []
    failed = {event.step: event.seq for event in past if isinstance(event, StepFailed) and event.output is None}
    begun = [event for event in past if isinstance(event, BodyStarted)]

    def went_on(container: str, since: int) -> bool:
        scope, _, name = container.rpartition("/")
        inner = _plan_of(plan, scope)
        cleaning = inner.steps[inner.index[name]].cleaning if inner is not None and name in inner.index else ()
        later = [body.step for body in begun if body.seq > since and container_of(body.step) == container]
        return any(_parse(body.rpartition("/")[2])[1] not in cleaning for body in later)

    def caught(path: str) -> bool:
        since, scope = failed[path], path.rpartition("/")[0]
        while scope:
            container = container_of(scope)
            if container not in failed or went_on(container, since):
                return True
            scope = container.rpartition("/")[0]
        return False

    found = [path for path in failed if path == ending.failure.step or not caught(path)]
    return [path for path in found if not any(_holds(path, other) for other in found)]


def _given(plan: Plan, path: str, output: Any) -> dict[str, Any]:
    """What somebody says that a step gave. Raises: NotFoundError, CallerError for what it could not have given."""
    scope, _, name = path.rpartition("/")
    inner = _plan_of(plan, scope)
    if inner is None or name not in inner.index:
        raise NotFoundError("The flow has no such step any more", path, "Choose another step.")
    try:
        return inner.steps[inner.index[name]].accept(output)
    except NotJson as error:
        what = f"The step could not have given that: {error}"
        raise CallerError(what, path, "Give what its outputs can hold.") from None


@dataclass(slots=True)
class _Kept:
    """Which steps of a record still stand. gone: paths of steps and bodies of which nothing is kept, inside included.

    opened: steps that run again themselves, while finished bodies inside them stand.
    """

    plan: Plan
    past: Sequence[Durable]
    gone: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, int] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for event in self.past:
            match event:
                case BodyStarted():
                    self.bodies.setdefault(event.step, event.seq)
                case StepStarted() | StepSkipped():
                    self.seen.setdefault(event.step, event.seq)
            if isinstance(event, StepFinished | StepSkipped | StepFailed):
                self.settled.add(event.step)

    def drop(self, path: str, *, itself: bool = True) -> None:
        """A step runs again, or gave something else; so do those after it, and the steps around it go on anew."""
        scope, _, name = path.rpartition("/")
        plan = _plan_of(self.plan, scope)
        if plan is None or name not in plan.index:  # of a step that the flow has no more
            self.gone.add(path)
            if scope:
                self._reopen(scope, self.seen.get(path, 0))
            return
        for later in _after(plan, plan.steps[plan.index[name]]):
            if itself or later.id != name:
                self.gone.add(f"{scope}/{later.id}" if scope else later.id)
        if scope:
            self._reopen(scope, self.seen.get(path, 0))

    def _reopen(self, body: str, since: int) -> None:
        """The step around a body goes on anew; bodies of it that came of this one are gone."""
        path = container_of(body)
        outer, _, name = path.rpartition("/")
        plan = _plan_of(self.plan, outer)
        if plan is None or name not in plan.index:
            self.gone.add(path)
            return
        container = plan.steps[plan.index[name]]
        for other, seq in self.bodies.items():
            head, _, last = other.rpartition("/")
            if head == outer and other != body and seq > since:
                step, called, _ = _parse(last)
                if step == name and (called or container.first_body) not in container.independent:
                    self.gone.add(other)
        self.opened.add(path)
        self.drop(path, itself=False)

    def take(
        self, event: Durable, outputs: Mapping[str, dict[str, Any]], parent: str, pins: Mapping[str, int]
    ) -> tuple[Durable, ...]:
        """The event as the new run has it, and whether it has it."""
        if isinstance(event, RunStarted):
            return (replace(event, parent=parent, pins=dict(pins)),)
        path = getattr(event, "step", None)
        if path is None or isinstance(event, RunFinished | RunFailed | RunStopping):
            return ()
        if path in outputs:  # whatever became of it
            if self.seen[path] != event.seq or self._is_gone(path):
                return ()
            entered = event if isinstance(event, StepStarted) else StepStarted(1, 0.0, path, {})
            return entered, StepFinished(1, 0.0, path, outputs[path], reused=True)
        if any(_holds(given, path) for given in outputs):
            return ()
        if isinstance(event, BodyStarted):
            return () if self._is_gone(path) else (event,)
        if self._runs_again(path):
            return ()
        match event:
            case StepStarted() | StepSkipped() | StepLogged():
                return (event,) if path in self.settled else ()
            case StepFinished():
                return (replace(event, calls=(), reused=True),)
            case StepFailed() | StepPaused() | StepResumed():
                return (event,)
        return ()

    def _runs_again(self, path: str) -> bool:
        return path in self.opened or self._is_gone(path)

    def _is_gone(self, path: str) -> bool:
        return path in self.gone or any(_holds(whole, path) for whole in self.gone)


def _holds(outer: str, path: str) -> bool:
    """Whether a path lies inside a step or a body."""
    return path.startswith(outer) and path[len(outer) : len(outer) + 1] in ("/", "[", ".")


def _parse(part: str) -> tuple[str, str, str]:
    """A part of a path as step, body and key."""
    match = _PART.match(part)
    return (match["step"], match["body"] or "", match["key"] or "") if match else (part, "", "")


def _plan_of(plan: Plan, scope: str) -> Plan | None:
    """The plan of a body by its path; the flow's own for an empty one."""
    for part in scope.split("/") if scope else ():
        name, body, _ = _parse(part)
        if name not in plan.index:
            return None
        step = plan.steps[plan.index[name]]
        inner = step.bodies.get(body or step.first_body)
        if inner is None:
            return None
        plan = inner
    return plan


def _after(plan: Plan, step: PlannedStep) -> list[PlannedStep]:
    """A step and everything that comes after it in its scope."""
    found, left = {step.index}, [step.index]
    while left:
        for successor in plan.steps[left.pop()].successors:
            if successor not in found:
                found.add(successor)
                left.append(successor)
    return [plan.steps[index] for index in sorted(found) if not plan.steps[index].closing]


def _changed(before: Flow, flow: Flow, paths: Iterable[str]) -> list[str]:
    """The recorded steps that are other ones in the flow of today, or gone."""
    same = {name for name in before.steps if name in flow.steps and _meaning(before, name) == _meaning(flow, name)}
    return [path for path in paths if path.rpartition("/")[2] not in same and not _is_inside_call(path, before)]


def _calling_others(plan: Plan, past: Iterable[Durable], paths: Iterable[str], pins: Mapping[str, int]) -> list[str]:
    """The recorded steps that run another version of a flow than they did."""
    then = next((event.pins for event in past if isinstance(event, RunStarted)), {})
    found = []
    for path in paths:
        scope, _, name = path.rpartition("/")
        inner = _plan_of(plan, scope)
        node = inner.steps[inner.index[name]].node if inner is not None and name in inner.index else None
        called = None if node is None else node.calls()
        if called is not None and not called.version and pins.get(called.flow) != then.get(called.flow):
            found.append(path)
    return found


def _meaning(flow: Flow, name: str) -> tuple[Step, frozenset[str]]:
    """What a step does, without its title: itself and the wires into it."""
    step = flow.steps[name].model_copy(update={"title": ""})
    return step, frozenset(str(edge) for edge in flow.edges if edge.target == name)


def _is_inside_call(path: str, flow: Flow) -> bool:
    """Whether a step belongs to another flow that a step runs, of which this flow does not know the steps."""
    return path.rpartition("/")[2] not in flow.steps and "/" in path
