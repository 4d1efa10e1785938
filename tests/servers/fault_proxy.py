"""A link to PostgreSQL that is cut at a COMMIT, stalls, or lets nobody through, as a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal


class FaultProxy:
    """Listens on the loopback and passes on to a server's socket.

    cut: links are dropped at their next COMMIT, before the server has seen it, or when it has done it and nobody was
    told; so many times as `cuts` says. open: whether anything passes; otherwise it waits. down: nobody is let in.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self.port = 0
        self.cut: Literal["before", "after"] = "before"
        self.cuts = self.cut_off = 0
        self.open = asyncio.Event()
        self.open.set()
        self.down = False
        self._links: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def going(self) -> AsyncIterator["FaultProxy"]:
        server = await asyncio.start_server(self._link, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.open.set()
            server.close()
            self.drop()

    def drop(self) -> None:
        """Cut every link."""
        for end in list(self._links):
            end.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        up, down = await asyncio.open_unix_connection(self._socket)
        ends = {writer, down}
        self._links |= ends
        told = asyncio.Event()  # the server has answered what must not be heard
        told.set()
        passing = [
            asyncio.create_task(self._pass(reader, down, ends, told)),
            asyncio.create_task(self._pass(up, writer, ends, told, back=True)),
        ]
        await asyncio.wait(passing)
        self._links -= ends

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        ends: set[asyncio.StreamWriter],
        told: asyncio.Event,
        *,
        back: bool = False,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self.open.wait()
                if back and not told.is_set():
                    break
                if not back and self.cuts and b"COMMIT" in data:
                    self.cuts -= 1
                    self.cut_off += 1
                    if self.cut == "before":
                        break
                    told.clear()
                sink.write(data)
                await sink.drain()
        for end in ends:
            end.transport.abort()
