"""A journal in memory: for tests, for the command line, and as the plainest statement of what a journal promises."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import msgspec

from runtime.errors import ConflictError, NotFoundError
from runtime.interpreter.events import Durable, RunState, decode_all, encode_all
from runtime.interpreter.journal import STANDING, RunRecord, Signal, Signalled, is_meant


class MemoryJournal:
    """Keeps runs as long as the process lives, as JSON, so that nothing a reader does changes what was said."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], RunRecord] = {}
        self._entries: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        self._signals: dict[tuple[str, str], dict[str, Signal]] = {}
        self._keys: dict[tuple[str, str, str], str] = {}

    async def open(self, record: RunRecord, events: Sequence[Durable] = (), key: str = "") -> None:
        """Begin the record of a run. Raises ConflictError when the id or the key is taken."""
        place, keyed = (record.workspace, record.id), (record.workspace, record.flow, key)
        if place in self._records or (key and keyed in self._keys):
            raise taken(record.id)
        last = follow(record.id, events, 0)
        if key:
            self._keys[keyed] = record.id
        self._records[place] = record
        self._entries[place] = [(last, encode_all(list(events)))] if events else []

    async def append(self, workspace: str, run: str, events: Sequence[Durable], read: Collection[str] = ()) -> None:
        """Add consecutive events. Raises ConflictError when their seq does not follow the last one, NotFoundError."""
        entries = self._entries.get((workspace, run))
        if entries is None:
            raise unknown(run)
        if events:
            last = follow(run, events, entries[-1][0] if entries else 0)
            entries.append((last, encode_all(list(events))))
        for name in read:
            self._signals.get((workspace, run), {}).pop(name, None)

    async def close(
        self,
        record: RunRecord,
        events: Sequence[Durable] = (),
        *,
        after: int | None = None,
        read: Collection[str] = (),
        parks: bool = False,
    ) -> None:
        """Write how the run stands now, with its next events. Raises ConflictError, NotFoundError, Signalled."""
        place = record.workspace, record.id
        if place not in self._records:
            raise unknown(record.id)
        if after is not None:
            stays(record.id, after, self._entries[place][-1][0] if self._entries[place] else 0)
        if parks and self._signals.get(place):
            raise Signalled(record.id)
        await self.append(*place, events, read)
        stands = {name: getattr(record, name) for name in STANDING}
        self._records[place] = msgspec.structs.replace(self._records[place], **stands)

    def keep(self, record: RunRecord, events: Sequence[Durable]) -> asyncio.Future[None]:
        """A whole run at once. The future ends when it is kept; ConflictError when the id is taken."""
        kept = asyncio.get_running_loop().create_future()
        place = record.workspace, record.id
        if place in self._records:
            kept.set_exception(taken(record.id))
            kept.exception()  # whoever does not wait is not told again when the future goes
            return kept
        last = follow(record.id, events, 0)
        self._records[place] = record
        self._entries[place] = [(last, encode_all(list(events)))] if events else []
        kept.set_result(None)
        return kept

    async def signal(self, workspace: str, run: str, signal: Signal, after: int | None = None) -> None:
        """Leave a signal for who drives the run. Raises ConflictError, NotFoundError."""
        if (workspace, run) not in self._records:
            raise unknown(run)
        if after is not None:
            entries = self._entries[workspace, run]
            stays(run, after, entries[-1][0] if entries else 0)
        if self._signals.setdefault((workspace, run), {}).setdefault(signal.name, signal) is not signal:
            raise signal_taken(run)

    async def signals(self, workspace: str, run: str) -> list[Signal]:
        """The signals of a run that nobody has read, the oldest first."""
        return list(self._signals.get((workspace, run), {}).values())

    async def signalled(self, worker: str) -> list[tuple[str, str]]:
        """Workspace and id of the runs of a worker that have signals."""
        return [place for place, left in self._signals.items() if left and self._records[place].worker == worker]

    async def keyed(self, workspace: str, flow: str, key: str) -> str | None:
        """The id of the run that was started with a key of its caller's."""
        return self._keys.get((workspace, flow, key))

    async def events(self, workspace: str, run: str, after: int = 0) -> list[Durable]:
        """The events with a seq above `after`, in order. Raises NotFoundError."""
        entries = self._entries.get((workspace, run))
        if entries is None:
            raise unknown(run)
        return [event for last, body in entries if last > after for event in decode_all(body) if event.seq > after]

    async def record(self, workspace: str, run: str) -> RunRecord:
        """One run. Raises NotFoundError."""
        found = self._records.get((workspace, run))
        if found is None:
            raise unknown(run)
        return found

    async def records(
        self,
        workspace: str,
        *,
        flow: str = "",
        state: str = "",
        source: str = "",
        search: str = "",
        limit: int = 50,
        before: float | None = None,
    ) -> list[RunRecord]:
        """The newest runs first, without their documents; only those that `is_meant` tells, started before that."""
        found = [
            msgspec.structs.replace(record, document="")
            for record in self._records.values()
            if record.workspace == workspace
            and is_meant(record, flow, state, source, search)
            and (before is None or record.started < before)
        ]
        return sorted(found, key=lambda record: record.started, reverse=True)[:limit]

    async def counts(
        self, workspace: str, *, flow: str = "", source: str = "", search: str = ""
    ) -> dict[RunState, int]:
        """How many runs are in each state, of those that `is_meant` tells."""
        mine = (record for record in self._records.values() if record.workspace == workspace)
        return dict(Counter(record.state for record in mine if is_meant(record, flow, "", source, search)))

    async def unfinished(self) -> list[RunRecord]:
        """Runs of every workspace that are going on, or queued; the oldest first."""
        found = [
            msgspec.structs.replace(record, document="")
            for record in self._records.values()
            if record.state in ("running", "queued")
        ]
        return sorted(found, key=lambda record: record.started)

    async def due(self, now: float) -> list[RunRecord]:
        """Runs of every workspace that wait for nothing any more, the first due first."""
        found = [(at, record.id, record) for at, record in self._times() if at <= now]
        return [record for _, _, record in sorted(found)]

    async def next_due(self) -> float | None:
        """When the next run that waits, or is queued for later, goes on by itself, in seconds since the epoch."""
        return min((at for at, _ in self._times() if at), default=None)

    def _times(self) -> Iterator[tuple[float, RunRecord]]:
        for place, record in self._records.items():
            if record.state == "queued":
                yield record.due or 0.0, record
            elif record.state == "waiting" and self._signals.get(place):
                yield 0.0, record
            elif record.state == "waiting" and record.wake is not None:
                yield record.wake, record


def stays(run: str, after: int, last: int) -> int:
    """The last seq, if it is the one expected. Raises ConflictError."""
    if last != after:
        what = f"The run stands at event {last}, not {after}"
        raise ConflictError(what, f"run {run}", "Load the run anew: another process may drive it.")
    return last


def follow(run: str, events: Sequence[Durable], after: int) -> int:
    """The last seq of events that go on where `after` ended. Raises ConflictError for a gap or what was said before."""
    expected = after
    for event in events:
        expected += 1
        if event.seq != expected:
            raise ConflictError(
                f"Event {event.seq} was to be written where event {expected} belongs",
                f"run {run}",
                "Load the run anew: another process may drive it.",
            )
    return expected


def taken(run: str) -> ConflictError:
    """The error of every journal for a second run with an id."""
    return ConflictError("There is a run with this id already", f"run {run}", "Start the run under a new id.")


def signal_taken(run: str) -> ConflictError:
    """The error of every journal for a second signal with a name."""
    return ConflictError("Somebody has said this to the run already", f"run {run}", "Look at the run.")


def unknown(run: str) -> NotFoundError:
    """The error of every journal for a run that it does not know."""
    return NotFoundError("No such run in this workspace", f"run {run}", "Look at the list of runs.")
