"""Nobody comes in without a session: over HTTP, over the websocket, and past both into Reflex itself."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from reflex_base.constants import Env
from reflex_base.environment import environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from builder.app import app, guard
from builder.backend import Backend
from builder.gate import COOKIE, Address, Gate
from nodes.catalog import builtin
from runtime.assembly import open_runtime
from runtime.settings import Settings
from tests.builder.conftest import tab
from tests.builder.sessions import MemorySessions, Owner

REFUSED = [{"name": "_redirect", "path": "/sign-in"}]


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"inside {request.url.path}")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        said = await socket.receive_text()
        await socket.send_text(f"{said} {socket.query_params['token']} {socket.headers.get('origin')}")


def inside() -> Starlette:
    return Starlette(routes=[WebSocketRoute("/_event", echo), Route("/{path:path}", page, methods=["GET", "POST"])])


def gate(sessions: MemorySessions, address: Address | None = None) -> Gate:
    return Gate(inside(), sessions, address or Address("127.0.0.1", 0), "default-src 'self'")


@pytest.fixture
async def host(serving: Callable[..., Any], sessions: MemorySessions) -> str:
    return await serving(gate(sessions))


def knock(host: str, session: str = "", origin: str | None = "") -> connect:
    """Open the websocket of `inside`. origin: empty for the server's own, None for no header at all."""
    headers = {"cookie": f"{COOKIE}={session}"} if session else {}
    own = f"http://{host}" if origin == "" else origin
    return connect(f"ws://{host}/_event?token=tab", additional_headers=headers, origin=own)  # type: ignore[arg-type]


def client(host: str, session: str = "") -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://{host}", cookies={COOKIE: session} if session else {})


# --- pages ---------------------------------------------------------------------------------------------------


async def test_a_link_signs_in_once(host: str, sessions: MemorySessions) -> None:
    link = f"/enter?token={sessions.invite()}"
    async with client(host) as browser:
        entered = await browser.get(link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"].lower()
        assert cookie.startswith(f"{COOKIE}=")
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie
        assert (await browser.get("/")).text == "inside /"
    async with client(host) as other:
        spent = await other.get(link)
        assert spent.status_code == 401
        assert "already used" in spent.text
        assert "set-cookie" not in spent.headers


async def test_behind_https_the_cookie_is_secure(serving: Callable[..., Any], sessions: MemorySessions) -> None:
    host = await serving(gate(sessions, Address("127.0.0.1", 0, "https://canevas.example")))
    async with client(host) as browser:
        entered = await browser.get(f"/enter?token={sessions.invite()}")
        assert "secure" in entered.headers["set-cookie"].lower()


@pytest.mark.parametrize("path", ["/", "/settings", "/_upload/secret.svg", "/_health", "/index.html", "/assets/x.txt"])
async def test_without_a_session_pages_lead_to_sign_in(host: str, path: str) -> None:
    for session in ("", "made-up"):
        async with client(host, session) as browser:
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("path", ["/assets/x.js", "/fonts/inter.woff2", "/logo.svg"])
async def test_what_everybody_may_have_needs_no_session(host: str, path: str) -> None:
    async with client(host) as browser:
        assert (await browser.get(path)).text == f"inside {path}"


async def test_the_sign_in_page_speaks_the_browsers_language(host: str) -> None:
    async with client(host) as browser:
        assert "Open the link" in (await browser.get("/sign-in")).text
        french = await browser.get("/sign-in", headers={"accept-language": "fr-FR,fr;q=0.9"})
        assert "Ouvrez le lien" in french.text
        assert '<html lang="fr">' in french.text


async def test_leaving_ends_the_session(host: str, sessions: MemorySessions) -> None:
    session = sessions.open()
    async with client(host, session) as browser:
        left = await browser.post("/leave", headers={"origin": f"http://{host}"})
        assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    assert await sessions.who(session) is None


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null", ""])
async def test_a_foreign_origin_changes_nothing(host: str, sessions: MemorySessions, origin: str) -> None:
    session = sessions.open()
    async with client(host, session) as browser:
        headers = {"origin": origin} if origin else {}
        assert (await browser.post("/leave", headers=headers)).status_code == 403
        assert (await browser.post("/anything", headers=headers)).status_code == 403
    assert await sessions.who(session) is not None


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("127.0.0.1:8300", True),
        ("localhost:9", True),
        ("[::1]:8300", True),
        ("192.168.1.7:8300", True),
        ("canevas.example", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
async def test_only_our_names_are_answered(name: str, known: bool) -> None:
    """Any other name could be a foreign site's, pointed at this machine."""
    assert Address("127.0.0.1", 8300, "https://canevas.example").knows(name) is known


async def test_a_foreign_name_is_refused_even_with_a_session(host: str, sessions: MemorySessions) -> None:
    async with client(host, sessions.open()) as browser:
        assert (await browser.get("/", headers={"host": "evil.example"})).status_code == 421


async def test_every_answer_carries_the_security_headers(host: str) -> None:
    async with client(host) as browser:
        for path in ("/", "/sign-in", "/logo.svg", "/enter?token=x"):
            headers = (await browser.get(path)).headers
            assert headers["content-security-policy"] == "default-src 'self'"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("127.0.0.1", 8300), "http://127.0.0.1:8300"),
        (Address("0.0.0.0", 8300), "http://127.0.0.1:8300"),
        (Address("::1", 8300), "http://[::1]:8300"),
        (Address("127.0.0.1", 8300, "https://canevas.example"), "https://canevas.example"),
    ],
)
def test_the_address_to_open(address: Address, url: str) -> None:
    assert address.url == url


