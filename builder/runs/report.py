"""What the page of one run says of its steps, and of the run as a whole; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypedDict

from builder.editor.view import FlowView
from builder.preview.inspected import Inspected, inspect, shown, values
from builder.preview.overlay import RunTrace, Scope, StepTrace
from builder.preview.shown import Chosen, Nest, place, shown_call


class StepLine(TypedDict):
    """One step in the order of the run, in the call that is shown. id: of the step, or its `place` in another flow.

    name: its id in its own flow. title: as a person wrote it, else empty. kind: what its kind is called, empty in
    another flow. several: other steps are called like this one. depth: in how many steps it stands. calls: how many
    of its bodies' calls there were, 0 for a step without. ms: 0 when it has not ended. tries: attempts that failed
    before. reused: its output comes from the run that this one repeats; given: somebody said there what it is.
    """

    id: str
    name: str
    title: str
    kind: str
    several: bool
    state: str
    ms: float
    model: str
    demo: bool
    tries: int
    depth: int
    calls: int
    reused: bool
    given: bool


def step_lines(flow: FlowView, trace: RunTrace, nest: Nest, chosen: Chosen) -> list[StepLine]:
    """Every step, those in a step after it: first what ran, in that order, then the others from left to right."""
    return list(_Lines(flow, nest, chosen, _alike(flow)).of([trace.whole], "", 0))


def inspect_run(trace: RunTrace) -> Inspected:
    """The whole run as if it were one step: what it was given, what it answered, why it failed."""
    failure = trace.failure
    return Inspected(
        **{
            **inspect(StepTrace()),
            "state": trace.state,
            "tokens": trace.tokens,
            "input": values(trace.input),
            "output": [shown("output", trace.output)] if trace.state == "done" else [],
            "error": failure.what if failure else "",
            "mend": failure.mend if failure else "",
        }
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of one flow, as the calls that are shown went."""

    flow: FlowView
    nest: Nest
    chosen: Chosen
    alike: set[str]

    def of(self, calls: Iterable[Scope], home: str | None, depth: int) -> Iterator[StepLine]:
        """The steps in a step, or in the run itself. home: its id; None in another flow, whose steps nobody drew."""
        came: set[str] = set()
        for scope in calls:
            for name, step in scope.steps.items():
                came.add(name)
                yield from self._one(name, step, home is not None and self._home(name) == home, depth)
        missed = [name for name in self.flow.steps if self._home(name) == home and name not in came]
        for name in sorted(missed, key=lambda name: self.flow.steps[name].at):
            yield from self._one(name, StepTrace(), True, depth)

    def _home(self, name: str) -> str | None:
        return self.nest.around(name) if name in self.flow.steps else None

    def _one(self, name: str, step: StepTrace, known: bool, depth: int) -> Iterator[StepLine]:
        yield StepLine(
            id=name if known else place(step.path),
            name=name,
            title=self.flow.steps[name].title if known else "",
            kind=self.flow.steps[name].label if known else "",
            several=known and name in self.alike,
            state=step.standing,
            ms=step.ms,
            model=step.model,
            demo=step.demo,
            tries=step.tries,
            depth=depth,
            calls=max((len(calls) for calls in step.bodies.values()), default=0),
            reused=step.reused,
            given=step.given,
        )
        inside = [shown_call(step, body, self.chosen) for body in step.bodies]
        yield from self.of(inside, name if known else None, depth + 1)


def _alike(flow: FlowView) -> set[str]:
    """The steps that only their ids tell apart."""
    called = Counter(step.title or step.label for step in flow.steps.values())
    return {name for name, step in flow.steps.items() if called[step.title or step.label] > 1}
