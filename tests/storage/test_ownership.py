"""One process at a time owns the data folder; a dead one owns nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.errors import OperatorError
from runtime.storage.ownership import own

HOLD = """
import sys, time
from pathlib import Path
from runtime.storage.ownership import own
held = own(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "home")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_told_who_is_there(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as raised:
        own(tmp_path / "home")
    assert f"process {holder.pid}" in raised.value.what
    assert raised.value.mend


def test_a_killed_process_owns_nothing(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with own(tmp_path / "home"):
        assert (tmp_path / "home" / "canevas.lock").read_text() == f"{os.getpid()}\n"


def test_what_is_released_can_be_owned(tmp_path: Path) -> None:
    held = own(tmp_path)
    with pytest.raises(OperatorError, match=f"process {os.getpid()}"):
        own(tmp_path)
    held.release()
    held.release()
    own(tmp_path).release()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot be used"):
        own(tmp_path / "file")
