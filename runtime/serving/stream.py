"""A run as server-sent events: durable events carry their seq as id, text as it streams carries none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from runtime.interpreter.events import Event, RunFinished, StepDelta, encode
from runtime.interpreter.kept import LARGE, brief
from runtime.serving.replies import ALWAYS, STREAM, Header

BEAT = 15.0  # seconds of silence after which a comment keeps proxies and clients from giving up


def frame(event: Event) -> bytes:
    """One event on the wire, its large values by reference. JSON holds no line break, so its data is one line."""
    data = encode(event)
    if isinstance(event, StepDelta):
        return b"event: step_delta\ndata: %b\n\n" % data
    if len(data) > LARGE and not isinstance(event, RunFinished):  # which is the answer, and what was asked for
        data = brief(event)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, _name(event), data)


def _name(event: Event) -> bytes:
    return str(type(event).__struct_config__.tag).encode()


@dataclass(slots=True)
class EventStream:
    """An answer that lasts as long as its run, or until its reader goes away; the run never notices."""

    events: AsyncIterator[Event]
    headers: Sequence[Header] = ()
    beat: float = BEAT

    async def give(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come."""
        headers = [(b"content-type", STREAM), *ALWAYS, (b"x-accel-buffering", b"no"), *self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        writer = _Writer(send)
        writing = asyncio.create_task(writer.write(self.events))
        tasks = {
            writing,
            asyncio.create_task(writer.keep_alive(self.beat)),
            asyncio.create_task(_gone(receive)),
        }
        stopping = False
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            stopping = True  # the server stops; the stream ends properly and can be resumed
        ended = writing.done()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if ended:
            writing.result()
        if ended or stopping:
            await send({"type": "http.response.body", "body": b""})


class _Writer:
    """The one voice of a stream: events, and a heartbeat when there are none."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._busy = asyncio.Lock()  # a heartbeat must not fall into the middle of an event
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    async def write(self, events: AsyncIterator[Event]) -> None:
        """Send every event, and return with the last."""
        async for event in events:
            await self._say(frame(event))

    async def keep_alive(self, beat: float) -> None:
        """Send a comment after each silence; return when the reader has taken nothing for as long."""
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.sleep(self._began + beat - self._clock())
                if self._clock() - self._began < beat:
                    continue
                if self._busy.locked():
                    return
                async with asyncio.timeout(beat):
                    await self._say(b": still here\n\n")

    async def _say(self, data: bytes) -> None:
        async with self._busy:
            self._began = self._clock()
            await self._send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
