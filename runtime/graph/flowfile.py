"""Flow files: YAML or JSON text to a Flow and back, with a precise list of problems and never a trace."""

from typing import Any

from pydantic import ValidationError

from runtime.graph.flow import FORMAT, MAX_STEPS, Flow
from runtime.graph.problems import Problem
from runtime.graph.program import shorten
from runtime.graph.validation import wrong
from runtime.graph.values import describe

MAX_PROBLEMS = 100  # of the document; whoever has more has another document in mind


def read(text: str | bytes) -> tuple[Flow | None, list[Problem]]:
    """A flow from the text of a file, or None and what is wrong with it. Runs nothing of the flow."""
    from runtime.graph import markup  # here, because YAML takes long to import and a server reads documents alone

    try:
        raw = markup.parse(text)
    except markup.Unreadable as error:
        return None, [error.problem]
    return from_document(raw)


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
        return None, [Problem("newer_format", params={"found": shorten(str(found), 20), "known": FORMAT})]
    steps = raw.get("steps")
    if isinstance(steps, dict) and len(steps) > MAX_STEPS:
        return None, [Problem("too_many_steps", params={"count": len(steps), "limit": MAX_STEPS})]
    try:
        return Flow.model_validate(raw), []
    except ValidationError as error:
        return None, [_of_validation(detail) for detail in error.errors(include_url=False)[:MAX_PROBLEMS]]


def _of_validation(detail: Any) -> Problem:
    # A union in the model adds names of its own to the place; people look for the names that stand in the file.
    place = [str(part) for part in detail["loc"] if not (isinstance(part, str) and ("[" in part or part == "Default"))]
    return Problem(
        "bad_document",
        step=shorten(place[1]) if len(place) > 1 and place[0] == "steps" else "",
        params={"place": shorten(".".join(place) or "flow", 200), "detail": shorten(wrong(detail), 300)},
    )


def write(flow: Flow) -> str:
    """The flow as YAML, in one fixed order: what it does first, where it stands on the canvas last."""
    from runtime.graph import markup

    document: dict[str, Any] = flow.model_dump(mode="json")
    head: dict[str, Any] = {key: document.pop(key) for key in ("canevas", "name", "description") if key in document}
    parts: list[dict[str, Any]] = [head, *({key: value} for key, value in document.items())]
    return "\n".join(markup.dump(part) for part in parts if part)
