"""A line over Valkey, or whatever speaks the Redis protocol: its publish and subscribe."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from runtime.relay.line import Heard


class ValkeyLine:
    """See Line. One connection sends, another receives, because who subscribes may say nothing else on it."""

    longest = 500_000
    pace = 0.001

    def __init__(self, url: str) -> None:
        scheme, rest = url.split("://", 1)
        self._url = f"{scheme.replace('valkey', 'redis')}://{rest}"
        parts = urlsplit(url)
        self.where = f"{parts.hostname}:{parts.port or 6379}"
        # Half of the library's types are missing.
        self._client: Any = None
        self._attending: Any = None
        self._reading: asyncio.Task[None] | None = None
        self._unconfirmed: dict[str, asyncio.Future[None]] = {}

    async def open(self, heard: Heard, lost: Callable[[], None]) -> None:
        """See Line."""
        # Its own reconnecting would lose messages and tell nobody.
        self._client = Redis.from_url(self._url, retry=Retry(NoBackoff(), 0), socket_timeout=None)
        self._attending = self._client.pubsub()
        with _translated():
            await self._client.ping()
            await self._attending.connect()
        self._reading = asyncio.create_task(self._read(self._attending, heard, lost))

    async def _read(self, attending: Any, heard: Heard, lost: Callable[[], None]) -> None:
        with suppress(RedisError, OSError):
            while True:
                kind, channel, data = (await attending.parse_response())[:3]
                name = channel.decode()
                if kind == b"message":
                    heard(name, data)
                elif kind == b"subscribe" and (future := self._unconfirmed.pop(name, None)) and not future.done():
                    future.set_result(None)
        for future in self._unconfirmed.values():
            future.cancel()
        lost()

    async def attend(self, channels: Sequence[str]) -> None:
        """See Line. Waits for the server's word: what is sent next goes by the other connection."""
        loop = asyncio.get_running_loop()
        confirmed = [self._unconfirmed.setdefault(channel, loop.create_future()) for channel in channels]
        with _translated():
            await self._attending.subscribe(*channels)
        if not_confirmed := [each for each in (await asyncio.wait(confirmed))[0] if each.cancelled()]:
            raise ConnectionError(f"{len(not_confirmed)} channels were not confirmed")

    async def leave(self, channels: Sequence[str]) -> None:
        """See Line."""
        with _translated():
            await self._attending.unsubscribe(*channels)

    async def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See Line."""
        with _translated():
            if len(messages) == 1:
                await self._client.publish(*messages[0])
            else:
                async with self._client.pipeline(transaction=False) as pipeline:
                    for channel, data in messages:
                        pipeline.publish(channel, data)
                    await pipeline.execute()

    async def close(self) -> None:
        """See Line."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        with suppress(RedisError, OSError):
            if self._attending is not None:
                await self._attending.aclose()
        with suppress(RedisError, OSError):
            if self._client is not None:
                await self._client.aclose()
        self._client = self._attending = self._reading = None
        self._unconfirmed.clear()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise ConnectionError(str(error)) from error
