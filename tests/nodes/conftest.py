"""The real parts, a fake Anthropic and a small web server, for the tests of the nodes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from runtime.interpreter.services import Services
from tests.golden.services import services
from tests.outbound.conftest import Asked, Server, serve
from tests.wire.anthropic_server import AnthropicServer, anthropic_server, default_answer


@dataclass
class Website:
    """What the web server answers next, and where it is. headers: of the answer."""

    server: Server
    status: int = 200
    body: bytes = b'{"hello": "you"}'
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def asked(self) -> Asked:
        return self.server.asked[-1]

    def response(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Whatever", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@pytest_asyncio.fixture(loop_scope="module")
async def website() -> AsyncIterator[Website]:
    site: Website

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        return site.response()

    async with serve(answer) as server:
        site = Website(server)
        yield site


@pytest.fixture(scope="module")
def anthropic_module() -> Iterator[AnthropicServer]:
    with anthropic_server() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(anthropic_module: AnthropicServer) -> AsyncIterator[Services]:
    """With a key for Anthropic, whose place the fake server takes, and leave to call this machine."""
    secrets = {"anthropic": "test-key", "shop": "s3cret"}
    async with services(secrets, anthropic_url=anthropic_module.url, allowed_hosts=("127.0.0.1",)) as made:
        yield made


@pytest.fixture
def anthropic(anthropic_module: AnthropicServer) -> AnthropicServer:
    """The fake server, with nothing of the test before."""
    anthropic_module.requests.clear()
    anthropic_module.answer = default_answer
    return anthropic_module
