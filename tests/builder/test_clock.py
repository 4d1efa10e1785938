"""Moments and durations as people read them, on the JavaScript itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CLOCK = Path(__file__).parents[2] / "builder" / "clock.js"
NOW = 1_795_263_000  # a Saturday, 12:10 UTC
HOUR, DAY = 3600, 86_400


def said(expression: str) -> Any:
    """The value of an expression over the module, in UTC."""
    script = f"import * as clock from {json.dumps(str(CLOCK))}; console.log(JSON.stringify({expression}))"
    bun = Path(sys.executable).parent / "bun"
    found = subprocess.run([bun, "-e", script], env={"TZ": "UTC"}, capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_moments() -> None:
    cases = [
        (0, "en", "now"),
        (59, "fr", "maintenant"),
        (60, "en", "1 minute ago"),
        (5 * 60, "fr", "il y a 5 minutes"),
        (HOUR, "en", "1 hour ago"),
        (23 * HOUR, "fr", "il y a 23 heures"),
        (DAY, "en", "yesterday"),
        (DAY, "fr", "hier"),
        (30 * HOUR, "en", "yesterday"),
        (3 * DAY, "en", "3 days ago"),
        (40 * DAY, "en-GB", "12 Oct 2026"),
        (40 * DAY, "fr", "12 oct. 2026"),
        (-5, "en", "now"),
    ]
    asked = [f"clock.relative({NOW - ago}, {NOW}, {json.dumps(locale)})" for ago, locale, _ in cases]
    assert [plain(text) for text in said(f"[{', '.join(asked)}]")] == [text for _, _, text in cases]


def test_a_moment_on_the_clock_of_a_zone() -> None:
    cases = [
        ("en-GB", "Europe/Paris", "Sat 21 Nov, 13:10"),
        ("fr", "America/New_York", "sam. 21 nov., 07:10"),
        ("en-GB", "Nowhere/Else", "Sat 21 Nov, 12:10 UTC"),
    ]
    asked = [f"clock.onClock({NOW}, {json.dumps(locale)}, {json.dumps(zone)})" for locale, zone, _ in cases]
    told = [plain(text).replace("Sat,", "Sat").replace(" at ", ", ") for text in said(f"[{', '.join(asked)}]")]
    assert told == [text for _, _, text in cases]


def test_durations() -> None:
    cases = [
        (0, "en", "< 0.1 ms"),
        (0.42, "en", "0.4 ms"),
        (0.42, "fr", "0,4 ms"),
        (840, "en", "840 ms"),
        (999.6, "en", "1 s"),
        (2_430, "fr", "2,4 s"),
        (59_960, "en", "1 min"),
        (185_000, "en", "3 min 5 s"),
        (7_500_000, "en", "2 h 5 min"),
    ]
    asked = [f"clock.duration({ms}, {json.dumps(locale)})" for ms, locale, _ in cases]
    assert [plain(text) for text in said(f"[{', '.join(asked)}]")] == [text for _, _, text in cases]


@pytest.mark.parametrize(
    ("language", "preferred", "locale"),
    [("en", ["fr-FR", "en-GB"], "en-GB"), ("fr", ["fr-CA"], "fr-CA"), ("fr", ["en-US"], "fr"), ("en", [], "en")],
)
def test_the_readers_own_variety_of_a_language(language: str, preferred: list[str], locale: str) -> None:
    assert said(f"clock.localeOf({json.dumps(language)}, {json.dumps(preferred)})") == locale
