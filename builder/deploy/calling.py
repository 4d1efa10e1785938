"""The line that calls a deployed flow, with an example of its input; pure."""

import json
import shlex
from typing import Any

from builder.preview.inputs import StartForm

KEY_HIDDEN = "YOUR_KEY"
_EXAMPLES: dict[str, Any] = {"text": "Hello", "number": 1, "switch": True}


def curl(base: str, slug: str, form: StartForm, key: str) -> str:
    """A command line that works as pasted. key: its text, or nothing when it is not shown any more."""
    webhook = form["trigger"] == "webhook"
    address = f"{base}/api/flows/{slug}/{'webhook' if webhook else 'run'}"
    body = json.dumps(example(form), ensure_ascii=False)
    return " \\\n  ".join(
        (
            f"curl -X POST {shlex.quote(address)}",
            f"-H {shlex.quote(f'Authorization: Bearer {key or KEY_HIDDEN}')}",
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(body)}",
        )
    )


def example(form: StartForm) -> Any:
    """An input that the start takes."""
    if form["trigger"] == "chat":
        return {"message": "Hello"}
    if form["trigger"] == "webhook":
        return {"text": "Hello"}
    return {
        field["name"]: _EXAMPLES.get(field["widget"], json.loads(field["sample"]))
        for field in form["fields"]
        if field["required"]
    }
