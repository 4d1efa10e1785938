"""What the settings page shows of secrets and built-in models; pure."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from builder.backend import Surroundings
    from runtime.storage.secrets import SecretEntry

ANTHROPIC = "anthropic"  # the secret by which Claude answers
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}\Z")
# What a model is for: English texts of the catalogue.
_ROLES = {
    "text": ("Text (demo model)", "Writes free text without any key. Small, fluent, often wrong."),
    "embeddings": (
        "Meaning (embeddings)",
        "Compares texts by what they mean, for Classify and Find in FAQ.",
    ),
}


class SecretLine(TypedDict):
    """One secret. updated: seconds since the epoch."""

    name: str
    updated: float


class ModelLine(TypedDict):
    """One built-in model. title, said: English texts of the catalogue. state: there, fetching or missing."""

    package: str
    title: str
    said: str
    megabytes: int
    state: str


def secret_lines(entries: "Iterable[SecretEntry]") -> list[SecretLine]:
    """The secrets but the Anthropic key, which has its own row."""
    return [SecretLine(name=entry.name, updated=entry.updated) for entry in entries if entry.name != ANTHROPIC]


def anthropic_since(entries: "Iterable[SecretEntry]") -> float:
    """When the Anthropic key was set, in seconds since the epoch; 0 when there is none."""
    return next((entry.updated for entry in entries if entry.name == ANTHROPIC), 0.0)


def secret_errors(name: str, value: str) -> dict[str, str]:
    """What is wrong with a secret that is to be kept, English texts by field; empty when nothing is."""
    errors = {}
    if not _NAME.match(name):
        errors["name"] = "Begin with a letter; then letters, digits, _, . and - (at most 100)."
    if not value:
        errors["value"] = "A secret needs a value."
    return errors


def model_lines(around: "Surroundings") -> list[ModelLine]:
    """The built-in models and whether they can be used."""
    lines = []
    for model in around.models:
        title, said = _ROLES[model.role]
        state = "there" if model.there else "fetching" if around.fetching else "missing"
        lines.append(ModelLine(package=model.package, title=title, said=said, megabytes=model.megabytes, state=state))
    return lines
