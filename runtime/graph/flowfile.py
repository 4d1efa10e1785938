"""Flow files: YAML or JSON text to a Flow and back, with a precise list of problems and never a trace."""

import json
import re
from typing import Any, cast

import yaml
from pydantic import ValidationError

from runtime.graph.flow import FORMAT, MAX_STEPS, Flow
from runtime.graph.problems import Problem
from runtime.graph.values import describe

MAX_BYTES = 10_000_000
MAX_DEPTH = 64

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(text: str | bytes) -> tuple[Flow | None, list[Problem]]:
    """A flow from the text of a file, or None and what is wrong with it. Runs nothing of the flow."""
    raw, problems = _parse(text)
    return (None, problems) if problems else from_document(raw)


def from_document(raw: Any) -> tuple[Flow | None, list[Problem]]:
    """A flow from plain dicts and lists, or None and what is wrong with them."""
    if not isinstance(raw, dict):
        return None, [Problem("not_a_flow", params={"found": describe(raw)})]
    found = raw.get("canevas")
    if found is None:
        return None, [Problem("no_format")]
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        return None, [Problem("bad_document", params={"place": "canevas", "detail": "the format is a whole number"})]
    if found > FORMAT:
        return None, [Problem("newer_format", params={"found": found, "known": FORMAT})]
    steps = raw.get("steps")
    if isinstance(steps, dict) and len(steps) > MAX_STEPS:
        return None, [Problem("too_many_steps", params={"count": len(steps), "limit": MAX_STEPS})]
    try:
        return Flow.model_validate(raw), []
    except ValidationError as error:
        return None, [_of_validation(detail) for detail in error.errors(include_url=False)]


def _of_validation(detail: Any) -> Problem:
    # A union in the model adds names of its own to the place; people look for the names that stand in the file.
    place = [str(part) for part in detail["loc"] if not (isinstance(part, str) and ("[" in part or part == "Default"))]
    step = place[1] if len(place) > 1 and place[0] == "steps" else ""
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    return Problem(
        "bad_document",
        step=step,
        params={"place": ".".join(place) or "flow", "detail": message[:300]},
    )


def _parse(text: str | bytes) -> tuple[Any, list[Problem]]:
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None, [Problem("not_text")]
    if len(text) > MAX_BYTES:
        return None, [Problem("too_large", params={"size": len(text), "limit": MAX_BYTES})]
    try:
        problem = _survey(text)
        if problem is not None:
            return None, [problem]
        return yaml.load(text, Loader=_FlowLoader), []  # noqa: S506 (a SafeLoader)
    except _DuplicateKey as error:
        return None, [Problem("duplicate_key", params={"line": error.line, "key": error.key})]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        return None, [Problem("not_yaml", params={"line": line, "detail": str(error.problem or error.context)})]
    except (yaml.YAMLError, ValueError) as error:
        return None, [Problem("not_yaml", params={"line": 1, "detail": str(error).splitlines()[0][:200]})]


def _survey(text: str) -> Problem | None:
    """Depth and aliases, from the event stream: composing a hostile file would recurse or explode."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return Problem("alias", params={"line": line})
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return Problem("too_deep", params={"limit": MAX_DEPTH, "line": line})
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


class _DuplicateKey(Exception):
    def __init__(self, key: str, line: int) -> None:
        super().__init__(key)
        self.key, self.line = key, line


class _FlowLoader(_Loader):  # type: ignore[misc]
    """YAML's JSON core and no more: `no` is a text, dates are texts, keys are texts and stand once."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise _DuplicateKey(name, key.start_mark.line + 1)
            seen.add(name)
        made = cast(dict[Any, Any], super().construct_mapping(node, deep=deep))
        return {key if isinstance(key, str) else _key_text(key): value for key, value in made.items()}


def _key_text(key: Any) -> str:
    return json.dumps(key) if isinstance(key, (bool, int, float)) or key is None else str(key)


def _core_schema() -> None:
    for tag, pattern, first in (
        ("null", r"~|null|", ["~", "n", ""]),
        ("bool", r"true|false", ["t", "f"]),
        ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
        ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
    ):
        for letter in first:
            rule = (f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"))
            _FlowLoader.yaml_implicit_resolvers.setdefault(letter, []).append(rule)
        # The dumper must quote a text that this loader would take for a number, such as 1e5.
        _FlowDumper.add_implicit_resolver(*rule, first)


class _FlowDumper(_Dumper):  # type: ignore[misc]
    """Block style, texts of several lines as blocks, positions on one line."""


def _represent_text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text and not any(line.endswith((" ", "\t")) for line in text.split("\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_list(dumper: Any, items: list[Any]) -> Any:
    short = len(items) <= 4 and all(type(item) in (int, float) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


_core_schema()
_FlowDumper.add_representer(str, _represent_text)
_FlowDumper.add_representer(list, _represent_list)


def write(flow: Flow) -> str:
    """The flow as YAML, in one fixed order: what it does first, where it stands on the canvas last."""
    document: dict[str, Any] = flow.model_dump(mode="json")
    head: dict[str, Any] = {key: document.pop(key) for key in ("canevas", "name", "description") if key in document}
    parts: list[dict[str, Any]] = [head, *({key: value} for key, value in document.items())]
    return "\n".join(_dump(part) for part in parts if part)


def _dump(part: dict[str, Any]) -> str:
    return yaml.dump(
        _whole_numbers(part),
        Dumper=_FlowDumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=False,
    )


def _whole_numbers(value: Any) -> Any:
    """Positions come from the browser as floats; 320.0 reads better as 320."""
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
