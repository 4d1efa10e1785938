"""Expressions in config fields: `{{ step.port }}` reads a value, `{{ len(step.items) * 2 }}` computes one.

Pure: nothing is evaluated here. A lone path is walked over plain dicts and lists; anything else becomes a `Code`
whose `program` the sandbox runs. `computed.py` puts both where they belong.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import msgspec

from runtime.errors import AuthorError
from runtime.graph.program import ExpressionError, Reference, compile_program, shorten, shown
from runtime.graph.values import describe

Key: TypeAlias = str | int
LONGEST = 1_000  # characters of one expression


class Path(msgspec.Struct, frozen=True):
    """A lone path such as `start.items[0].name`: a step and the keys to follow from its outputs."""

    step: str
    keys: tuple[Key, ...]
    source: str


class Code(msgspec.Struct, frozen=True):
    """An expression that computes. source: as the author wrote it. program: rewritten for the sandbox.

    reads: what it takes from steps, each once, in order of appearance.
    """

    source: str
    program: str
    reads: tuple[Reference, ...]

    @property
    def steps(self) -> frozenset[str]:
        """The ids of the steps it reads: the names that the sandbox must be given."""
        return frozenset(read.step for read in self.reads)


class Text(msgspec.Struct, frozen=True):
    """A text with expressions in it."""

    parts: tuple[str | Path | Code, ...]


class ListTemplate(msgspec.Struct, frozen=True):
    """A list with an expression somewhere inside; its items are literals or templates."""

    items: tuple[Any, ...]


class ObjectTemplate(msgspec.Struct, frozen=True):
    """An object with an expression somewhere inside; its values are literals or templates."""

    fields: tuple[tuple[str, Any], ...]


class ExpressionFailed(AuthorError):
    """An expression of a batch failed. number: which one; None when that cannot be known."""

    def __init__(self, what: str, where: str, mend: str, number: int | None) -> None:
        super().__init__(what, where, mend)
        self.number = number


Expression: TypeAlias = Path | Code | Text
Template: TypeAlias = Expression | ListTemplate | ObjectTemplate
_TEMPLATES = (Path, Code, Text, ListTemplate, ObjectTemplate)

_OPENING = re.compile(r"(?<!\\)(\\*)\{\{")  # looking behind keeps a long run of backslashes linear
_PIECE = re.compile(
    r"""(?s:'''(?:\\.|[^\\])*?'''|\"""(?:\\.|[^\\])*?\"""|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[{}]|[^'"{}]+)"""
)
_NAME = r"[^\W\d]\w*"
_KEY = re.compile(rf"""\s*\.\s*({_NAME})|\s*\[\s*(?:(-?\d+)|"([^"\\\n]*)"|'([^'\\\n]*)')\s*\]""")
_ROOT = re.compile(_NAME)
_LITERALS = {"true", "false", "null", "True", "False", "None"}


def parse(text: str) -> str | Expression:
    r"""A config text as an expression, or as the plain text it is; `\{{` stands for a literal `{{`.

    An expression with nothing but blanks around it keeps the type of its value. Raises: ExpressionError.
    """
    if "{{" not in text:
        return text
    parts = list(_split(text))
    expressions = [part for part in parts if not isinstance(part, str)]
    around = "".join(part for part in parts if isinstance(part, str))
    if not expressions:
        return around
    if len(expressions) == 1 and not around.strip():
        return expressions[0]
    return Text(tuple(parts))


def has_expression(value: object) -> bool:
    """Whether an expression stands anywhere in a config value; never raises, nothing is parsed."""
    if isinstance(value, str):
        return "{{" in value and any(len(opening[1]) % 2 == 0 for opening in _OPENING.finditer(value))
    if isinstance(value, Mapping):
        return any(map(has_expression, value.values()))
    return isinstance(value, list | tuple) and any(map(has_expression, value))


def compile_value(value: Any) -> Any:
    """A config value ready to be filled: a `Template` when an expression is inside, else the literal itself.

    Raises: ExpressionError.
    """
    try:
        return _compile(value)
    except RecursionError:
        raise ExpressionError(
            "The value is nested too deeply", "", "Use fewer lists and objects in one another."
        ) from None


def is_template(compiled: object) -> bool:
    """Whether a compiled value has to be filled at all."""
    return isinstance(compiled, _TEMPLATES)


def references(value: Any) -> list[Reference]:
    """What a config value reads from steps; it may be compiled already. Raises: ExpressionError."""
    found: dict[Reference, None] = {}
    for part in _expressions(compile_value(value)):
        reads = part.reads if isinstance(part, Code) else [Reference(part.step, part.keys, part.source)]
        found.update(dict.fromkeys(reads))
    return list(found)


def walk(path: Path, outputs: Mapping[str, dict[str, Any] | None]) -> Any:
    """The value that a path leads to.

    outputs: step id -> {port: value}, None when the step was skipped. Raises: AuthorError when it leads nowhere.
    """
    # Exact dict and list only, never getattr: a path cannot reach a method or an attribute of a host object.
    try:
        value: Any = outputs[path.step]
        if value is None:
            return None
        for depth, key in enumerate(path.keys):
            if value is None and depth == 1:
                return None  # a port that stayed silent in this run reads null, however deep one looks
            kind = type(value)
            if not (kind is dict and type(key) is str) and not (kind in (list, str) and type(key) is int):
                raise LookupError
            value = value[key]
    except LookupError:
        raise _lost(path, outputs) from None
    return value


