"""The interface is complete in French: every text has an entry, and every entry has a text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from builder.language import CATALOGUE, french, translate

BUILDER = Path(__file__).parents[2] / "builder"
SAYS = {"t", "say", "_say"}  # functions whose first argument is an interface text
IN_SCRIPTS = re.compile(r"""\bt\(\s*"((?:[^"\\]|\\.)+)\"""")
BRACES = re.compile(r"\{\w+\}")


def said_in_python(path: Path) -> Iterator[str]:
    """The literals a file passes to `t` and its kin; an `action=("Undo", …)` names its button's text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SAYS and node.args:
            first = node.args[0]
            assert isinstance(first, ast.Constant), f"{path}:{node.lineno}: t() takes a literal; tr() takes the rest"
            yield first.value
            for keyword in node.keywords:
                if keyword.arg == "action" and isinstance(keyword.value, ast.Tuple):
                    yield keyword.value.elts[0].value  # type: ignore[attr-defined]


def scripts() -> list[Path]:
    return [path for path in BUILDER.rglob("*.js*") if path.name != "language.js"]


def said() -> set[str]:
    python = {text for path in BUILDER.rglob("*.py") if path.name != "language.py" for text in said_in_python(path)}
    return python | {text for path in scripts() for text in IN_SCRIPTS.findall(path.read_text(encoding="utf-8"))}


def interface() -> dict[str, str]:
    return yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["interface"]


def test_every_text_is_translated() -> None:
    assert said() - set(interface()) == set()


def test_no_translation_is_left_over() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in [*BUILDER.rglob("*.py"), *scripts()])
    # In a table of words rather than in `t(…)` itself, a text stands in quotes all the same.
    assert {text for text in set(interface()) - said() if f'"{text}"' not in sources} == set()


def test_translations_fill_the_same_braces() -> None:
    for english, text in french().items():
        assert sorted(BRACES.findall(english)) == sorted(BRACES.findall(text)), english


def test_no_key_stands_twice() -> None:
    """YAML would keep the last one silently."""
    keys = re.findall(
        r"""^  ("(?:[^"\\]|\\.)+"|(?! )(?!#).+?): """, CATALOGUE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Settings", "fr", "Réglages"),
        ("Settings", "en", "Settings"),
        ("Nobody translated this", "fr", "Nobody translated this"),
    ],
)
def test_translate(text: str, language: str, expected: str) -> None:
    assert translate(text, language) == expected


def test_translate_fills_braces() -> None:
    assert translate("{count} to mend", "fr", count=3) == "3 à corriger"
    assert translate("{count} to mend", "en", count=3) == "3 to mend"
