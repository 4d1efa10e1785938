"""Another value for what a step gave, as a person writes it; pure."""

import json
from collections.abc import Collection
from typing import Any


def to_edit(output: dict[str, Any] | None, ports: Collection[str]) -> str:
    """What a step gave, to be edited: a value by output. output: None when it gave nothing; ports: its outputs."""
    given = output if output is not None else dict.fromkeys(ports)
    return json.dumps(given, ensure_ascii=False, indent=2)


def edited(text: str, ports: Collection[str]) -> tuple[dict[str, Any], str, dict[str, str]]:
    """The value that a person wrote, and what is wrong with it: an English template with its values, or an empty text.

    ports: the outputs of the step; empty when nobody knows them.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        return {}, "This is no JSON; look at line {line}.", {"line": str(line)}
    except RecursionError:
        return {}, "This is no JSON; look at line {line}.", {"line": "1"}
    if not isinstance(value, dict):
        return {}, "Write an object with a value for each output.", {}
    unknown = [name for name in value if ports and name not in ports]
    if unknown:
        return {}, "This step has no output `{name}`; it has {known}.", {"name": unknown[0], "known": ", ".join(ports)}
    return value, "", {}


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and the like are no JSON
