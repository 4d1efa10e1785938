"""The right of a worker to drive a segment, held for as long as whoever gives it answers."""

import asyncio
from collections.abc import Awaitable, Callable

from runtime.interpreter.driver import Lease, elapsed


class Tenure:
    """A lease, and what renews it.

    Whoever gives the right gives it to another worker `patience` seconds after the last `beat` that it saw. The lease
    counts from when the answer to a beat is here, and is shorter by the time that an answer may take (a third of the
    patience); an answer that took longer counts for nothing. A lease that is over stays over, also when the process
    was stopped meanwhile and the first thing that it does again is to beat.

    beat: tells that this worker lives; False: the right is not its, or no longer. Raises TimeoutError for no answer.
    """

    def __init__(self, beat: Callable[[], Awaitable[bool]], patience: float) -> None:
        self._beat, self._spare = beat, patience / 3
        self.lease = Lease(patience - self._spare)
        self.lease.end()
        self.gone = False  # whether a beat was told that the right is not here

    async def begin(self) -> bool:
        """Whether the right is really here: an order may have lain in a stopped process for longer than it is good."""
        await self._confirm()
        return self.lease.held

    async def keep(self, also: Callable[[], None]) -> None:
        """Renew the lease; return when it is over. also: is called at every beat."""
        while self.lease.held:
            await asyncio.sleep(self._spare / 2)
            if self.lease.held:
                also()
                await self._confirm()
        self.lease.end()

    async def _confirm(self) -> None:
        asked = elapsed()
        try:
            async with asyncio.timeout(self._spare):
                self.gone = not await self._beat()
        except TimeoutError:
            return
        if self.gone:
            self.lease.end()
        elif elapsed() - asked < self._spare:
            self.lease.renew()
