"""A line between processes over PostgreSQL's own notices, for who runs no message server beside it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from runtime.settings import Settings
from runtime.storage.database import address_of, connect_arguments

Heard = Callable[[str, bytes | str], None]

# NOTIFY inside a statement; what it says is gone with the server anyway, so nobody waits for its log.
_PREPARE = "SET synchronous_commit = off; SET application_name = 'canevas relay'"
_SEND = "SELECT pg_notify(channel, message) FROM unnest($1::text[], $2::text[]) AS m (channel, message)"


class NoticesLine:
    """See runtime.relay.line.Line. One connection of its own, which must not go through a pooler of transactions.

    A notice holds less than 8,000 bytes, and all that is sent takes a lock of the whole server when it commits: so
    what comes within 30 ms goes together.
    """

    longest = 7_900
    pace = 0.03

    def __init__(self, settings: Settings) -> None:
        url = address_of(settings)
        self.where = f"{url.host or 'local'}/{url.database}"
        self._arguments = connect_arguments(settings)
        self._connection: Any = None
        self._heard: Heard | None = None

    async def open(self, heard: Heard, lost: Callable[[], None]) -> None:
        """See Line."""
        self._heard = heard
        with _translated():
            self._connection = await asyncpg.connect(**self._arguments, timeout=4)
            self._connection.add_termination_listener(lambda _: lost())
            await self._connection.execute(_PREPARE)

    async def attend(self, channels: Sequence[str]) -> None:
        """See Line."""
        with _translated():
            for channel in channels:
                await self._connection.add_listener(channel, self._take)

    def _take(self, connection: object, process: int, channel: str, data: str) -> None:
        assert self._heard is not None
        self._heard(channel, data)

    async def leave(self, channels: Sequence[str]) -> None:
        """See Line."""
        with _translated():
            for channel in channels:
                await self._connection.remove_listener(channel, self._take)

    async def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See Line."""
        with _translated():
            await self._connection.execute(
                _SEND, [channel for channel, _ in messages], [data.decode() for _, data in messages]
            )

    async def close(self) -> None:
        """See Line."""
        if self._connection is not None:
            with suppress(asyncpg.InterfaceError):
                self._connection.terminate()
        self._connection = None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError(str(error)) from error
