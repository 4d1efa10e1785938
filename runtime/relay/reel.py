"""What one run told in its newest epoch, as far as it is kept; whoever listens reads it at their own pace."""

import asyncio
from collections.abc import Sequence
from typing import Self

import msgspec

from runtime.interpreter.events import StepDelta

ROOM = 2**20  # bytes that are kept of a run; who falls further behind is told of the gap
_WEIGHT = 200  # bytes of a piece without its text


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One thing that a run told. Without a delta it is a notice: the journal has the events up to `after` now.

    epoch: the seq of the event under which its driver drives the run (RunStarted, RunResumed); a higher one voids all
    that was told in a lower one. number: rises by one within an epoch, from 1. after: the last event before it.
    """

    epoch: int
    number: int
    after: int
    delta: StepDelta | None = None


class Gap(msgspec.Struct, frozen=True):
    """Pieces up to `number` are lost to this listener; of steps that began at a seq up to `after`, text is missing."""

    epoch: int
    number: int
    after: int


class Reel:
    """The pieces of a run, consecutive by number. told: its driver is in this process. listeners: how many are here.

    sent: the number up to which others have been sent it, when there are others.
    """

    __slots__ = (
        "_changed",
        "_early",
        "_pieces",
        "_room",
        "_weight",
        "closed",
        "epoch",
        "first",
        "listeners",
        "sent",
        "told",
    )

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._changed: asyncio.Future[None] | None = None
        self.told = self.closed = False
        self.listeners = 0
        self._begin(0)

    def _begin(self, epoch: int) -> None:
        self.epoch, self.first, self.sent, self._weight = epoch, 1, 0, 0
        self._pieces: list[Piece] = []
        self._early: dict[int, Piece] = {}

    @property
    def last(self) -> int:
        """The number of the newest piece, 0 before the first."""
        return self.first + len(self._pieces) - 1

    @property
    def misses(self) -> bool:
        """Has something later come than what follows the last piece?"""
        return bool(self._early)

    def tell(self, epoch: int, after: int, delta: StepDelta | None) -> Piece | None:
        """Add what the driver tells now; None when another one drives the run since."""
        if epoch < self.epoch:
            return None
        if epoch > self.epoch:
            self._begin(epoch)
        piece = Piece(epoch, self.last + 1, after, delta)
        self._add(piece)
        self._wake()
        return piece

    def hear(self, pieces: Sequence[Piece], first: int) -> bool:
        """Add what another process told in one epoch, in whatever order it comes; is it the beginning of a new one?

        first: the lowest number that can still be had from there.
        """
        before, length = self.epoch, self.last
        if not pieces or pieces[0].epoch < before:
            return False
        if pieces[0].epoch > before:
            self._begin(pieces[0].epoch)
        self._early |= {piece.number: piece for piece in pieces if piece.number > self.last}
        self._join()
        if self._early and (first > self.last + 1 or sum(map(_weight, self._early.values())) > self._room):
            self.give_up()
        if (self.epoch, self.last) != (before, length):
            self._wake()
        return self.epoch != before

    def give_up(self) -> None:
        """What is missing cannot be had any more; go on behind it."""
        if self._early:
            self._pieces, self._weight, self.first = [], 0, min(self._early)
            self._join()
            self._wake()

    def close(self) -> None:
        """Let those who listen go."""
        self.closed = True
        self._wake()

    def after(self, number: int) -> list[Piece]:
        """The pieces that are kept above this number."""
        return self._pieces[max(0, number + 1 - self.first) :]

    def next(self, epoch: int, number: int) -> Piece | Gap | None:
        """What follows a piece, in its epoch or a later one; None when nothing does yet."""
        if not self._pieces or self.epoch < epoch:
            return None
        if epoch != self.epoch:
            number = 0
        if number + 1 < self.first:
            return Gap(self.epoch, self.first - 1, self._pieces[0].after)
        return self._pieces[number + 1 - self.first] if number < self.last else None

    async def changed(self) -> None:
        """Wait until there is more."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        # Shielded: a listener that goes away must not take the others' wake-up along.
        await asyncio.shield(self._changed)

    def _join(self) -> None:
        while piece := self._early.pop(self.last + 1, None):
            self._add(piece)

    def _add(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self._weight += _weight(piece)
        if self._weight > self._room and len(self._pieces) > 1:
            self._cut()

    def _cut(self) -> None:
        """Forget the oldest half at once: to shift the rest at each piece would cost more than the piece."""
        cut = 0
        while self._weight > self._room // 2 and cut < len(self._pieces) - 1:
            self._weight -= _weight(self._pieces[cut])
            cut += 1
        del self._pieces[:cut]
        self.first += cut

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None


def _weight(piece: Piece) -> int:
    return _WEIGHT + (len(piece.delta.text) if piece.delta is not None else 0)


class Listener:
    """Goes through a reel, from its beginning or behind a piece that is known; ends when the relay is closed.

    A wait for the next piece may be cancelled: it comes at the next wait.
    """

    def __init__(self, reel: Reel, since: tuple[int, int] = (0, 0)) -> None:
        self._reel = reel
        self._epoch, self._number = since

    @property
    def ended(self) -> bool:
        """Was the relay closed?"""
        return self._reel.closed

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece | Gap:
        while (found := self._reel.next(self._epoch, self._number)) is None:
            if self._reel.closed:
                raise StopAsyncIteration
            await self._reel.changed()
        self._epoch, self._number = found.epoch, found.number
        return found
