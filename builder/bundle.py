"""What the browser's bundle holds beyond what Reflex puts there, as a Reflex plugin."""

import json
from pathlib import Path
from typing import Any

from reflex.plugins import Plugin

from builder.theme import stylesheet

HERE = Path(__file__).parent

# The address that Reflex compiles into the bundle has a port; ours is served from whatever port is free.
_ASKED = "  const endpoint = new URL(url_str);\n"
_SAME_ORIGIN = """  if (typeof window !== "undefined" && import.meta.env.PROD) {
    const secure = window.location.protocol === "https:" ? "s" : "";
    endpoint.protocol = endpoint.protocol.replace(/s?:$/, `${secure}:`);
    endpoint.host = window.location.host;
    return endpoint;
  }
"""


class Bundle(Plugin):
    """Adds the tokens, every `*.css` file of the builder and the French catalogue; keeps events on one origin."""

    def get_stylesheet_paths(self, **context: Any) -> list[str]:
        return ["./tokens.css", *(f"./{name}" for name in _stylesheets())]

    def get_static_assets(self, **context: Any) -> list[tuple[Path, str | bytes]]:
        # Imported here: `language` creates Reflex variables, which need the config that is being read.
        from builder.language import catalogue

        return [
            (Path("styles/tokens.css"), stylesheet()),
            *((Path("styles") / name, path.read_text(encoding="utf-8")) for name, path in _stylesheets().items()),
            (Path("utils/french.json"), json.dumps(catalogue(), ensure_ascii=False)),
        ]

    def pre_compile(self, **context: Any) -> None:
        context["add_modify_task"]("utils/state.js", same_origin)


def same_origin(code: str) -> str:
    """Reflex's `state.js` with events sent to the page's own origin in a production build.

    Raises: ValueError when Reflex's file no longer has the line this stands on.
    """
    if _SAME_ORIGIN in code:
        return code
    if code.count(_ASKED) != 1:
        raise ValueError("Reflex's state.js has changed; builder/bundle.py must follow it")
    return code.replace(_ASKED, _ASKED + _SAME_ORIGIN)


def _stylesheets() -> dict[str, Path]:
    """The builder's stylesheets by the name they get in the bundle: `style/` first, so that a feature can differ."""
    found = sorted(HERE.rglob("*.css"), key=lambda path: (path.parent.name != "style", path))
    return {"-".join(path.relative_to(HERE).parts): path for path in found}
