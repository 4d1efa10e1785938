"""The guarded client as steps are lent it: made at the first request, for to import it takes a quarter of a second."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.graph.messages import HttpRequest, HttpResponse
from runtime.outbound.addresses import Allowed

if TYPE_CHECKING:
    from runtime.outbound.client import GuardedHttp


class LentHttp:
    """Sends requests of flows like `GuardedHttp`. Raises: OperatorError when a host that is allowed is none."""

    def __init__(self, allowed_hosts: Sequence[str] = ()) -> None:
        Allowed.parse(allowed_hosts)  # what is wrong there is told at the start, not to the first flow
        self._allowed_hosts = allowed_hosts
        self._client: GuardedHttp | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request; see `GuardedHttp.send`."""
        made = await asyncio.to_thread(_make, self._allowed_hosts) if self._client is None else self._client
        if self._client is None:  # of several first requests at once, one makes the client
            self._client = made
        return await self._client.send(request)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None


def _make(allowed_hosts: Sequence[str]) -> "GuardedHttp":
    from runtime.outbound.client import GuardedHttp

    return GuardedHttp(allowed_hosts)
