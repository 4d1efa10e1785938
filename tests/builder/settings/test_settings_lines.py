"""The settings page: the Anthropic key by itself, names that can be, models that are there or on their way."""

import pytest

from builder.backend import Installed, Surroundings
from builder.language import french
from builder.settings.lines import anthropic_since, model_lines, secret_errors, secret_lines
from runtime.storage.secrets import SecretEntry

ENTRIES = [SecretEntry("anthropic", 1.0, 5.0), SecretEntry("weather", 2.0, 3.0)]


def test_the_anthropic_key_has_a_row_of_its_own() -> None:
    assert [line["name"] for line in secret_lines(ENTRIES)] == ["weather"]
    assert anthropic_since(ENTRIES) == 5.0
    assert anthropic_since(ENTRIES[1:]) == 0.0


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("weather_api", "x", set()),
        ("Weather-2.key", "x", set()),
        ("", "x", {"name"}),
        ("two words", "x", {"name"}),
        ("2fast", "x", {"name"}),
        ("x" * 101, "x", {"name"}),
        ("weather", "", {"value"}),
        ("", "", {"name", "value"}),
    ],
)
def test_names_and_values(name: str, value: str, wrong: set[str]) -> None:
    errors = secret_errors(name, value)
    assert set(errors) == wrong
    assert set(errors.values()) <= set(french())


@pytest.mark.parametrize(
    ("there", "fetching", "state"),
    [(True, False, "there"), (True, True, "there"), (False, True, "fetching"), (False, False, "missing")],
)
def test_models(there: bool, fetching: bool, state: str) -> None:
    models = tuple(Installed(role, "a-package", 32, there) for role in ("text", "embeddings"))
    lines = model_lines(Surroundings("/home/master.key", (), models, fetching))
    assert [line["state"] for line in lines] == [state] * 2
    assert {text for line in lines for text in (line["title"], line["said"])} <= set(french())
