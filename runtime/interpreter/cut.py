"""Steps that are not repeatable and were cut off in their middle: what a person is asked, and what an answer means."""

from dataclasses import asdict
from typing import Any

from runtime.errors import AuthorError
from runtime.graph.node import Request
from runtime.interpreter.progress import CUT


class CutOff(AuthorError):
    """Nobody knows whether a step has done its work, and a person said that it counts as failed."""

    def __init__(self, path: str) -> None:
        super().__init__(
            "The step was cut off in its middle, and somebody decided that it has failed",
            path,
            "See whether it had its effect, then repeat the run from there.",
        )


def question(path: str) -> dict[str, Any]:
    """What a person is asked about the step at a path."""
    choices = [
        {"const": "again", "title": "Run it again"},
        {"const": "done", "title": "It was done; go on with the output below"},
        {"const": "fail", "title": "It failed"},
    ]
    output = {"type": "object", "title": "Output", "description": "What the step gave: a value a port."}
    request = Request(
        title=f"Was `{path}` done?",
        text="The process that ran this step died in its middle, and the step may not run twice. "
        "See whether it had its effect, then say how to go on.",
        schema={
            "type": "object",
            "properties": {"choice": {"type": "string", "oneOf": choices}, "output": output},
            "required": ["choice"],
            "additionalProperties": False,
        },
    )
    return {**asdict(request), CUT: True}
