"""The relay between processes: whoever drives a run sends what others ask for, and sends again what they missed."""

import asyncio
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from runtime.interpreter.events import StepDelta, writable
from runtime.relay.line import Line
from runtime.relay.reel import Listener, Piece, Reel
from runtime.relay.relay import LocalRelay, place_of

log = logging.getLogger(__name__)

BEAT = 10.0  # seconds between two askings for all that is listened to here; it comes back, or the line is dead
_WANTED = 3.5 * BEAT  # seconds for which an asking holds
_CHASE = 0.5  # seconds after which what is missing is asked for again
_CHASES = 4  # askings until what is missing counts as lost
_GRACE = 1.0  # seconds for which what was told can be asked for after its end
_PATIENCE = 5.0  # seconds for one call of the server
_SLOWEST = 3.0  # seconds between two tries to connect
_ASKS = "canevas.asks"
_PIECES = "canevas.run."
_FRAME = 700  # bytes of a message beside the text of a delta
_ESCAPED = 6  # bytes that JSON needs for a character at most


class _Said(msgspec.Struct, array_like=True):
    """Consecutive pieces of a run. first: the lowest number that whoever tells it still has."""

    first: int
    pieces: list[Piece]


class _Asked(msgspec.Struct, array_like=True):
    """Somebody listens to these places, and knows them up to this epoch and number."""

    who: str
    places: list[tuple[str, int, int]]


_encode = msgspec.json.Encoder().encode
_said, _asked = msgspec.json.Decoder(_Said), msgspec.json.Decoder(_Asked)


