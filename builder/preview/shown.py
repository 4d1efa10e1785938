"""Which calls of the flows inside steps a picture of the run shows, and the ways to the others; pure.

A step inside another runs as often as its body is called, and has one card, which shows the call that a person chose,
else the latest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from builder.preview.overlay import RunTrace, Scope, StepState, StepTrace
from runtime.graph.reading import Reading

Chosen = Mapping[str, str]  # the key of the call that a person wants to see, by the path of the body without that key
_LISTED = 200  # calls in one list; more nobody looks through
_KEYS = 1000  # keys that travel to the canvas with each change


@dataclass(frozen=True, slots=True)
class Nest:
    """How the steps of a flow stand in one another. homes: of each step, what it stands in, as the document says it:
    `each`, `guard.catch`, or nothing. firsts: the name of the first body of each step that has some.
    """

    homes: Mapping[str, str] = field(default_factory=dict)
    firsts: Mapping[str, str] = field(default_factory=dict)

    def around(self, step: str) -> str | None:
        """The step around a step; empty when it stands in none, None when it is of another flow."""
        home = self.homes.get(step)
        return home.partition(".")[0] if home is not None else None


def nest_of(reading: Reading) -> Nest:
    """How the steps of a flow stand in one another."""
    firsts = {name: step.bodies[0].name for name, step in reading.steps.items() if step.bodies}
    return Nest({name: step.within for name, step in reading.flow.steps.items()}, firsts)


class Call(TypedDict):
    """One call to choose. place: from 1."""

    key: str
    place: int
    state: StepState


class Picker(TypedDict):
    """The calls of one body, of which one is shown. body: its path without a key, such as `each[2]/guard.catch`.

    step: the id of the step around it. name: of the body, empty for the first. key, place: of the shown call.
    before, after: the keys of its neighbours. failed, waiting: how many are so. calls: what one can choose; of very
    many only those near by, and those that failed or wait.
    """

    body: str
    step: str
    name: str
    key: str
    place: int
    count: int
    failed: int
    waiting: int
    before: str
    after: str
    calls: list[Call]


def shown_steps(trace: RunTrace, nest: Nest, chosen: Chosen) -> dict[str, StepTrace]:
    """What is known of each step of the flow, in the calls that are shown; nothing of those not come to."""
    return dict(_visible(trace.whole, "", nest, chosen))


def cards(trace: RunTrace, nest: Nest, chosen: Chosen) -> dict[str, dict[str, Any]]:
    """What the canvas shows of a run, by the path of the step. One with steps inside also tells its calls, by body."""
    made = {}
    for name, step in shown_steps(trace, nest, chosen).items():
        made[step.path] = step.card()
        if step.bodies:
            first = nest.firsts.get(name, "body")
            made[step.path]["calls"] = {body or first: _calls(step, body, chosen) for body in step.bodies}
    return made


def shown_step(trace: RunTrace, nest: Nest, chosen: Chosen, selected: str) -> StepTrace | None:
    """What is known of a step in the calls that are shown. selected: its id, or its `place` in another flow."""
    route = _route(selected, nest)
    steps = _along(trace, route, chosen)
    return steps[-1] if route and len(steps) == len(route) else None


def pickers(trace: RunTrace, nest: Nest, chosen: Chosen, selected: str) -> list[Picker]:
    """The ways to other calls of a step, from the outside in, then to those of the flows inside it."""
    route = _route(selected, nest)
    found = []
    for step, (_, following) in zip(_along(trace, route, chosen), route, strict=False):
        through = step.bodies if following is None else [_body(step, following)]
        found += [_picker(step, body, chosen) for body in through if body in step.bodies]
    return [picker for picker in found if picker["count"] > 1]


def shown_call(step: StepTrace, body: str, chosen: Chosen) -> Scope:
    """The call of a body that is shown."""
    calls = step.bodies[body]
    wanted = chosen.get(_path(step, body))
    return calls[wanted] if wanted in calls else next(reversed(calls.values()))


def choosing(path: str) -> dict[str, str]:
    """What to choose so that the step of a path is shown."""
    made = {}
    parts = path.split("/")
    for length in range(1, len(parts)):
        body, bracket, key = "/".join(parts[:length]).rpartition("[")
        if bracket and key.endswith("]"):
            made[body] = key[:-1]
    return made


def place(path: str) -> str:
    """A path without its keys: what is selected to look at a step of another flow that a step runs."""
    return "/".join(part.partition("[")[0] for part in path.split("/"))


def _visible(scope: Scope, home: str, nest: Nest, chosen: Chosen) -> Iterator[tuple[str, StepTrace]]:
    for name, step in scope.steps.items():
        if nest.around(name) == home:  # else of another flow, which a step of this one runs
            yield name, step
            for body in step.bodies:
                yield from _visible(shown_call(step, body, chosen), name, nest, chosen)


def _route(selected: str, nest: Nest) -> list[tuple[str, str | None]]:
    """The steps from the outside in to a step, each with the body that leads on; None for the step itself."""
    if "/" in selected:
        *outer, last = selected.split("/")
        return [*((part.partition(".")[0], part.partition(".")[2]) for part in outer), (last, None)]
    route: list[tuple[str, str | None]] = []
    body: str | None = None
    while selected and len(route) <= len(nest.homes):
        route.insert(0, (selected, body))
        selected, _, body = nest.homes.get(selected, "").partition(".")
    return route


def _along(trace: RunTrace, route: list[tuple[str, str | None]], chosen: Chosen) -> list[StepTrace]:
    """What is known of the steps of a route, as far as the shown calls came."""
    found: list[StepTrace] = []
    scope: Scope | None = trace.whole
    for name, following in route:
        step = scope.steps.get(name) if scope is not None else None
        if step is None:
            break
        found.append(step)
        body = _body(step, following or "")
        scope = shown_call(step, body, chosen) if body in step.bodies else None
    return found


def _body(step: StepTrace, named: str) -> str:
    """A body as paths call it: without a name when it is the first."""
    return named if named in step.bodies else ""


def _picker(step: StepTrace, body: str, chosen: Chosen) -> Picker:
    calls, shown = list(step.bodies[body].values()), shown_call(step, body, chosen)
    at = next(number for number, scope in enumerate(calls) if scope is shown)
    states = [scope.state for scope in calls]
    listed = [
        Call(key=scope.key, place=number + 1, state=states[number])
        for number, scope in enumerate(calls)
        if len(calls) <= _LISTED or abs(number - at) < _LISTED // 4 or states[number] in ("failed", "waiting")
    ]
    return Picker(
        body=_path(step, body),
        step=step.path.rpartition("/")[2],
        name=body,
        key=shown.key,
        place=at + 1,
        count=len(calls),
        failed=states.count("failed"),
        waiting=states.count("waiting"),
        before=calls[at - 1].key if at else "",
        after=calls[at + 1].key if at + 1 < len(calls) else "",
        calls=listed[: 2 * _LISTED],
    )


def _calls(step: StepTrace, body: str, chosen: Chosen) -> dict[str, Any]:
    """The calls of a body as the canvas takes them: their keys, how many have ended, and how many there will be."""
    calls, shown = step.bodies[body], shown_call(step, body, chosen)
    keys = list(calls)
    total = shown.given.get("total")  # a loop over items tells its steps how many there are
    return {
        "keys": keys if len(keys) <= _KEYS else [*dict.fromkeys([shown.key, *keys[-_KEYS:]])],
        "ended": sum(not scope.is_live for scope in calls.values()),
        "total": total if isinstance(total, int) and total > len(keys) else len(keys),
    }


def _path(step: StepTrace, body: str) -> str:
    return f"{step.path}.{body}" if body else step.path
