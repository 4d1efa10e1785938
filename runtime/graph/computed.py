"""Settings that are computed from what other steps gave, as closures made once, and the node that is made of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from pydantic import ValidationError

from runtime.errors import AuthorError
from runtime.graph.binding import Outputs, Seen
from runtime.graph.expressions import (
    Code,
    ListTemplate,
    ObjectTemplate,
    Path,
    Text,
    codes,
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

    settings: templates by name. views: every step that they read.
    """

    __slots__ = ("_fills", "_named", "_views", "codes")

    def __init__(self, settings: Mapping[str, Any], views: Mapping[str, View]) -> None:
        self._views = views
        self.codes: tuple[Code, ...] = tuple(code for value in settings.values() for code in codes(value))
        of_codes = [(shown(code.source), name) for name, value in settings.items() for code in codes(value)]
        self._named = dict(reversed(of_codes))  # of two that are alike, the first one fails first
        number = count()
        self._fills = [(name, self._fill(template, number)) for name, template in settings.items()]

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
        made: dict[str, Any] = {}
        name = ""
        try:
            for name, fill in self._fills:
                made[name] = fill(outputs, answers)
        except AuthorError as error:
            raise _of_setting(name, error) from None
        return made

    def refused(self, error: AuthorError) -> AuthorError:
        """What the sandbox says of an expression, with the name of the setting in which that stands."""
        named = set(self._named.values())
        name = named.pop() if len(named) == 1 else self._named.get(error.where, "")
        return _of_setting(name, error) if name else error

    def _fill(self, template: Any, number: Iterator[int]) -> Fill:
        match template:
            case Path():
                return self._walker(template)
            case Code():
                answer = next(number)
                return lambda outputs, answers: answers[answer]
            case Text():
                parts = [part if isinstance(part, str) else self._fill(part, number) for part in template.parts]
                return lambda outputs, answers: "".join(
                    [part if isinstance(part, str) else as_text(part(outputs, answers)) for part in parts]
                )
            case ListTemplate():
                items = [self._fill(item, number) for item in template.items]
                return lambda outputs, answers: [item(outputs, answers) for item in items]
            case ObjectTemplate():
                fields = [(key, self._fill(item, number)) for key, item in template.fields]
                return lambda outputs, answers: {key: item(outputs, answers) for key, item in fields}
        return lambda outputs, answers: template

    def _walker(self, path: Path) -> Fill:
        """The quick way to what is there; `walk` knows what else reads null, and what to say of the rest."""
        slot, _ = self._views[path.step]
        first, rest = (path.keys[0], path.keys[1:]) if path.keys else (None, ())

        def read(outputs: Outputs, answers: Sequence[Any]) -> Any:
            out = outputs[slot]
            if out is None or first not in out:
                return walk(path, self.see(outputs))
            value = out[first]
            for key in rest:
                if type(value) is not dict or type(key) is not str or key not in value:
                    return walk(path, self.see(outputs))
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
            raise _unfit(error) from None

    return build


@lru_cache(maxsize=1024)
def _text_settings(node_class: type[Node]) -> frozenset[str]:
    fields = node_class.model_fields.items()
    return frozenset(name for name, spec in fields if kind_of_annotation(spec.annotation) is Kind.TEXT)


def _of_setting(name: str, error: AuthorError) -> AuthorError:
    return AuthorError(f"`{name}`: {error.what}", error.where, error.mend)


def _unfit(error: ValidationError) -> AuthorError:
    detail = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    what = wrong(detail)
    return AuthorError(
        f"`{place}`: {what}" if place else what,  # without a place it is about how settings go together
        mend="Look at the value that the expression or the wire gave.",
    )
