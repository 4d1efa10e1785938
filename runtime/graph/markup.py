"""Plain values as YAML or JSON text and back: the JSON core of YAML and no more, with the line of what is wrong."""

import json
import math
import re
from typing import Any

import yaml

from runtime.graph.problems import Problem
from runtime.graph.program import shorten

MAX_BYTES = 10_000_000
MAX_VALUES = 500_000
MAX_DEPTH = 64  # lists and objects in one another

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# What a word without quotes stands for; every other word is a text: `no`, `2026-11-21` and `.inf` too.
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")


class Unreadable(ValueError):
    """A text that holds no plain value. problem: why, and at which line."""

    def __init__(self, code: str, **params: str | int) -> None:
        self.problem = Problem(code, params=params)
        super().__init__(self.problem.what)


def parse(text: str | bytes) -> Any:
    """The plain value of a YAML or JSON text. Raises Unreadable."""
    if len(text) > MAX_BYTES:
        raise Unreadable("too_large", size=len(text), limit=MAX_BYTES)
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        made = _of_json(text)
        return _of_yaml(text) if made is None else made
    except UnicodeError:
        raise Unreadable("not_text") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise _wrong(line, str(error.problem or error.context)) from None
    except yaml.YAMLError as error:
        raise _wrong(1, str(error)) from None


def _wrong(line: int, detail: str) -> Unreadable:
    return Unreadable("not_yaml", line=line, detail=shorten(detail, 200))


def _of_json(text: str) -> dict[str, Any] | None:
    """The object in a JSON text, which YAML only nearly contains; None when YAML's reader is the one to judge it."""
    try:
        return json.loads(text, object_pairs_hook=_once) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made


def _of_yaml(text: str) -> Any:
    # From the events and not by a YAML loader: composing a hostile file would recurse or explode.
    builder = _Builder()
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.NodeEvent):
            builder.add(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            builder.close()
    return builder.documents[0] if builder.documents else None


class _Builder:
    """Plain values from YAML events. opened: from the outside in; keys: for each, the key whose value comes next."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self.opened: list[Any] = [self.documents]
        self.keys: list[str | None] = [None]
        self.values = 0

    def add(self, event: Any) -> None:
        """A scalar, or the beginning of a list or of an object."""
        line = event.start_mark.line + 1
        self._refuse(event, line)
        inside = self.opened[-1]
        if type(inside) is dict and self.keys[-1] is None:
            self.keys[-1] = _key(event, inside, line)
            return
        value = _scalar(event, line) if isinstance(event, yaml.ScalarEvent) else _empty(event)
        if type(inside) is list:
            inside.append(value)
        else:
            inside[self.keys[-1]] = value
            self.keys[-1] = None
        if not isinstance(event, yaml.ScalarEvent):
            self.opened.append(value)
            self.keys.append(None)

    def close(self) -> None:
        """The end of a list or of an object."""
        self.opened.pop()
        self.keys.pop()

    def _refuse(self, event: Any, line: int) -> None:
        """What plain values do not have, and what no flow needs that many of."""
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise Unreadable("alias", line=line)
        if event.tag is not None:
            raise Unreadable("tag", line=line, tag=shorten(event.tag.replace("tag:yaml.org,2002:", "!!")))
        if len(self.opened) > MAX_DEPTH and not isinstance(event, yaml.ScalarEvent):
            raise Unreadable("too_deep", line=line, limit=MAX_DEPTH)
        if self.opened[-1] is self.documents and self.documents:
            raise _wrong(line, "a second document begins")
        self.values += 1
        if self.values > MAX_VALUES:
            raise Unreadable("too_many_values", limit=MAX_VALUES)


def _key(event: Any, inside: dict[str, Any], line: int) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise _wrong(line, "a key is a text")
    key: str = event.value
    if key in inside:
        raise Unreadable("duplicate_key", line=line, key=shorten(key))
    return key


def _empty(event: Any) -> list[Any] | dict[str, Any]:
    return [] if isinstance(event, yaml.SequenceStartEvent) else {}


def _scalar(event: Any, line: int) -> Any:
    word: str = event.value
    if not event.implicit[0]:  # it stands in quotes or in a block
        return word
    if word in _WORDS:
        return _WORDS[word]
    if not _NUMBER.match(word):
        return word
    if _WHOLE.match(word) and len(word) <= 4_000:  # Python reads no more than 4,300 digits
        return int(word)
    value = float(word)
    if not math.isfinite(value):
        raise _wrong(line, f"the number {shorten(word, 20)} is too large; put quotes around it if it is a text")
    return value


class _PlainDumper(_Dumper):  # type: ignore[misc]
    """Block style, texts of several lines as blocks, positions on one line."""


def _represent_text(dumper: Any, text: str) -> Any:
    # As a block of lines where that reads well; blanks at the end of a line, or lines at the end, would not be seen.
    reads_well = "\n" in text.strip() and not text.endswith("\n\n")
    block = reads_well and all(line == line.rstrip() for line in text.split("\n"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


def _represent_list(dumper: Any, items: list[Any]) -> Any:
    short = len(items) <= 4 and all(type(item) in (int, float) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


_PlainDumper.add_representer(str, _represent_text)
_PlainDumper.add_representer(list, _represent_list)
# It must put quotes around a text that `parse` would take for a number, such as 1e5.
_PlainDumper.add_implicit_resolver("tag:yaml.org,2002:int", _WHOLE, list("-0123456789"))
_PlainDumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-0123456789"))


def dump(value: dict[str, Any]) -> str:
    """The value as YAML, in the order in which it is given; `parse` gives it back."""
    text: str = yaml.dump(
        _whole_numbers(value),
        Dumper=_PlainDumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=False,
    )
    return text


def _whole_numbers(value: Any) -> Any:
    """Positions come from the browser as floats; 320.0 reads better as 320."""
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
