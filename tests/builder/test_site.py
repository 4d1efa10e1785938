"""What is served: a policy that names every inline script, and a bundle that speaks to its own origin."""

import base64
import hashlib
from pathlib import Path

import pytest
import reflex_base

from builder.build import fingerprint
from builder.bundle import same_origin
from builder.site import policy

STATE_JS = Path(reflex_base.__file__).parent / ".templates" / "web" / "utils" / "state.js"


def test_the_policy_allows_the_pages_own_inline_scripts_and_no_others(tmp_path: Path) -> None:
    script = "window.first = 1;\nif (a < b) { c(); }"
    page = f'<head><script src="/choices.js"></script><script type="module" async="">{script}</script></head>'
    (tmp_path / "index.html").write_text(page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in policy(tmp_path).split("; "))
    assert rules["script-src"] == f"'self' 'sha256-{digest}'"
    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"


def test_events_go_to_the_pages_own_origin() -> None:
    """On the file of the installed Reflex, so that an update which changes it is seen here first."""
    code = STATE_JS.read_text()
    changed = same_origin(code)
    assert "endpoint.host = window.location.host;" in changed
    assert same_origin(changed) == changed
    with pytest.raises(ValueError, match="has changed"):
        same_origin(code.replace("new URL(url_str)", "new URL(address)"))


def test_the_fingerprint_is_that_of_the_sources() -> None:
    assert fingerprint() == fingerprint()
    assert len(fingerprint()) == 16
