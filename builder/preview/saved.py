"""A value of a run as a file, whole where a page shows how it begins; pure."""

import re
from typing import Any, NamedTuple

from builder.preview.inspected import in_full
from builder.preview.overlay import RunTrace


class File(NamedTuple):
    """What a browser saves. kind: its media type."""

    name: str
    text: str
    kind: str


def file_of(trace: RunTrace, step: str, side: str, name: str) -> File | None:
    """A value that a step got (`input`) or gave (`output`), under its name; None when there is none.

    step: its path; empty for what the run was given and what it answered.
    """
    values = _values(trace, step, side)
    if name not in values:
        return None
    value, stem = values[name], re.sub(r"\W+", "-", f"{step} {name}").strip("-")
    ending, kind = ("txt", "text/plain") if isinstance(value, str) else ("json", "application/json")
    return File(f"{stem}.{ending}", in_full(value), kind)


def _values(trace: RunTrace, step: str, side: str) -> dict[str, Any]:
    if not step:
        return trace.input if side == "input" else {"output": trace.output}
    found = trace.step(step)
    if found is None:
        return {}
    return found.input if side == "input" else found.output or {}