def _split(text: str) -> Iterator[str | Path | Code]:
    plain: list[str] = []  # literal text since the last expression
    at = 0
    while opening := _OPENING.search(text, at):
        slashes = len(opening[1])
        plain.append(text[at : opening.start()] + "\\" * (slashes // 2))
        at = opening.end()
        if slashes % 2:
            plain.append("{{")
            continue
        end = _closing(text, at)
        if before := "".join(plain):
            yield before
        plain.clear()
        yield _expression(text[at:end].strip())
        at = end + 2
    if rest := "".join(plain) + text[at:]:
        yield rest


def _closing(text: str, start: int) -> int:
    """Where the `}}` of an expression stands; braces and quotes inside the expression are balanced first."""
    depth, at = 0, start
    while piece := _PIECE.match(text, at):
        if piece[0] == "{":
            depth += 1
        elif piece[0] == "}" and depth:
            depth -= 1
        elif piece[0] == "}" and text.startswith("}}", at):
            return at
        at = piece.end()
    raise ExpressionError(
        "An expression is opened with `{{` and never closed",
        text[start:].strip(),
        r"Close it with `}}` and check its quotes and braces; for the characters themselves write `\{{`.",
    )


def _expression(source: str) -> Path | Code:
    if not source:
        raise ExpressionError("An expression is empty", source, "Name a step's output, such as `{{ start.message }}`.")
    if len(source) > LONGEST:
        raise ExpressionError(
            f"An expression has {len(source):,} characters; {LONGEST:,} is the most",
            source,
            "Compute it in several steps.",
        )
    return _path(source) or Code(source, *compile_program(source))


def _path(source: str) -> Path | None:
    root = _ROOT.match(source)
    if root is None or root[0] in _LITERALS:
        return None
    keys: list[Key] = []
    at = root.end()
    while key := _KEY.match(source, at):
        name, index, double, single = key.groups()
        keys.append(int(index) if index else next(word for word in (name, double, single) if word is not None))
        at = key.end()
    return Path(root[0], tuple(keys), source) if at == len(source) else None


def _compile(value: Any) -> Any:
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, list | tuple):
        items = tuple(map(_compile, value))
        return ListTemplate(items) if any(map(is_template, items)) else list(items)
    if isinstance(value, Mapping):
        fields = tuple((key, _compile(item)) for key, item in value.items())
        return ObjectTemplate(fields) if any(is_template(item) for _, item in fields) else dict(fields)
    return value


def _expressions(compiled: Any) -> Iterator[Path | Code]:
    if isinstance(compiled, Path | Code):
        yield compiled
    elif isinstance(compiled, Text):
        yield from (part for part in compiled.parts if not isinstance(part, str))
    elif isinstance(compiled, ListTemplate):
        for item in compiled.items:
            yield from _expressions(item)
    elif isinstance(compiled, ObjectTemplate):
        for _, item in compiled.fields:
            yield from _expressions(item)


def _lost(path: Path, outputs: Mapping[str, dict[str, Any] | None]) -> AuthorError:
    where = shown(path.source)
    if path.step not in outputs:
        return AuthorError(f"There is no step `{shorten(path.step)}`", where, "Use the id of a step before this one.")
    return AuthorError(missing(path.step, path.keys, outputs), where, "Correct the expression, or the step it reads.")


def missing(step: str, keys: Sequence[Key], outputs: Mapping[str, dict[str, Any] | None]) -> str:
    """A sentence on why the keys lead nowhere from a step's outputs; empty when they lead to a value."""
    value: Any = outputs[step]
    place = step
    for key in keys:
        name = f"`{shorten(str(key), 40)}`"
        if type(value) is dict and key not in value:
            return f"`{place}` has no {name}; it has: {keys_of(value)}"
        if type(value) is list and type(key) is str:
            return f"`{place}` is a list, so it has no {name}; take an entry first, such as `{place}[0]`"
        if type(value) is list and not -len(value) <= int(key) < len(value):
            count = "1 entry" if len(value) == 1 else f"{len(value)} entries"
            return f"`{place}` has {count}, so there is no entry {key}"
        if type(value) is str and type(key) is int:
            if -len(value) <= key < len(value):
                value, place = value[key], place + entry(key)
                continue
            return f"`{place}` is a text of {len(value)} characters, so there is no character {key}"
        if type(value) not in (dict, list):
            skipped = ", because that step was skipped" if place == step else ""
            return f"`{place}` is {describe(value)}{skipped}, so it has no {name}"
        value = value[key]
        place += entry(key)
    return ""


def keys_of(known: Collection[str]) -> str:
    """The keys of an object in a message, the first twelve."""
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return ", ".join(shorten(each, 40) for each in islice(known, 12)) + more or "nothing"


def entry(key: Key) -> str:
    """How an entry of a list or an object is written behind it: `[0]`, `.name`."""
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
