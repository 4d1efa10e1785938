"""How a connection is made: the name is resolved once, every address is vetted, and a vetted one is dialled."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

import httpcore2

from runtime.errors import AuthorError, ProviderError
from runtime.outbound.addresses import Allowed, as_address, why_refused

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

ATTEMPTS = 4  # addresses of one name that are tried
PATIENCE = 10.0  # seconds for each


async def ask_system(host: str, port: int) -> list[str]:
    """The addresses of a host, as the machine's own resolver gives them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Dialer(httpcore2.AsyncNetworkBackend):
    """Opens connections for the HTTP pool, to vetted addresses only.

    The vetted address itself is dialled, so a name that changes between the check and the call (DNS rebinding)
    gains nothing. One refused address among several refuses the name: an honest public name has none.
    """

    def __init__(self, allowed: Allowed, resolve: Resolve = ask_system) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._sockets = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of the pool
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the host. Raises: AuthorError for a refused address, ProviderError for an unknown name."""
        addresses = await self.vetted(host, port)
        for address in addresses[:-1]:
            try:
                return await self._sockets.connect_tcp(address, port, PATIENCE, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue  # the next address may answer; the last one's error is the one to tell
        return await self._sockets.connect_tcp(addresses[-1], port, PATIENCE, local_address, socket_options)

    async def vetted(self, host: str, port: int) -> list[str]:
        """The addresses to dial for a host. Raises as `connect_tcp`."""
        try:
            found = await self._resolve(host, port)
        except (socket.gaierror, UnicodeError) as error:
            passing = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            raise ProviderError(
                f"The name `{host}` leads to no address", f"{host}:{port}", "Check the address.", retry=passing
            ) from None
        addresses: list[str] = []
        for text in found:
            address = as_address(text)
            if address is None:
                raise _refusal(host, port, "no address that can be called")
            reason = why_refused(address)
            if reason and not (self._allowed.covers_name(host, port) or self._allowed.covers(address, port)):
                raise _refusal(host, port, reason)
            addresses.append(str(address))
        if not addresses:
            raise ProviderError(f"The name `{host}` leads to no address", f"{host}:{port}", "Check the address.")
        return list(dict.fromkeys(addresses))[:ATTEMPTS]


def _refusal(host: str, port: int, reason: str) -> AuthorError:
    # The address itself is not told: an author must not learn the names of the operator's internal network from it.
    return AuthorError(
        f"Flows may not call `{host}`: it is {reason}",
        f"{host}:{port}",
        f"Call a public address, or ask whoever runs this installation to add `{host}` to CANEVAS_ALLOWED_HOSTS.",
    )
