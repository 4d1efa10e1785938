"""The real parts, shared by the tests of a file: the built-in models take a second to load."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from runtime.interpreter.services import Services
from tests.golden.services import services
from tests.wire.anthropic_server import AnthropicServer, anthropic_server, default_answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real() -> AsyncIterator[Services]:
    async with services() as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[AnthropicServer]:
    with anthropic_server() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def claude(server: AnthropicServer) -> AsyncIterator[Services]:
    """The same parts with a key for Anthropic, whose place the fake server takes."""
    async with services({"anthropic": "test-key"}, anthropic_url=server.url) as made:
        yield made


@pytest.fixture
def anthropic(server: AnthropicServer) -> AnthropicServer:
    """The fake server, with nothing of the test before."""
    server.requests.clear()
    server.answer = default_answer
    return server
