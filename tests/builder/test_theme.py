"""Every theme reaches WCAG AAA where it can be measured, and nothing paints past the tokens."""

import re
from pathlib import Path
from typing import get_args

import pytest

from builder.theme import CONTROL, KINDS, SHARED, STATES, TEXT, THEMES, contrast, readable
from runtime.graph.node import Group

BUILDER = Path(__file__).parents[2] / "builder"
SOFT = [f"{name}-soft" for name in (*STATES, *(f"kind-{kind}" for kind in KINDS))]


@pytest.fixture(params=sorted(THEMES))
def tokens(request: pytest.FixtureRequest) -> dict[str, str]:
    return THEMES[request.param].tokens()


def test_text_is_readable_on_every_surface(tokens: dict[str, str]) -> None:
    surfaces = [tokens[f"bg-{n}"] for n in (1, 2, 3)]
    for name in ("text-1", "text-2", "link", *(f"{state}-text" for state in STATES)):
        for surface in surfaces:
            assert contrast(tokens[name], surface) >= TEXT, (name, surface)
    for soft in SOFT:
        for name in ("text-1", "text-2", soft.replace("-soft", "-text")):
            assert contrast(tokens[name], tokens[soft]) >= TEXT, (name, soft)


def test_text_on_filled_things_is_readable(tokens: dict[str, str]) -> None:
    for text, ground in (("on-fill", "fill"), ("on-fill", "fill-hover"), ("on-selected", "selected")):
        assert contrast(tokens[text], tokens[ground]) >= TEXT, (text, ground)


def test_controls_focus_and_accents_stand_out(tokens: dict[str, str]) -> None:
    for name in ("control", "focus", "fill", "fill-hover", *STATES, *(f"kind-{kind}" for kind in KINDS)):
        for n in (1, 2, 3):
            assert contrast(tokens[name], tokens[f"bg-{n}"]) >= CONTROL, (name, n)


def test_each_group_of_nodes_has_an_accent() -> None:
    assert set(KINDS) == set(get_args(Group))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#0066CC", "#FFFFFF") == pytest.approx(5.57, abs=0.01)
    assert contrast("#777777", "#777777") == pytest.approx(1)


def test_a_colour_that_passes_stays_and_one_that_cannot_is_refused() -> None:
    assert readable("#FFFFFF", ["#000000"], TEXT) == "#FFFFFF"
    with pytest.raises(ValueError, match="no shade"):
        readable("#0066CC", ["#FFFFFF", "#000000"], TEXT)


def test_the_interface_names_tokens_and_no_colours() -> None:
    """A hex value outside theme.py would not change with the theme; an unknown property would paint nothing."""
    known = {*SHARED, *THEMES["dark"].tokens()}
    sheets = {
        path: re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for path in BUILDER.rglob("*.css")
    }
    own = {name for css in sheets.values() for name in re.findall(r"(--[\w-]+)\s*:", css)}
    for path, css in sheets.items():
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", css), path
        used = set(re.findall(r"var\((--[\w-]+)", css))
        assert {name for name in used - own if name.removeprefix("--") not in known} == set(), path
    for path in BUILDER.rglob("*.py"):
        if path.name != "theme.py":
            assert not re.findall(r"[\"']#[0-9a-fA-F]{6}\b", path.read_text(encoding="utf-8")), path
