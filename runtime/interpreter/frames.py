"""Steps with flows inside: how their bodies begin, end, fail, and go on from what was recorded of them."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from msgspec.structs import replace

from runtime.graph.node import Node
from runtime.graph.plan import PlannedStep
from runtime.graph.values import plain
from runtime.interpreter.attendance import Late
from runtime.interpreter.conductor import Conductor, Dropped
from runtime.interpreter.events import NOTHING, BodyStarted, Durable, Failure, RunFailed, StepError
from runtime.interpreter.limits import LimitReached
from runtime.interpreter.progress import Scope, apply
from runtime.interpreter.tasks import Tasks


class Frames(Tasks):
    """The part of an execution that runs flows inside steps.

    _past: recorded events of bodies that are to begin. _inputs: what recorded steps got, by path. _since: for how long
    the run had been driven when a recorded step with bodies started.
    """

    __slots__ = ("_inputs", "_past", "_since")

    _inputs: Mapping[str, Mapping[str, Any]]
    _past: dict[str, list[Durable]]
    _since: dict[str, float]

    def _conduct(self, scope: Scope, step: PlannedStep, node: Node, values: dict[str, Any]) -> None:
        conductor = Conductor(scope, step.index, self._open, self._kill, partial(self._conducted, step))
        scope.going[step.index] = conductor
        self._conducting[conductor] = None
        if step.timeout is not None:
            since = self._since.get(scope.path + step.id, self._spent()) if self._since else self._spent()
            self._deadline(conductor, since + step.timeout, partial(conductor.cancel, Late(step)))
        assert step.conduct is not None
        values = {**values, step.conduct: conductor}
        if step.lend is not None:
            values[step.lend] = self._context(scope, step, [])
        conductor.start(step.call(node, **values))

    def _open(self, conductor: Conductor, body: str, key: str, given: dict[str, Any]) -> Scope:
        """Begin a body of a step, or go on with it where its events end."""
        outer = conductor.scope
        step = outer.plan.steps[conductor.index]
        if body not in step.bodies:
            raise ValueError(f"there is no body `{body}`")
        plan = step.bodies[body]
        if outer.depth >= self._meter.deepest:
            self._too_deep(outer.path + step.id, self._meter.out_of_depth())
        name = step.id if body == step.first_body else f"{step.id}.{body}"
        path = f"{outer.path}{name}[{key}]/" if key else f"{outer.path}{name}/"
        scope = Scope(plan, self._ready, path, outer.depth + 1)
        scope.conductor, scope.input = conductor, outer.input
        for source, target in plan.captures:
            scope.outputs[target] = outer.outputs[source]
        given = plain(given)
        if plan.entry >= 0:
            scope.outputs[plan.entry] = given
        if plan.starts:
            scope.begin(next(iter(plan.starts)), given)
        else:
            scope.enter()
        if path in self._past and self._other(path, given):
            self._past = {other: events for other, events in self._past.items() if not other.startswith(path)}
        if path in self._past:
            apply(scope, self._past.pop(path))
            self._go_on(scope)
        elif self._watched:
            self._tell(BodyStarted, path[:-1], given)
        return scope

    def _too_deep(self, path: str, error: LimitReached) -> NoReturn:
        if not self._root.live:
            raise error  # the run is ending already, and this is an error like any other
        # Posted: the step's own code is under way, and cannot be ended from here.
        self._inbox.post(partial(self._end_early, RunFailed, step=path, failure=Failure.of(error)))
        raise Dropped

    def _other(self, path: str, given: dict[str, Any]) -> bool:
        """Whether a recorded body, of a run that is repeated, was given something else then."""
        began = self._past[path][0]
        return isinstance(began, BodyStarted) and began.given != given

    def _close(self, scope: Scope, taken: dict[str, Any]) -> None:
        """The last step of a body has settled."""
        scope.live = False
        assert scope.conductor is not None
        scope.conductor.body_ended(scope, taken)

    def _conducted(self, step: PlannedStep, conductor: Conductor, result: Any, error: BaseException | None) -> None:
        """A step with flows inside has ended, and nothing of it runs any more."""
        scope = conductor.scope
        self._stop_timer(conductor)
        self._conducting.pop(conductor, None)
        if scope.going.get(step.index) is not conductor:
            return  # the run went on without it
        del scope.going[step.index]
        if not scope.live or isinstance(error, Dropped):
            self._gone(scope)
        elif error is not None:
            self._fail(scope, step, error)
        else:
            self._give(scope, step, result)

    def _fell(self, scope: Scope, path: str, failure: Failure, given: Mapping[str, Any]) -> None:
        """Nothing catches a step's failure in its scope: the run fails with it, or the step around it learns of it."""
        if scope.conductor is None:
            self._end_early(RunFailed, step=path, failure=failure)
        elif scope.live:
            inner = failure if failure.step else replace(failure, step=path)  # for those around it
            self._kill(scope, partial(scope.conductor.body_ended, scope, {}, StepError(inner, given)))

    def _go_on(self, scope: Scope) -> None:
        """Take up what recorded events left open in a scope: its pauses, and its failure."""
        for step in scope.pauses:
            self._await(scope, step)
        if scope.failed is not None:
            path, failure = scope.failed
            given = self._inputs.get(failure.step or path, NOTHING)
            self._inbox.post(partial(self._fell, scope, path, failure, given))
