"""What starts without what: an import that creeps in costs every start its time and memory."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = {
    "alembic",
    "anthropic",
    "httpcore2",
    "httpx2",
    "jsonschema",
    "networkx",
    "numpy",
    "plotly",
    "qdrant_client",
    "reflex",
    "sqlalchemy",
    "uvicorn",
}


def loaded(program: str) -> set[str]:
    """The heavy packages that a process holds after a program."""
    shown = f"{program}\nimport sys\nprint(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in told.stdout.split()} & HEAVY


def test_the_runtime_is_imported_without_what_it_may_never_need():
    assert loaded("import runtime.assembly") == set()


def test_the_command_line_alone_imports_nothing_heavy():
    assert loaded("import canevas") == set()


def test_a_server_of_flows_starts_without_models_clients_and_validators():
    serving = "runtime.serving.api, runtime.serving.server, runtime.storage.database, runtime.storage.journal"
    assert loaded(f"import runtime.assembly, {serving}") == {"sqlalchemy", "uvicorn"}