class ServedRelay(LocalRelay):
    """A relay over a line. The server keeps nothing: who drives a run has what it told, and gives it to who asks.

    So a late listener, a lost message, a reconnect and a restarted server are one case: ask for what follows the last
    piece that is known. And a run that nobody watches from elsewhere sends nothing but the first piece of each epoch,
    by which whoever listens learns that there is somebody to be asked.
    """

    def __init__(self, line: Line, beat: float = BEAT) -> None:
        super().__init__()
        self._line, self._beat = line, beat
        self._me = secrets.token_hex(8)
        self._task: asyncio.Task[None] | None = None
        self._stir = asyncio.Event()
        self._up = self._cut = self._closing = False
        self._wanted: dict[str, float] = {}  # places that others listen to, and until when that holds
        self._unsent: set[str] = set()  # places of which others lack something
        self._asking: set[str] = set()  # places to ask for
        self._moved: set[str] = set()  # places that somebody has begun, or ceased, to listen to
        self._attended: set[str] = set()
        self._chased: dict[str, int] = {}  # places that miss something, and how often it was asked for
        self._echoed = 0.0  # when our own asking was heard last
        self._complained = False

    # --- what this process says and wants ----------------------------------------------------------------------

    async def open(self) -> None:
        """See Relay. Does not wait for the server."""
        self._task = asyncio.create_task(self._stay())

    def tell(self, workspace: str, run: str, epoch: int, after: int, delta: StepDelta | None = None) -> None:
        """See Relay."""
        place = place_of(workspace, run)
        for part in _parts(delta, (self._line.longest - _FRAME) // _ESCAPED):
            piece = self._tell(place, epoch, after, part)
            if piece is not None and (piece.number == 1 or place in self._wanted):
                self._send(place)

    def done(self, workspace: str, run: str) -> None:
        """See Relay. What was told stays for a moment: who listens may just have learned that there is something."""
        place = place_of(workspace, run)
        if reel := self._reels.get(place):
            asyncio.get_running_loop().call_later(_GRACE, self._done, place, reel.epoch)

    def _done(self, place: str, epoch: int) -> None:
        reel = self._reels.get(place)
        if reel is not None and reel.epoch == epoch:  # else it goes on already
            reel.told = False
            self._release(place)

    @contextmanager
    def listen(self, workspace: str, run: str, since: tuple[int, int] = (0, 0)) -> Iterator[Listener]:
        """See Relay."""
        place = place_of(workspace, run)
        self._move(place)
        try:
            with super().listen(workspace, run, since) as listener:
                yield listener
        finally:
            self._move(place)

    async def close(self) -> None:
        """See Relay."""
        self._closing = True
        self._stir.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=1.0 if self._up else 0.0)
            self._task.cancel()
            await asyncio.wait({self._task})
        await super().close()

    def _send(self, place: str) -> None:
        if self._up:
            self._unsent.add(place)
            self._stir.set()

    def _move(self, place: str) -> None:
        self._moved.add(place)
        self._stir.set()

    def _ask(self, place: str) -> None:
        self._asking.add(place)
        self._stir.set()

    def _release(self, place: str) -> None:
        if place not in self._unsent:  # its last pieces are still to be sent
            super()._release(place)

    # --- what is heard -----------------------------------------------------------------------------------------

    def _hear(self, channel: str, data: bytes | str) -> None:
        try:
            if channel == _ASKS:
                self._hear_asked(_asked.decode(data))
            else:
                self._hear_said(channel.removeprefix(_PIECES), _said.decode(data))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("A message on %s at %s cannot be read: %s", channel, self._line.where, error)

    def _hear_asked(self, asked: _Asked) -> None:
        now = asyncio.get_running_loop().time()
        if asked.who == self._me:
            self._echoed = now
            return
        for place, epoch, number in asked.places:
            reel = self._reels.get(place)
            if reel is not None and reel.told and epoch <= reel.epoch:
                known = number if epoch == reel.epoch else 0
                # Others who were sent more may not have got it yet; but while nobody listened, nobody did.
                reel.sent = min(reel.sent, known) if place in self._wanted else known
                if reel.sent < reel.last:
                    self._send(place)
            self._wanted[place] = now + _WANTED

    def _hear_said(self, place: str, said: _Said) -> None:
        reel = self._reels.get(place)
        if reel is None or not reel.listeners:
            return
        if reel.hear(said.pieces, said.first):
            self._ask(place)  # so that whoever drives it now knows that somebody listens
        if reel.misses and place not in self._chased:
            self._chase(place, 0)

    def _chase(self, place: str, asked: int) -> None:
        reel = self._reels.get(place)
        self._chased.pop(place, None)
        if reel is None or not reel.misses or self._closing:
            return
        if asked == _CHASES:
            reel.give_up()
            return
        self._chased[place] = asked
        self._ask(place)
        # While the line is down nobody can answer, and that says nothing.
        asyncio.get_running_loop().call_later(_CHASE, self._chase, place, asked + 1 if self._up else asked)

    # --- the line ----------------------------------------------------------------------------------------------

    async def _stay(self) -> None:
        """Keep the line up, until the relay is closed."""
        wait = 0.05
        while not self._closing:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._line.open(self._hear, self._lost)
                await self._begin()
                wait = 0.05
                await self._serve()
            except (OSError, EOFError, RuntimeError) as error:  # what is written to a transport that has just closed
                self._complain(error)
            finally:
                self._up = False
                await self._line.close()
            if not self._closing:
                # Not everybody at once at a restarted server.
                await asyncio.sleep(wait * (0.5 + secrets.randbelow(100) / 200))
                wait = min(wait * 2, _SLOWEST)

    def _lost(self) -> None:
        self._cut = True
        self._stir.set()

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            log.warning("What runs tell live does not reach other processes: %s: %s", self._line.where, error)
        self._complained = True

    async def _begin(self) -> None:
        """A new line knows nothing: attend anew, ask for what was missed, and give others a sign to do so."""
        self._attended.clear()
        async with asyncio.timeout(_PATIENCE):
            await self._line.attend([_ASKS])
        self._cut, self._up = False, True
        self._echoed = asyncio.get_running_loop().time()
        self._moved.update(place for place, reel in self._reels.items() if reel.listeners)
        for place, reel in self._reels.items():
            if reel.told and reel.last:
                reel.sent = reel.last - 1
                self._send(place)
        if self._complained:
            log.warning("What runs tell live reaches other processes again: %s", self._line.where)
            self._complained = False

    async def _serve(self) -> None:
        clock = asyncio.get_running_loop().time
        beat = clock()
        while not self._cut:
            if clock() >= beat:
                self._live(clock())
                beat = clock() + self._beat
            async with asyncio.timeout(_PATIENCE):
                await self._attend()
                await self._say()
            if self._closing:
                return
            if self._line.pace:
                await asyncio.sleep(self._line.pace)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(beat):
                    await self._stir.wait()
            self._stir.clear()
        raise ConnectionError("the connection was lost")

    def _live(self, now: float) -> None:
        """Once a beat: see that the line lives, forget who listens no more, ask for all that is listened to here."""
        if now - self._echoed > 2.5 * self._beat:
            raise ConnectionError("what is sent does not come back")
        self._wanted = {place: until for place, until in self._wanted.items() if until > now}
        self._asking.update(self._attended)
        self._asking.add("")  # at least a sign of life

    async def _attend(self) -> None:
        moved, self._moved = self._moved, set()
        listened = {place for place in moved if place in self._reels and self._reels[place].listeners}
        if come := listened - self._attended:
            await self._line.attend([_PIECES + place for place in come])
            self._attended |= come
        self._asking.update(place for place in listened if place in come or not self._has_heard(place))
        if gone := (moved - listened) & self._attended:
            await self._line.leave([_PIECES + place for place in gone])
            self._attended -= gone

    def _has_heard(self, place: str) -> bool:
        return place in self._reels and self._reels[place].last > 0

    async def _say(self) -> None:
        asking, self._asking = self._asking, set()
        unsent, self._unsent = self._unsent, set()
        messages = list(self._askings(asking))
        for place in unsent:
            if reel := self._reels.get(place):
                messages += [(_PIECES + place, message) for message in _messages(reel, self._line.longest)]
                reel.sent = reel.last
                self._release(place)
        if messages:
            await self._line.send(messages)

    def _askings(self, asking: set[str]) -> Iterator[tuple[str, bytes]]:
        known = [(place, self._reels[place].epoch, self._reels[place].last) for place in asking if place in self._reels]
        most = self._line.longest // 80  # bytes of one
        for start in range(0, len(known) or bool(asking), most):
            yield _ASKS, _encode(_Asked(self._me, known[start : start + most]))


def _parts(delta: StepDelta | None, longest: int) -> Iterator[StepDelta | None]:
    """A delta in as many as it needs to fit into messages; whoever reads them puts text to text anyway."""
    if delta is None or (len(delta.text) <= longest and delta.text.isascii()):
        yield delta
        return
    text = writable(delta.text)
    for start in range(0, len(text) or 1, longest):
        yield StepDelta(delta.step, text[start : start + longest])


def _messages(reel: Reel, longest: int) -> Iterator[bytes]:
    """What others lack of a reel, in messages of a bearable length."""
    batch: list[Piece] = []
    length = 0
    for piece in reel.after(reel.sent):
        size = len(_encode(piece)) + 1
        if size > longest - _FRAME // 2:
            continue  # only a step with a path of kilobytes; its text comes with StepFinished
        if batch and length + size > longest - _FRAME // 2:
            yield _encode(_Said(reel.first, batch))
            batch, length = [], 0
        batch.append(piece)
        length += size
    if batch:
        yield _encode(_Said(reel.first, batch))
