"""An answer leaves the server in one write, and says the same as one that uvicorn sends in its own way."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from runtime.serving.server import listen, serve
from tests.serving.stage import KEY, Stage, flow


@pytest.fixture
async def port() -> AsyncIterator[int]:
    stage = Stage()
    stage.deploy("echo", flow("{{ start.text }}"))
    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(serve(stage.api, listener))
        yield listener.getsockname()[1]
        serving.cancel()
        await asyncio.wait({serving})


def asking(text: str, *headers: str, method: str = "POST", path: str = "/api/flows/echo/run") -> bytes:
    body = json.dumps({"text": text}).encode()
    lines = ["host: x", f"authorization: Bearer {KEY}", f"content-length: {len(body)}", *headers]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


async def answer(reader: asyncio.StreamReader, *, bodiless: bool = False) -> tuple[bytes, dict[str, str], bytes]:
    """Status line, headers and body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    length = 0 if bodiless else int(headers.get("content-length", 0))
    return head[0].encode(), headers, await reader.readexactly(length)


async def test_answers_on_one_connection_follow_each_other(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for text in ("one", "é 👩‍👩‍👧 \r\n", "x" * 300_000):
        writer.write(asking(text))
        status, headers, body = await answer(reader)
        assert status == b"HTTP/1.1 200 OK"
        assert json.loads(body)["output"] == text
        assert headers["content-type"] == "application/json"
        assert headers["cache-control"] == "no-store"
        assert headers["canevas-run"]
        assert headers["date"].endswith("gmt")
    writer.close()


async def test_requests_that_do_not_wait_are_answered_in_their_order(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(asking(str(number)) for number in range(20)))
    outputs = [json.loads((await answer(reader))[2])["output"] for _ in range(20)]
    assert outputs == [str(number) for number in range(20)]
    writer.close()


async def test_the_unusual_goes_the_usual_way(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asking("", method="HEAD", path="/api/health"))
    status, headers, _ = await answer(reader, bodiless=True)
    assert (status, headers["content-length"]) == (b"HTTP/1.1 200 OK", "15")
    writer.write(asking("", path="/api/flows/nothing/run"))
    status, headers, body = await answer(reader)
    assert (status, headers["content-type"]) == (b"HTTP/1.1 404 Not Found", "application/problem+json")
    assert json.loads(body)["status"] == 404
    writer.write(asking("bye", "connection: close"))
    status, headers, body = await answer(reader)
    assert (headers["connection"], json.loads(body)["output"]) == ("close", "bye")
    assert await reader.read() == b""
    writer.close()


async def test_an_answer_is_written_once(port: int) -> None:
    writes: list[bytes] = []

    class Counting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            writes.append(data)

    transport, _ = await asyncio.get_running_loop().create_connection(Counting, "127.0.0.1", port)
    for number in range(1, 30):
        transport.write(asking("hello"))
        while b"".join(writes).count(b'"output":"hello"') < number:
            await asyncio.sleep(0.001)
    assert len(writes) == 29
    transport.close()
