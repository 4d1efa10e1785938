"""What tasks and people ask the engine's loop to do, and the bell that wakes the loop for it."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

Then: TypeAlias = Callable[[], None]  # what somebody asks the loop to do


class Inbox:
    """Everything that happens beside the loop comes in here, so that the loop alone changes the run.

    items: what there is to do, the oldest first; only the loop takes from it.
    """

    __slots__ = ("_bell", "items")

    def __init__(self) -> None:
        self.items: list[Then] = []
        self._bell: asyncio.Future[None] | None = None

    def post(self, then: Then) -> None:
        """Ask the loop to do something, and wake it."""
        self.items.append(then)
        self.ring()

    def ring(self) -> None:
        """Wake the loop."""
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def rings(self) -> None:
        """Wait until somebody rings."""
        self._bell = asyncio.get_running_loop().create_future()
        try:
            await self._bell
        finally:
            self._bell = None
