"""Settings that are computed from what other steps gave, as closures made once, and the node that is made of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from runtime.errors import AuthorError, OperatorError
from runtime.graph.binding import Outputs, Seen
from runtime.graph.expressions import (
    Code,
    ExpressionFailed,
    ListTemplate,
    ObjectTemplate,
    Path,
    Text,
    entry,
    references,
    walk,
)
from runtime.graph.nesting import Place
from runtime.graph.node import Node
from runtime.graph.program import shown
from runtime.graph.reading import Reading, StepReading
from runtime.graph.validation import wrong
from runtime.graph.values import Kind, as_text, kind_of_annotation

View = tuple[int, Mapping[str, None]]  # where a step's outputs stand, and its ports: one that stayed silent reads null
Fill = Callable[[Outputs, Sequence[Any]], Any]  # a value from the outputs and from what the sandbox answered
Build = Callable[[dict[str, Any], Outputs, Sequence[Any]], tuple[Node, dict[str, Any]]]


class Computed:
    """The computed settings of a step. codes: what the sandbox has to answer for them.

    settings: templates by name. views: every step that they read. An error of theirs names the place, such as
    `values[2].value`, and the expression.
    """

    __slots__ = ("_fills", "_places", "_views", "codes")

    def __init__(self, settings: Mapping[str, Any], views: Mapping[str, View]) -> None:
        self._views = views
        self._places: list[tuple[str, Path | Code]] = []  # where each expression stands
        self._fills = [(name, self._fill(template, name)) for name, template in settings.items()]
        self.codes = tuple(part for _, part in self._places if isinstance(part, Code))

    def __bool__(self) -> bool:
        return bool(self._fills)

    def see(self, outputs: Outputs) -> Seen:
        """What the expressions see: outputs by step, None for a skipped one."""
        return {
            name: None if (out := outputs[slot]) is None else (out if len(out) == len(silent) else {**silent, **out})
            for name, (slot, silent) in self._views.items()
        }

    def values(self, outputs: Outputs, answers: Sequence[Any]) -> dict[str, Any]:
        """The settings by name. answers: to the `codes`. Raises: AuthorError for a path that leads nowhere."""
        return {name: fill(outputs, answers) for name, fill in self._fills}

    def refused(self, error: AuthorError | OperatorError) -> AuthorError | OperatorError:
        """What the sandbox says of an expression, or of all, with the places where they stand."""
        places = [place for place, part in self._places if isinstance(part, Code)]
        number = error.number if isinstance(error, ExpressionFailed) else None
        named = list(dict.fromkeys(places if number is None else [places[number]]))
        said = ", ".join(f"`{place}`" for place in named[:3]) + (" …" if len(named) > 3 else "")
        kind = OperatorError if isinstance(error, OperatorError) else AuthorError
        return kind(f"{said}: {error.what}", error.where, error.mend)

    def sources(self, place: str) -> str:
        """The expressions that make what stands in a place, as they are written."""
        found = (shown(part.source) for at, part in self._places if _overlap(at, place))
        return ", ".join(dict.fromkeys(found))

    def _fill(self, template: Any, place: str) -> Fill:
        match template:
            case Path():
                self._places.append((place, template))
                return self._walker(template, place)
            case Code():
                answer = sum(isinstance(part, Code) for _, part in self._places)
                self._places.append((place, template))
                return lambda outputs, answers: answers[answer]
            case Text():
                parts = [part if isinstance(part, str) else self._fill(part, place) for part in template.parts]
                return lambda outputs, answers: "".join(
                    [part if isinstance(part, str) else as_text(part(outputs, answers)) for part in parts]
                )
            case ListTemplate():
                items = [self._fill(item, place + entry(index)) for index, item in enumerate(template.items)]
                return lambda outputs, answers: [item(outputs, answers) for item in items]
            case ObjectTemplate():
                fields = [(key, self._fill(item, place + entry(key))) for key, item in template.fields]
                return lambda outputs, answers: {key: item(outputs, answers) for key, item in fields}
        return lambda outputs, answers: template

    def _walker(self, path: Path, place: str) -> Fill:
        """The quick way to what is there; `walk` knows what else reads null, and what to say of the rest."""
        slot, _ = self._views[path.step]
        first, rest = (path.keys[0], path.keys[1:]) if path.keys else (None, ())

        def look(outputs: Outputs) -> Any:
            try:
                return walk(path, self.see(outputs))
            except AuthorError as error:
                raise AuthorError(f"`{place}`: {error.what}", error.where, error.mend) from None

        def read(outputs: Outputs, answers: Sequence[Any]) -> Any:
            out = outputs[slot]
            if out is None or first not in out:
                return look(outputs)
            value = out[first]
            for key in rest:
                if type(value) is not dict or type(key) is not str or key not in value:
                    return look(outputs)
                value = value[key]
            return value

        return read


def computed(reading: Reading, settings: Mapping[str, Any], slots: Mapping[str, int], place: Place) -> Computed:
    """The computed settings of a step that stands in a place. slots: where the outputs of each step stand."""
    read = dict.fromkeys(reference.step for value in settings.values() for reference in references(value))
    views = {name: (slots[name], dict.fromkeys(reading.ports_of(name, place) or ())) for name in read}
    return Computed(settings, views)


def builder(step: StepReading, settings: Computed) -> Build:
    """The node of one execution, from its literal, computed and wired settings; and those that were not literal."""
    node_class = step.node_class
    assert node_class is not None
    texts, literals = _text_settings(node_class), dict(step.literals)
    validate = node_class.__pydantic_validator__.validate_python  # what `model_validate` calls, at half the price

    def build(wired: dict[str, Any], outputs: Outputs, answers: Sequence[Any]) -> tuple[Node, dict[str, Any]]:
        made = settings.values(outputs, answers)
        if wired:
            made.update(wired)
        for name, value in made.items():
            if type(value) is not str and name in texts:
                made[name] = as_text(value)
        try:
            return validate({**literals, **made}), made
        except ValidationError as error:
            raise _unfit(error, settings) from None

    return build


@lru_cache(maxsize=1024)
def _text_settings(node_class: type[Node]) -> frozenset[str]:
    fields = node_class.model_fields.items()
    return frozenset(name for name, spec in fields if kind_of_annotation(spec.annotation) is Kind.TEXT)


def _overlap(one: str, other: str) -> bool:
    """Whether one of two places is the other, or lies in it."""
    inner, outer = (one, other) if len(one) >= len(other) else (other, one)
    return inner.startswith(outer) and inner[len(outer) : len(outer) + 1] in ("", ".", "[")


def _unfit(error: ValidationError, settings: Computed) -> AuthorError:
    detail = error.errors(include_url=False)[0]
    name, *keys = detail["loc"] or ("",)
    place = str(name) + "".join(entry(key) for key in keys)
    what = wrong(detail)
    return AuthorError(
        f"`{place}`: {what}" if place else what,  # without a place it is about how settings go together
        settings.sources(place) if place else "",
        "Look at the value that the expression or the wire gave.",
    )
