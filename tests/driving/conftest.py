"""What the tests of the drivers share: a ledger, a Temporal, and worker processes that end with their test."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.interpreter.journal import RunRecord
from tests.driving.ledger import Ledger
from tests.servers.temporal import own_temporal, temporal

__all__ = ["own_temporal", "temporal"]

ROOT = Path(__file__).parents[2]
Work = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Empty."""
    return Ledger(tmp_path)


@pytest.fixture
def queue() -> str:
    """A queue of the test's own: the tests of a session share the server."""
    return uuid.uuid4().hex[:8]


@pytest.fixture
def work(ledger: Ledger) -> Iterator[Work]:
    """Starts a worker process: `work(url, **options of the driver)`."""
    started: list[subprocess.Popen[bytes]] = []

    def start(url: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.driving.worker", str(ledger.folder), url, json.dumps(options)]
        started.append(subprocess.Popen(command, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def record(run: str, queue: str, **more: Any) -> RunRecord:
    """A run in a workspace of the test, queued just now unless something else is said."""
    given = {"workspace": queue, "flow": "f", "flow_name": "F", "source": "test", "started": time.time()}
    return RunRecord(id=run, queue=queue, **{**given, "state": "queued", "since": time.time(), **more})
