"""`canevas run` and `canevas check` with flows that run the files beside them, or that ask somebody."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTER = """canevas: 1
name: Outer
steps:
  start:
    kind: api_start
    version: 1
  call:
    kind: sub_flow
    version: 1
    config:
      flow: {called}
edges:
  - start.text -> call.text
"""
INNER = """canevas: 1
name: Inner
steps:
  start:
    kind: api_start
    version: 1
  shout:
    kind: template
    version: 1
    config:
      template: "{{ start.text }}!"
edges:
  - start.text -> shout
"""
ASKS = """canevas: 1
name: Asks
steps:
  start:
    kind: api_start
    version: 1
  ask:
    kind: ask_person
    version: 1
edges:
  - start.text -> ask
"""


def canevas(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "canevas", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (
        ("outer", OUTER.format(called="inner")),
        ("inner", INNER),
        ("lost", OUTER.format(called="nobody")),
        ("away", OUTER.format(called="../inner")),
        ("asks", ASKS),
    ):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_a_flow_runs_the_file_beside_it(files: Path) -> None:
    done = canevas("run", str(files / "outer.yaml"), "--input", '{"text": "hi"}')
    assert (done.returncode, done.stdout.strip()) == (0, '"hi!"'), done.stderr
    assert canevas("check", str(files / "outer.yaml")).returncode == 0


@pytest.mark.parametrize("name", ["lost", "away"])
def test_a_file_that_is_not_beside_it_is_a_problem(files: Path, name: str) -> None:
    for command in ("run", "check"):
        told = canevas(command, str(files / f"{name}.yaml"))
        assert told.returncode == 2
        assert "not deployed" in told.stdout + told.stderr


def test_a_file_that_is_not_there_is_told() -> None:
    for command in ("run", "check"):
        told = canevas(command, "/nowhere/nothing.yaml")
        assert (told.returncode, "nothing.yaml" in told.stderr) == (2, True)


def test_a_file_has_no_versions(files: Path) -> None:
    pinned = (files / "outer.yaml").read_text().replace("flow: inner", "flow: inner\n      pinned: 3")
    (files / "pinned.yaml").write_text(pinned)
    told = canevas("check", str(files / "pinned.yaml"))
    assert (told.returncode, "no version 3" in told.stdout) == (2, True)


def test_a_run_that_asks_somebody_says_that_nobody_can_answer(files: Path) -> None:
    told = canevas("run", str(files / "asks.yaml"), "--input", '{"text": "hi"}')
    assert told.returncode == 1
    assert "The run asks a person: Please decide" in told.stderr
    assert "Traceback" not in told.stderr
