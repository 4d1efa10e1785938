"""A real server around an ASGI application, and Reflex's own protocol spoken by hand."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect

from builder.gate import COOKIE
from tests.browser import Product, chromium, product
from tests.builder.furnished import Furnished, furnish
from tests.builder.sessions import MemorySessions


@pytest.fixture
def sessions() -> MemorySessions:
    return MemorySessions()


@pytest.fixture
async def serving() -> AsyncIterator[Callable[[ASGIApp], Any]]:
    """`await serving(app)` serves on a free port until the test ends and gives `host:port`."""
    async with contextlib.AsyncExitStack() as stack:

        async def serve(app: ASGIApp) -> str:
            config = uvicorn.Config(app, port=0, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server._serve())

            async def stop() -> None:
                server.should_exit = True
                await task

            stack.push_async_callback(stop)
            while not server.started:
                assert not task.done(), task
                await asyncio.sleep(0.01)
            return f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

        yield serve


@dataclass(frozen=True, slots=True)
class WorkedIn:
    """A running Canevas whose home holds what `furnish` puts there; its flows may call loopback addresses."""

    product: Product
    furnished: Furnished


@pytest.fixture(scope="session")
def worked_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkedIn]:
    home = tmp_path_factory.mktemp("worked-in")
    furnished = asyncio.run(furnish(home))
    with product(home, CANEVAS_ALLOWED_HOSTS="127.0.0.1", CANEVAS_WEIGHTS=str(home / "weights")) as started:
        yield WorkedIn(started, furnished)


# Not for the whole session: Playwright's loop would still run when pytest wants to run one of its own.
@pytest.fixture(scope="module")
def chrome(worked_in: WorkedIn) -> Iterator[BrowserContext]:
    """A browser of somebody signed in."""
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark", locale="en-GB")
        context.new_page().goto(worked_in.product.new_link())
        yield context


@pytest.fixture
def page(chrome: BrowserContext, worked_in: WorkedIn) -> Iterator[Page]:
    """A tab; what the browser complains of, such as a broken policy, fails the test."""
    tab = chrome.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield tab
    tab.close()
    assert [said for said in complaints if "404" not in said] == []


class Tab:
    """A browser tab's connection to Reflex: sends events, reads what comes back."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, name: str, payload: dict[str, Any] | None = None) -> None:
        event = {"name": name, "payload": payload or {}, "router_data": {"pathname": "/"}}
        await self.socket.send("42/_event," + json.dumps(["event", event]))

    async def update(self) -> dict[str, Any]:
        """The next update that Reflex sends; other frames (pings) are passed over."""
        async with asyncio.timeout(5):
            while True:
                frame = str(await self.socket.recv())
                if frame.startswith("42/_event,"):
                    kind, content = json.loads(frame.removeprefix("42/_event,"))
                    if kind == "event":
                        return content


@contextlib.asynccontextmanager
async def tab(host: str, session: str = "", *, token: str = "the-tab", origin: str | None = "") -> AsyncIterator[Tab]:
    """Connect as a tab does. origin: empty for the server's own, None for no header at all."""
    url = f"ws://{host}/_event/?EIO=4&transport=websocket&token={token}"
    headers = {"cookie": f"{COOKIE}={session}"} if session else {}
    async with connect(url, additional_headers=headers, origin=f"http://{host}" if origin == "" else origin) as socket:  # type: ignore[arg-type]
        assert str(await socket.recv()).startswith("0{")
        await socket.send("40/_event,{}")
        assert str(await socket.recv()).startswith("40/_event")
        yield Tab(socket)
