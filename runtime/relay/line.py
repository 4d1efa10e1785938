"""What a server must be able to do to stand between processes: carry short messages to whoever attends."""

from collections.abc import Callable, Sequence
from typing import Protocol

Heard = Callable[[str, bytes | str], None]


class Line(Protocol):
    """A connection that carries messages on named channels, in order; it keeps none, and may lose some.

    where: names the server without its password. longest: bytes that a message may have. pace: seconds to wait between
    two sendings, so that what comes meanwhile shares the next. Every call raises OSError when the connection is lost.
    """

    where: str
    longest: int
    pace: float

    async def open(self, heard: Heard, lost: Callable[[], None]) -> None:
        """Connect. heard: is given channel and message; lost: called when the connection has gone by itself."""
        ...

    async def attend(self, channels: Sequence[str]) -> None:
        """Receive what is sent on these; they are in force when this returns, or before whatever is sent next."""
        ...

    async def leave(self, channels: Sequence[str]) -> None:
        """Receive it no more."""
        ...

    async def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send messages, in order."""
        ...

    async def close(self) -> None:
        """Let go of the connection, lost or not; never raises. It can be opened again."""
        ...
