"""A real NATS for the tests: one server a test process, and others that a test may kill."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.port import free_port

_PROGRAM = Path(sys.executable).with_name("nats-server")


class Nats:
    """A server at a port of its own, which it keeps when it is started again."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = [str(_PROGRAM), "--addr", "127.0.0.1", "--port", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError("NATS does not start")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def nats() -> Iterator[Nats]:
    """The server, started at its first use and killed at the end of the session; nobody may kill it before."""
    server = Nats()
    server.start()
    yield server
    server.kill()