# --- the websocket -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", ["", "made-up"])
async def test_the_handshake_needs_a_session(host: str, session: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await knock(host, session)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", None])
async def test_the_handshake_needs_our_origin(host: str, sessions: MemorySessions, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await knock(host, sessions.open(), origin)
    assert refused.value.response.status_code == 403


async def test_the_state_of_a_tab_belongs_to_a_person(host: str, sessions: MemorySessions) -> None:
    """Who signs in next in the same tab has its token, and must not find the state of the one before."""
    for person in (Owner("ada"), Owner("bob")):
        async with knock(host, sessions.open(person)) as ws:
            await ws.send("hello")
            assert await ws.recv() == f"hello {person.id}.tab None"


async def test_an_ended_session_closes_the_socket_at_the_next_message(host: str, sessions: MemorySessions) -> None:
    session = sessions.open()
    async with knock(host, session) as ws:
        await ws.send("one")
        assert str(await ws.recv()).startswith("one")
        await sessions.end(session)
        await ws.send("two")
        with pytest.raises(ConnectionClosed):
            await ws.recv()


# --- past the gate, into Reflex ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reflex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Reflex's own application, with no gate before it and no pages."""
    environment.REFLEX_WEB_WORKDIR.set(tmp_path_factory.mktemp("web"))
    environment.REFLEX_ENV_MODE.set(Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    yield app()
    for variable in (environment.REFLEX_WEB_WORKDIR, environment.REFLEX_ENV_MODE, environment.REFLEX_SKIP_COMPILE):
        variable.set(None)


@pytest.fixture
async def guarded(sessions: MemorySessions, tmp_path: Path) -> AsyncIterator[None]:
    """Reflex's application with sessions, and with a runtime for the handlers that they let through."""
    async with open_runtime(Settings(home=tmp_path, weights=tmp_path / "weights"), builtin()) as runtime:
        guard.sessions, guard.backend = sessions, Backend(runtime, "")
        yield
        guard.sessions = guard.backend = None


def handlers() -> list[str]:
    return sorted(app._registration_context.event_handlers)


def refused(update: dict[str, Any]) -> bool:
    """Nothing but the way to sign-in: no value of any state."""
    events = [{"name": event["name"], "path": event["payload"].get("path")} for event in update.get("events", [])]
    return events == REFUSED and not update.get("delta")


async def test_no_handler_runs_without_a_session(serving: Callable[..., Any], reflex: Any, guarded: None) -> None:
    host = await serving(reflex)
    assert any(name.endswith(".hydrate") for name in handlers())  # Reflex's own are among them
    assert any(name.endswith("shell.arrive") for name in handlers())
    for session in ("", "made-up"):
        async with tab(host, session, token=f"tab-{session}", origin=None) as browser:
            for name in handlers():
                await browser.send(name)
                assert refused(await browser.update()), name


async def test_no_handler_runs_before_the_sessions_are_there(serving: Callable[..., Any], reflex: Any) -> None:
    host = await serving(reflex)
    async with tab(host, "any", token="early", origin=None) as browser:
        for name in handlers():
            await browser.send(name)
            assert refused(await browser.update()), name


async def test_no_handler_runs_after_the_session_ended(
    serving: Callable[..., Any], reflex: Any, sessions: MemorySessions, guarded: None
) -> None:
    host = await serving(reflex)
    session = sessions.open(Owner(name="Ada"))
    async with tab(host, session, token="ending", origin=None) as browser:
        await browser.send("reflex___state____state.builder___shell____shell.arrive")
        seen = ""
        while "Ada" not in seen:
            seen += str(await browser.update())
        await sessions.end(session)
        for name in handlers():
            await browser.send(name)
            assert refused(await browser.update()), name


async def test_nobody_sets_variables_past_our_handlers(
    serving: Callable[..., Any], reflex: Any, sessions: MemorySessions, guarded: None
) -> None:
    host = await serving(reflex)
    async with tab(host, sessions.open(), token="setting", origin=None) as browser:
        for name in handlers():
            if name.endswith(".setvar"):
                await browser.send(name, {"var_name": "name", "value": "Mallory"})
                assert refused(await browser.update()), name


async def test_the_gate_lets_a_signed_in_tab_reach_reflex(
    serving: Callable[..., Any], reflex: Any, sessions: MemorySessions, guarded: None
) -> None:
    host = await serving(Gate(reflex, sessions, Address("127.0.0.1", 0), ""))
    session = sessions.open(Owner(name="Ada"))
    async with tab(host, session, token="through") as browser:
        await browser.send("reflex___state____state.builder___shell____shell.arrive")
        seen = ""
        while "Ada" not in seen:
            seen += str(await browser.update())
        assert session not in seen  # the cookie is HttpOnly, and Reflex does not hand it to the page either
        await sessions.end(session)
        await browser.send("reflex___state____state.builder___shell____shell.arrive")
        with pytest.raises(ConnectionClosed):
            while True:
                await browser.update()
