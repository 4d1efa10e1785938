"""The interface as one ASGI application: pages, events and the gate before them, beside the public API."""

import base64
import hashlib
import os
import re
import sys
from pathlib import Path

from reflex.utils.precompressed_staticfiles import PrecompressedStaticFiles
from reflex_base.constants import Env
from reflex_base.environment import environment
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from builder.backend import Backend
from builder.build import ROOT, built
from builder.gate import Address, Gate, Sessions

_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


async def site(api: ASGIApp, sessions: Sessions, backend: Backend, address: Address) -> ASGIApp:
    """Everything one port answers: `/api` and `/answer` by the public API with its own keys, the rest by the interface.

    Builds the pages first when their sources changed. Raises: OperatorError when that fails.
    """
    folder = await built()
    os.chdir(ROOT)  # Reflex looks for its folders where the process stands
    sys.path.insert(0, str(ROOT))
    environment.REFLEX_ENV_MODE.set(Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    # Only now: importing the app makes Reflex read what was set above.
    from builder.app import app, guard

    guard.sessions, guard.backend = sessions, backend
    pages = PrecompressedStaticFiles(directory=folder, html=True, encodings=["gzip"], router=app.router)
    gate = Gate(_Interface(app(), pages), sessions, address, policy(folder))
    return _Outside(api, gate)


def policy(folder: Path) -> str:
    """The Content-Security-Policy of built pages: their own inline scripts by hash, and nothing foreign.

    Reflex can `eval` a script that the server sends; here it may not. Styles stay open, because React and Radix
    write them into elements.
    """
    pages = [page.read_text(encoding="utf-8") for page in sorted(folder.glob("*.html"))]
    scripts = {script for page in pages for script in _INLINE.findall(page)}
    hashes = sorted(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *(f"'sha256-{digest}'" for digest in hashes)]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class _Outside:
    """The public API and the interface side by side; Reflex puts its own CORS on whatever is inside it."""

    def __init__(self, api: ASGIApp, interface: ASGIApp) -> None:
        self._api, self._interface = api, interface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        inside = self._api if path == "/api" or path.startswith(("/api/", "/answer/")) else self._interface
        await inside(scope, receive, send)


class _Interface:
    """The pages from disk; events and the rest of Reflex's own routes from Reflex."""

    def __init__(self, reflex: ASGIApp, pages: ASGIApp) -> None:
        self._reflex, self._pages = reflex, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and not path.startswith("/_"):
            await self._pages(scope, receive, _with_cache(send, path))
        else:
            await self._reflex(scope, receive, send)


def _with_cache(send: Send, path: str) -> Send:
    # Bundled files carry a hash in their name; anything else may change with the next build.
    rule = "public, max-age=31536000, immutable" if path.startswith("/assets/") else "no-cache"

    async def with_cache(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["cache-control"] = rule
        await send(message)

    return with_cache
