"""The catalog and packages outside: found by their entry points, and a broken one stops nobody."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nodes.catalog import NODES, builtin, load

NODE = '''
"""Nodes of a package outside."""
from runtime.graph.node import Node

class Shout(Node, icon="megaphone"):
    "Writes a text in capitals."

    async def run(self, text: str) -> str:
        return text.upper()

NODES = [Shout]
'''

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """`install("name", module_text)`: a package as pip leaves it behind, with an entry point to its NODES."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(name: str, module: str, names: str = "NODES") -> None:
        (tmp_path / f"{name}.py").write_text(module)
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[canevas.nodes]\n{name} = {name}:{names}\n")

    yield put
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_builtin_holds_the_list_in_its_order() -> None:
    assert builtin().kinds() == [node.kind for node in NODES]


def test_nothing_installed_nothing_added() -> None:
    assert load().kinds() == builtin().kinds()


def test_package_adds_its_nodes(install: Install) -> None:
    install("canevas_shout", NODE)
    shout = load().get("shout")
    assert shout is not None
    assert [port.name for port in shout.ports_in] == ["text"]
    assert builtin().get("shout") is None


@pytest.mark.parametrize(
    ("module", "names", "told"),
    [
        ("raise RuntimeError('half installed')", "NODES", "half installed"),
        ("import nowhere_to_be_found", "NODES", "nowhere_to_be_found"),
        (NODE, "MISSING", "MISSING"),
        (NODE.replace('    "Writes a text in capitals."\n', ""), "NODES", "needs a docstring"),
        (NODE.replace("class Shout(Node,", "class Shout(Node, kind='llm',"), "NODES", "'llm'"),
        (NODE.replace("NODES = [Shout]", "NODES = [object]"), "NODES", "object"),
        (NODE.replace("NODES = [Shout]", "NODES = 7"), "NODES", "int"),
        (NODE.replace("NODES = [Shout]", "import sys; sys.exit(3)"), "NODES", "SystemExit"),
    ],
)
def test_broken_package_is_told_and_left_out(
    install: Install, caplog: pytest.LogCaptureFixture, module: str, names: str, told: str
) -> None:
    install("canevas_aaa_broken", module, names)
    install("canevas_shout", NODE)
    with caplog.at_level(logging.WARNING):
        catalog = load()
    assert catalog.get("shout") is not None, "the package after it is there"
    assert set(catalog.kinds()) == {*builtin().kinds(), "shout"}
    (record,) = caplog.records
    assert "canevas_aaa_broken" in record.getMessage()
    assert told in record.getMessage()
