"""A deployed three-step flow over HTTP beside a bare Starlette route on the same server, in turns.

    python benchmarks/endpoint.py [--seconds 3] [--rounds 3]

The flow is API start, text template, Answer. Its runs are recorded in a SQLite database in a temporary folder, and the
records are counted at the end. Each server is a process of its own, and so is the load: closed connections that each
send the next request when the answer to the last has come. Prints a Markdown table.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

CONNECTIONS = (1, 16, 64)
COLUMNS = (
    "connections",
    "bare, req/s",
    "flow, req/s",
    "flow/bare",
    "bare, CPU µs",
    "flow, CPU µs",
    "flow, p50 / p99 ms",
    "errors",
)
MOST = 200_000  # requests of one measurement, whatever the time
BODY = b'{"name":"Ada"}'
FLOW = {
    "canevas": 1,
    "name": "Greeting",
    "steps": {
        "start": {"kind": "api_start", "config": {"fields": [{"name": "name"}]}},
        "greet": {"kind": "template", "config": {"template": "Hello {{ start.name }}!"}},
        "answer": {"kind": "answer", "config": {"value": "{{ greet.output }}"}},
    },
}


@dataclass(slots=True)
class Measured:
    """One measurement. cpu: of the server for one request, in microseconds. latencies: in milliseconds, sorted."""

    rate: float
    cpu: float
    latencies: list[float]
    errors: int

    def percentile(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


# --- the servers -------------------------------------------------------------------------------------------------


async def serve_bare() -> None:
    """One route that reads JSON and answers JSON, and nothing else."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from runtime.serving.server import listen, serve, spare_what_stays

    async def greet(request: Request) -> JSONResponse:
        return JSONResponse({"output": f"Hello {(await request.json())['name']}!"})

    with listen("127.0.0.1", 0) as listener:
        say({"port": listener.getsockname()[1], "path": "/greet", "key": ""})
        spare_what_stays()
        await serve(Starlette(routes=[Route("/greet", greet, methods=["POST"])]), listener)


async def serve_flow(home: str) -> None:
    """The flow, published and deployed in a fresh database, behind the API as `canevas serve` has it."""
    from nodes.catalog import builtin
    from runtime.assembly import open_runtime
    from runtime.graph.flow import Flow
    from runtime.serving.api import Api
    from runtime.serving.server import listen, serve, spare_what_stays
    from runtime.settings import Settings

    settings = replace(Settings.from_environment({}), home=Path(home))
    async with open_runtime(settings, builtin()) as runtime:
        flow = await runtime.flows.create("bench", Flow.model_validate(FLOW), "bench")
        version = await runtime.deployments.publish("bench", flow.id, "bench")
        await runtime.deployments.deploy("bench", flow.id, "greeting", version.number)
        _, key = await runtime.deployments.create_key("bench", "greeting", "bench")
        app = Api(runtime.deployments, runtime.catalog, runtime.runs, settings, ready=runtime.ready)
        with listen("127.0.0.1", 0) as listener:
            say({"port": listener.getsockname()[1], "path": "/api/flows/greeting/run", "key": key})
            spare_what_stays()
            await serve(app, listener)


async def until_told(serving: "asyncio.Task[None]") -> None:
    """Serve until the parent closes our standard input; at each line, tell the CPU time used until then."""
    over = asyncio.Event()

    def heard() -> None:
        if sys.stdin.readline():
            say({"cpu": time.process_time()})
        else:
            over.set()

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), heard)
    told = asyncio.create_task(over.wait())
    await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def say(value: object) -> None:
    """Tell the parent one JSON line."""
    print(json.dumps(value), flush=True)


# --- the load ----------------------------------------------------------------------------------------------------


class Connection(asyncio.Protocol):
    """Sends one request after another, each when the last was answered."""

    def __init__(self, request: bytes, until: float, over: "asyncio.Future[None]") -> None:
        self.request, self.until, self.over = request, until, over
        self.latencies: list[float] = []
        self.errors = 0
        self.missing = 0  # bytes of the answer's body that have not come
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.missing -= len(data)
        else:
            self.head += data
            head, end, body = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.errors += not head.startswith(b"HTTP/1.1 200 ")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            self.missing, self.head = length - len(body), b""
        if self.missing <= 0:
            now = time.perf_counter()
            self.latencies.append((now - self.sent) * 1000)
            if now < self.until and len(self.latencies) < MOST:
                self.send()
            else:
                self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.errors += error is not None or time.perf_counter() < self.until
        if not self.over.done():
            self.over.set_result(None)


