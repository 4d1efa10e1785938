"""A process that is asked to stop ends cleanly, however often it is asked."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT] * 3, [signal.SIGTERM] * 2, [signal.SIGINT, 15]])
def test_it_ends_without_a_trace_and_the_port_is_free(tmp_path: Path, signals: list[int]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "canevas", "serve", "--port", "0", "--home", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        port = int(re.search(r":(\d+)/api", process.stdout.readline())[1])  # type: ignore[index]
        with socket.create_connection(("127.0.0.1", port)) as half:  # a request that never comes to its end
            half.sendall(b"POST /api/flows/x/run HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
            for one in signals:
                process.send_signal(one)
            rest, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in rest
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
