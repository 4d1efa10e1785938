"""What every change of a flow document keeps: names known or free, values plain, order and bounds."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from runtime.errors import AuthorError
from runtime.graph.flow import Edge, Flow, Step, StepId
from runtime.graph.validation import wrong

At = tuple[float, float]
FARTHEST = 10_000_000.0  # canvas pixels from the middle; the largest flow there may be has room in one column
DEEPEST = 32  # lists and objects in one another in one setting; a flow file takes a few more

_name: TypeAdapter[str] = TypeAdapter(StepId)
_T = TypeVar("_T")
_M = TypeVar("_M", bound=BaseModel)


class EditError(AuthorError):
    """An edit that does not fit the flow as it is now: the step is gone, the name is taken, the value is wrong."""


def known(name: str, among: Mapping[str, Any], what: str = "step") -> str:
    """The name, when there is such a thing. Raises: EditError."""
    if name not in among:
        raise EditError(f"There is no {what} `{name}`", mend="It was removed or renamed meanwhile.")
    return name


def free(name: str, among: Mapping[str, Any], what: str = "step") -> str:
    """The name, when nothing is called that and something may be. Raises: EditError."""
    if name in among:
        raise EditError(f"A {what} is called `{name}` already", name, "Choose another name.")
    try:
        return _name.validate_python(name)
    except ValidationError as error:
        raise EditError(_first(error)[1], mend="Choose another name.") from None


def made(model: type[_M], said: Mapping[str, Any], where: str) -> _M:
    """A part of the document from what was said. Raises: EditError that names the field."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        field, message = _first(error)
        if not field:
            raise EditError(message, where, "Correct the value.") from None
        raise EditError(f"`{field}`: {message}", f"{where}.{field}", "Correct the value.") from None


def _first(error: ValidationError) -> tuple[str, str]:
    detail = error.errors(include_url=False, include_input=False)[0]
    return str(detail["loc"][0]) if detail["loc"] else "", wrong(detail)


def near(at: At) -> At:
    """A place on the canvas. Raises: EditError when it is too far out to be found again."""
    x, y = at
    if not (abs(x) <= FARTHEST and abs(y) <= FARTHEST):  # also refuses what is not a number
        raise EditError(f"({x:g}, {y:g}) is too far out", mend=f"Stay within {FARTHEST:,.0f} of the middle.")
    return (float(x), float(y))


def shallow(value: Any, where: str) -> None:
    """Refuse a value that a flow file could not hold. Raises: EditError."""
    layer = [value]
    for _ in range(DEEPEST):
        layer = [inner for each in layer if isinstance(each, dict | list) for inner in _within(each)]
        if not layer:
            return
    raise EditError("The value is nested too deeply", where, f"Use at most {DEEPEST} lists and objects in one another.")


def _within(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def inserted(among: Mapping[str, _T], name: str, item: _T, place: int | None) -> dict[str, _T]:
    """The mapping with one thing more, at a place in its order; None is last."""
    items = list(among.items())
    items.insert(len(items) if place is None else max(place, 0), (name, item))
    return dict(items)


def in_order(layout: Mapping[str, At], steps: Mapping[str, Step]) -> dict[str, At]:
    """The places of the steps that are there, in the order of the steps."""
    return {name: layout[name] for name in steps if name in layout}


def edge(text: str) -> Edge:
    """A wire from its text. Raises: EditError."""
    try:
        return Edge.parse(text)
    except ValueError as error:
        raise EditError(str(error)) from None


def with_step(flow: Flow, name: str, step: Step) -> Flow:
    """The flow with another step of that name."""
    return flow.model_copy(update={"steps": {**flow.steps, name: step}})


def inside(steps: Mapping[str, Step], containers: Iterable[str]) -> set[str]:
    """The steps that stand inside some others, however deep."""
    within: dict[str, list[str]] = {}
    for name, step in steps.items():
        if step.within:
            within.setdefault(step.within.partition(".")[0], []).append(name)
    found: set[str] = set()
    left = list(containers)
    while left:
        more = [name for name in within.get(left.pop(), ()) if name not in found]
        found.update(more)
        left += more
    return found


def said_of(step: Step) -> dict[str, Any]:
    """What a step says of itself, in plain values."""
    return {
        "kind": step.kind,
        "version": step.version,
        "config": step.config,
        "title": step.title,
        "within": step.within,
        "retry": step.retry and step.retry.model_dump(),
        "timeout": step.timeout,
        "on_error": step.on_error if isinstance(step.on_error, str) else step.on_error.model_dump(),
        "once": step.once,
    }