async def load(port: int, path: str, key: str, connections: int, seconds: float) -> None:
    """Measure, and tell the parent."""
    request = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    opened = []
    for _ in range(connections):
        over = loop.create_future()
        _, one = await loop.create_connection(
            lambda over=over: Connection(request, began + seconds, over), "127.0.0.1", port
        )
        opened.append(one)
    await asyncio.wait_for(asyncio.gather(*(one.over for one in opened)), seconds + 30)
    took = time.perf_counter() - began
    latencies = sorted(ms for one in opened for ms in one.latencies)
    thinned = latencies[:: max(len(latencies) // 1000, 1)]
    errors = sum(one.errors for one in opened)
    say({"requests": len(latencies), "seconds": took, "latencies": thinned, "errors": errors})


# --- the comparison ----------------------------------------------------------------------------------------------


class Server:
    """A server process. port, path, key: where and how its one call is reached."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, __file__, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = self._hear()
        self.port, self.path, self.key = told["port"], told["path"], told["key"]

    def cpu(self) -> float:
        """The seconds of CPU it has used."""
        assert self._process.stdin is not None
        self._process.stdin.write("cpu\n")
        self._process.stdin.flush()
        return float(self._hear()["cpu"])

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a server ended before its time")
        told: dict[str, Any] = json.loads(line)
        return told


def measure(server: Server, connections: int, seconds: float) -> Measured:
    """One measurement by a process of its own."""
    arguments = ["load", str(server.port), server.path, server.key, str(connections), str(seconds)]
    before = server.cpu()
    told = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    cpu = (server.cpu() - before) / max(found["requests"], 1) * 1e6
    return Measured(found["requests"] / found["seconds"], cpu, found["latencies"], found["errors"])


def compare(seconds: float, rounds: int) -> None:
    """Both servers in turns; the median of the rounds counts."""
    with tempfile.TemporaryDirectory() as home:
        with closing(Server("bare")) as bare, closing(Server("flow", home)) as flow:
            for server in (bare, flow):
                measure(server, 16, 1.0)  # warm
            print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}", flush=True)
            for connections in CONNECTIONS:
                pairs = [
                    (measure(bare, connections, seconds), measure(flow, connections, seconds)) for _ in range(rounds)
                ]
                print(row(connections, *zip(*pairs, strict=True)), flush=True)
        print(f"\nRecords kept: {records(home):,}")


def row(connections: int, bare: Sequence[Measured], flow: Sequence[Measured]) -> str:
    """One line of the table."""
    rates = [statistics.median(each.rate for each in side) for side in (bare, flow)]
    cpus = [statistics.median(each.cpu for each in side) for side in (bare, flow)]
    p50, p99 = (statistics.median(each.percentile(share) for each in flow) for share in (0.5, 0.99))
    cells = [
        f"{connections}",
        f"{rates[0]:,.0f}",
        f"{rates[1]:,.0f}",
        f"{rates[1] / rates[0]:.0%}",
        f"{cpus[0]:.0f}",
        f"{cpus[1]:.0f}",
        f"{p50:.2f} / {p99:.2f}",
        f"{sum(each.errors for each in (*bare, *flow))}",
    ]
    return f"| {' | '.join(cells)} |"


def records(home: str) -> int:
    """How many runs the database holds."""
    import sqlite3

    with sqlite3.connect(next(Path(home).glob("*.db"))) as database:
        return int(database.execute("select count(*) from runs where state = 'done'").fetchone()[0])


async def main_of_server(arguments: argparse.Namespace) -> None:
    """What a child process does."""
    if arguments.role == "load":
        port, path, key, connections, seconds = arguments.rest
        await load(int(port), path, key, int(connections), float(seconds))
    else:
        serving = serve_bare() if arguments.role == "bare" else serve_flow(*arguments.rest)
        await until_told(asyncio.create_task(serving))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", nargs="?", default="compare", choices=["compare", "bare", "flow", "load"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.role == "compare":
        compare(given.seconds, given.rounds)
    else:
        uvloop.run(main_of_server(given))
