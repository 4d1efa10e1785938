"""Who comes in: the ASGI application around the interface that knows hosts, origins and sessions."""

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from builder.sign_in import sign_in_page

COOKIE = "canevas_session"
SIGN_IN = "/sign-in"
_KEEP_SIGNED_IN = 30 * 24 * 3600  # seconds; the store may end a session sooner
_SAFE = {"GET", "HEAD", "OPTIONS"}
# What the build puts beside its pages: the product's own code and faces, the same for everybody.
_PUBLIC = {".css", ".ico", ".js", ".mjs", ".png", ".svg", ".webmanifest", ".woff2"}
_SIGNED_OUT = 4401  # the websocket's close code


class Person(Protocol):
    """Somebody who is signed in."""

    @property
    def id(self) -> str: ...
    @property
    def workspace(self) -> str: ...
    @property
    def name(self) -> str: ...


class Sessions(Protocol):
    """Where sessions are kept; every answer is asked for anew, so that an ended session ends at once."""

    async def redeem(self, token: str) -> str | None:
        """A session for a one-time token, which is spent by this; None when it is unknown, spent or too old."""

    async def who(self, session: str) -> Person | None:
        """Whose session that is; None when it is unknown or has ended."""

    async def end(self, session: str) -> None:
        """End a session; ending it twice is no error."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the product listens, and the address people use when a proxy stands in front (or empty)."""

    host: str
    port: int
    public_url: str = ""

    @property
    def url(self) -> str:
        """The address to open in a browser, without a slash at its end."""
        if self.public_url:
            return self.public_url
        # A browser cannot open "every interface"; an IPv6 address wants brackets.
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return (
            f"http://[{host}]:{self.port}"
            if ":" in host.strip("[]") and "[" not in host
            else f"http://{host}:{self.port}"
        )

    @property
    def secure(self) -> bool:
        """Whether people come by https."""
        return self.public_url.startswith("https://")

    def knows(self, host: str) -> bool:
        """Is this Host header one of ours? Other names are refused: a foreign page could point its own name here.

        A plain IP address is always right, since no name was resolved to get to it.
        """
        name = urlsplit(f"//{host}").hostname or ""
        if name in {"localhost", self.host, urlsplit(self.public_url).hostname}:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def same(self, origin: str, host: str) -> bool:
        """Does a page of this origin belong to us, when it asked by this Host header?"""
        site = urlsplit(origin)
        return site.scheme in {"http", "https"} and (site.netloc == host or origin == self.public_url)


class Gate:
    """Lets a signed-in person's requests through to `inside`, and nobody else's.

    policy: the Content-Security-Policy of every answer. home: where `/enter` leads.
    """

    def __init__(self, inside: ASGIApp, sessions: Sessions, address: Address, policy: str, home: str = "/") -> None:
        self._inside, self._sessions, self._address, self._home = inside, sessions, address, home
        self._headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            # Not `no-referrer`: with it a form of our own would say that its origin is `null`.
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), payment=(), usb=()",
        }
        self._own: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/enter"): self._enter,
            ("GET", SIGN_IN): self._sign_in,
            ("POST", "/leave"): self._leave,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._inside(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = self._refusal(request)
        if answer is None and (own := self._own.get((request.method, request.url.path))):
            answer = await own(request)
        if answer is None and not _public(request) and await self._person(request.headers) is None:
            answer = _to_sign_in(request)
        await (answer or self._inside)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if not self._address.knows(request.headers.get("host", "")):
            return PlainTextResponse(
                "This address is not one of Canevas. Set CANEVAS_PUBLIC_URL to the address you use.", 421
            )
        if request.method not in _SAFE and not self._from_us(request.headers):
            return PlainTextResponse("This request came from another site.", 403)
        return None

    def _from_us(self, headers: Headers) -> bool:
        return self._address.same(headers.get("origin", ""), headers.get("host", ""))

    async def _person(self, headers: Headers) -> Person | None:
        session = session_in(headers.get("cookie", ""))
        return await self._sessions.who(session) if session else None

    async def _enter(self, request: Request) -> Response:
        session = await self._sessions.redeem(request.query_params.get("token", ""))
        if session is None:
            return HTMLResponse(sign_in_page(request.headers.get("accept-language", ""), spent=True), 401)
        answer = RedirectResponse(self._home, 303, {"cache-control": "no-store"})
        secure = self._address.secure or request.url.scheme == "https"
        answer.set_cookie(COOKIE, session, _KEEP_SIGNED_IN, httponly=True, samesite="lax", secure=secure)
        return answer

    async def _sign_in(self, request: Request) -> Response:
        return HTMLResponse(sign_in_page(request.headers.get("accept-language", "")))

    async def _leave(self, request: Request) -> Response:
        await self._sessions.end(session_in(request.headers.get("cookie", "")))
        answer = RedirectResponse(SIGN_IN, 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        session = session_in(headers.get("cookie", ""))
        person = await self._sessions.who(session) if session else None
        if person is None or not self._address.knows(headers.get("host", "")) or not self._from_us(headers):
            await send({"type": "websocket.close", "code": _SIGNED_OUT})
            return
        wire = _Wire(receive, send, lambda: self._sessions.who(session))
        await self._inside(_inside_scope(scope, person), wire.receive, wire.send)

    def _with_headers(self, send: Send) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        return with_headers


class _Wire:
    """A websocket that closes at the first message after its session ended."""

    def __init__(self, receive: Receive, send: Send, who: Callable[[], Awaitable[Person | None]]) -> None:
        self._receive, self._send, self._who = receive, send, who
        self._closed = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive" and await self._who() is None:
            await self.send({"type": "websocket.close", "code": _SIGNED_OUT})
            self._closed = True
            return {"type": "websocket.disconnect", "code": _SIGNED_OUT}
        return message

    async def send(self, message: Message) -> None:
        # What the application still says after we closed has no reader.
        if not self._closed:
            await self._send(message)


def session_in(cookie: str) -> str:
    """The session in a Cookie header, or an empty text."""
    return cookie_parser(cookie).get(COOKIE, "")


def _public(request: Request) -> bool:
    path = request.url.path
    # Reflex's own routes begin with an underscore; uploads among them are nobody else's business.
    return request.method in _SAFE and not path.startswith("/_") and PurePosixPath(path).suffix in _PUBLIC


def _to_sign_in(request: Request) -> Response:
    if request.method in {"GET", "HEAD"}:
        return RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
    return PlainTextResponse("Sign in first.", 401)


def _inside_scope(scope: Scope, person: Person) -> Scope:
    """The handshake as Reflex sees it.

    Its client token names the state it keeps for a tab, and lives in the tab: with the person in it, whoever
    signs in next in the same tab does not find the state of the one before. The origin was compared here.
    """
    query = [
        (name, f"{person.id}.{value}" if name == "token" else value)
        for name, value in parse_qsl(scope["query_string"].decode())
    ]
    headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
    return {**scope, "query_string": urlencode(query).encode(), "headers": headers}
