"""A plan: a flow compiled with a catalog. Steps are integers and wires are closures, so that a step costs little."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import AuthorError
from runtime.graph.binding import Bind, Give, Outputs, Substitute
from runtime.graph.computed import Computed
from runtime.graph.flow import Flow, Retry
from runtime.graph.node import Node, Quorum
from runtime.graph.problems import Problem, listed

Build = Callable[[dict[str, Any], Outputs, Sequence[Any]], tuple[Node, dict[str, Any]]]


class BrokenFlow(AuthorError):
    """The flow has errors and cannot run. problems: all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
        super().__init__(first.what + more, first.step, first.mend)
        self.problems = problems


@dataclass(slots=True)
class PlannedStep:
    """One step, ready to run.

    bind: outputs -> what its ports and wired settings get, or None when nobody comes. node: None while settings
    are still to be computed. inline: the body never waits, so the engine runs it without a task. lend, conduct: the
    parameters of `run` that take the Context and the Calls, or None. answers: gives the run's answer. bodies: the
    plans of the flows inside, by name; independent: those whose calls do not come of one another; cleaning: those
    that are let end. closing: it is no step of the flow, but the end of a body. quorum: how many live wires are
    enough; live: how many there are; serving: the steps that only this one needs. once: it is not
    run again without a person's word when it was cut off in its middle.
    """

    index: int
    id: str
    kind: str
    node: Node | None
    bind: Bind
    build: Build
    call: Callable[..., Any]
    give: Give
    computed: Computed
    lend: str | None = None
    inline: bool = True
    streams: bool = False
    trigger: bool = False
    answers: bool = False
    timeout: float | None = None
    retry: Retry | None = None
    instead: Substitute | None = None
    conduct: str | None = None
    bodies: Mapping[str, "Plan"] = field(default_factory=dict)
    first_body: str = ""
    independent: frozenset[str] = frozenset()
    cleaning: frozenset[str] = frozenset()
    accept: Callable[[Any], dict[str, Any]] = dict
    closing: bool = False
    live: Callable[[Outputs], int] = len
    quorum: Quorum | None = None
    serving: frozenset[int] = frozenset()
    waits: int = 0
    successors: tuple[int, ...] = ()
    once: bool = False


@dataclass(slots=True)
class Plan:
    """A flow, or a body in it, compiled once and run many times.

    index: of each step by id. starts: triggers by id. elsewhere: for each trigger, the steps that a run from it skips
    at once, because they serve other triggers only. size: outputs that a run of it keeps: of its steps, then of steps
    around it that it reads. captures: where the latter come from and go to. entry: where the outputs stand that a
    body gives its steps. pauses, models: of a flow: whether any of its steps may wait for a person or for long, and the
    models that it names.
    """

    flow: Flow
    steps: tuple[PlannedStep, ...]
    index: dict[str, int]
    starts: dict[str, int]
    elsewhere: dict[str, frozenset[int]]
    waits: list[int]
    sources: tuple[int, ...]
    answers: tuple[int, ...]
    leaves: tuple[int, ...]
    size: int
    captures: tuple[tuple[int, int], ...] = ()
    entry: int = -1
    pauses: bool = False
    models: tuple[str, ...] = ()

    def trigger(self, wanted: str = "") -> str:
        """The id of the start that a run begins at: the one asked for, by id or by how it is triggered.

        Raises: AuthorError when the flow has no such start.
        """
        if not wanted:
            return next(iter(self.starts))
        for name, index in self.starts.items():
            node = self.steps[index].node
            if wanted == name or (node is not None and wanted == node.trigger):
                return name
        raise AuthorError(f"The flow has no start `{wanted}`", self.flow.name, f"Its starts: {listed(self.starts)}.")

    def accepts(self, trigger: str) -> dict[str, Any]:
        """The JSON Schema of the input that starts a run at this trigger."""
        node = self.steps[self.starts[trigger]].node
        assert node is not None  # settings of triggers take no expressions: nothing has run before them
        return node.accepts()

    def answer(self, outputs: Outputs) -> tuple[Any, int, str]:
        """What a run whose every step has settled answers: (value, HTTP status, step).

        The first Answer that was reached, in the order of the flow, so that it does not depend on who was faster; in
        a flow without one, what its last steps gave.
        """
        for step in self.answers:
            given = outputs[step]
            if given is not None and "value" in given:  # a failed one without a default answers nothing
                return given["value"], given["status"], self.steps[step].id
        value, last = last_given(outputs, self.leaves, lambda step: self.steps[step].id)
        return value, 200, last


def last_given(outputs: Outputs, last: Sequence[int], name: Callable[[int], str]) -> tuple[Any, str]:
    """What the last steps gave, as one value; and the name of the step, when it was one that gave something."""
    given = [step for step in last if outputs[step]]
    if len(given) != 1:
        return {name(step): outputs[step] for step in given} or None, ""
    out = outputs[given[0]] or {}
    return out["output"] if len(out) == 1 and "output" in out else out, name(given[0])
