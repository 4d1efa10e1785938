"""A line over NATS: its plain subjects, without streams."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from runtime.relay.line import Heard

_FULL = 2**20  # bytes on their way, above which a sending waits until the server has them


class NatsLine:
    """See Line. One connection does both."""

    pace = 0.001

    def __init__(self, url: str) -> None:
        self._servers = url.split(",")
        self.where = ", ".join(f"{part.hostname}:{part.port or 4222}" for part in map(urlsplit, self._servers))
        self.longest = 500_000
        self._client: Client | None = None
        self._heard: Heard = _nobody
        self._attended: dict[str, Subscription] = {}

    async def open(self, heard: Heard, lost: Callable[[], None]) -> None:
        """See Line."""
        self._heard, self._client = heard, Client()

        async def closed() -> None:
            lost()

        with _translated():
            # Its own reconnecting would lose messages and tell nobody.
            await self._client.connect(
                self._servers,
                name="canevas",
                allow_reconnect=False,
                connect_timeout=4,
                ping_interval=10,
                error_cb=_unheeded,
                closed_cb=closed,
            )
        self.longest = min(500_000, self._client.max_payload)

    async def attend(self, channels: Sequence[str]) -> None:
        """See Line. The server reads this before whatever is sent next, which goes by the same connection."""
        assert self._client is not None
        with _translated():
            for channel in channels:
                self._attended[channel] = await self._client.subscribe(channel, cb=self._take)

    async def _take(self, message: Msg) -> None:
        self._heard(message.subject, message.data)

    async def leave(self, channels: Sequence[str]) -> None:
        """See Line."""
        with _translated():
            for channel in channels:
                await self._attended.pop(channel).unsubscribe()

    async def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See Line."""
        assert self._client is not None
        with _translated():
            for channel, data in messages:
                await self._client.publish(channel, data)
            if self._client.pending_data_size > _FULL:
                await self._client.flush()

    async def close(self) -> None:
        """See Line."""
        if self._client is not None:
            with suppress(Error, OSError):
                await self._client.close()
        self._client = None
        self._attended.clear()


def _nobody(channel: str, data: bytes | str) -> None:
    """Who hears before the line is open."""


async def _unheeded(error: Exception) -> None:
    """Each error that matters comes by a call, or by the end of the connection."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
