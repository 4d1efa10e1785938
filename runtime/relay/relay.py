"""The port by which a run tells what it does while it does it; and the relay that stays in one process."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from typing import Protocol

from runtime.interpreter.events import StepDelta
from runtime.relay.reel import Listener, Piece, Reel


class Relay(Protocol):
    """Carries what runs tell live to those who watch them. The journal is the truth, this is only quick.

    What is told and what is heard is in one order for each run. Nothing here fails a run or keeps it waiting: when the
    server between is gone, those who watch learn of durable events from the journal until it is back, and text that
    was told meanwhile follows then.
    """

    async def open(self) -> None:
        """Begin to carry."""
        ...

    def tell(self, workspace: str, run: str, epoch: int, after: int, delta: StepDelta | None = None) -> None:
        """Tell a delta that came after the durable event `after`; or, without one, that the journal has that event.

        epoch: the seq of the event under which this process drives the run. A lower one than was heard of is ignored.
        """
        ...

    def done(self, workspace: str, run: str) -> None:
        """This process drives the run no more: it has ended, or waits. Nothing more is told in its epoch."""
        ...

    def listen(self, workspace: str, run: str, since: tuple[int, int] = (0, 0)) -> AbstractContextManager[Listener]:
        """What was told in the current epoch, and then what is told; a later epoch begins anew, at its first piece.

        since: epoch and number of a piece that is known, (epoch, 0) for all of an epoch. Without it, a driver that
        lost the run and does not know it yet may be heard first.
        """
        ...

    async def close(self) -> None:
        """Send what was told, then let everybody go."""
        ...


def place_of(workspace: str, run: str) -> str:
    """A name for a run, in characters that every server takes in its names."""
    return blake2b(f"{workspace}\0{run}".encode(errors="replace"), digest_size=16).hexdigest()


class LocalRelay:
    """The relay of a process that needs no other."""

    def __init__(self) -> None:
        self._reels: dict[str, Reel] = {}
        self._closed = False

    async def open(self) -> None:
        """See Relay."""

    def tell(self, workspace: str, run: str, epoch: int, after: int, delta: StepDelta | None = None) -> None:
        """See Relay."""
        self._tell(place_of(workspace, run), epoch, after, delta)

    def _tell(self, place: str, epoch: int, after: int, delta: StepDelta | None) -> Piece | None:
        reel = self._reel(place)
        reel.told = True
        return reel.tell(epoch, after, delta)

    def done(self, workspace: str, run: str) -> None:
        """See Relay."""
        place = place_of(workspace, run)
        if place in self._reels:
            self._reels[place].told = False
            self._release(place)

    @contextmanager
    def listen(self, workspace: str, run: str, since: tuple[int, int] = (0, 0)) -> Iterator[Listener]:
        """See Relay."""
        place = place_of(workspace, run)
        reel = self._reel(place)
        reel.listeners += 1
        try:
            yield Listener(reel, since)
        finally:
            reel.listeners -= 1
            self._release(place)

    async def close(self) -> None:
        """See Relay."""
        self._closed = True
        for reel in self._reels.values():
            reel.close()

    def _reel(self, place: str) -> Reel:
        if place not in self._reels:
            self._reels[place] = Reel()
            if self._closed:  # who comes as late as this is not kept waiting
                self._reels[place].close()
        return self._reels[place]

    def _release(self, place: str) -> None:
        reel = self._reels.get(place)
        if reel is not None and not reel.told and not reel.listeners:
            del self._reels[place]
