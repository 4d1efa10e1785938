"""A real Temporal for the tests: the development server, on free ports, ended by whoever started it."""

import asyncio
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from tests.servers.port import free_port

BINARY = Path(sys.executable).with_name("temporal")
SHORT = timedelta(seconds=1)


class Temporal:
    """One server; what it knows is in a file of the folder, so that it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._states = folder, 0
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self.url = f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, or again; it answers some time later: see `ready`."""
        with (self._folder / "temporal.log").open("ab") as output:
            command = [BINARY, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"]
            command += ["--port", str(self._port), "--db-filename", self._folder / f"temporal-{self._states}.db"]
            # The process is killed here, never the machine: what was written is there also when no disk has it yet.
            command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=OFF"]
            # One partition a queue: the order of priorities is exact, and a task waits for no poller elsewhere.
            for side in ("Read", "Write"):
                command += ["--dynamic-config-value", f"matching.numTaskqueue{side}Partitions=1"]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)

    async def ready(self) -> Client:
        """A client, as soon as it answers."""
        async with asyncio.timeout(30):
            while True:
                try:
                    client = await Client.connect(self.url)
                    # The first workflow of a cold server takes seconds.
                    await client.start_workflow("cold", id=uuid.uuid4().hex, task_queue="nobody", run_timeout=SHORT)
                except (RuntimeError, RPCError):
                    await asyncio.sleep(0.1)
                else:
                    return client

    def kill(self) -> None:
        """Away at once, as in a power cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """After a `kill`: the next start knows nothing of what was before."""
        self._states += 1


def _running(folder: Path) -> Iterator[Temporal]:
    server = Temporal(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Temporal]:
    """The server of the session."""
    yield from _running(tmp_path_factory.mktemp("temporal"))


@pytest.fixture
def own_temporal(tmp_path: Path) -> Iterator[Temporal]:
    """A server that the test may kill."""
    yield from _running(tmp_path)
