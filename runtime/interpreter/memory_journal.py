"""A journal in memory: for tests, for the command line, and as the plainest statement of what a journal promises."""

import asyncio
from collections.abc import Sequence

import msgspec

from runtime.errors import ConflictError, NotFoundError
from runtime.interpreter.events import Durable, decode_all, encode_all
from runtime.interpreter.journal import STANDING, RunRecord


class MemoryJournal:
    """Keeps runs as long as the process lives, as JSON, so that nothing a reader does changes what was said."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], RunRecord] = {}
        self._entries: dict[tuple[str, str], list[tuple[int, bytes]]] = {}

    async def open(self, record: RunRecord) -> None:
        """Begin the record of a run. Raises ConflictError when the id is taken."""
        place = record.workspace, record.id
        if place in self._records:
            raise taken(record.id)
        self._records[place] = record
        self._entries[place] = []

    async def append(self, workspace: str, run: str, events: Sequence[Durable]) -> None:
        """Add consecutive events. Raises ConflictError when their seq does not follow the last one, NotFoundError."""
        entries = self._entries.get((workspace, run))
        if entries is None:
            raise unknown(run)
        if events:
            last = follow(run, events, entries[-1][0] if entries else 0)
            entries.append((last, encode_all(list(events))))

    async def close(self, record: RunRecord, events: Sequence[Durable] = ()) -> None:
        """Write how the run stands now, with its next events. Raises ConflictError, NotFoundError."""
        place = record.workspace, record.id
        if place not in self._records:
            raise unknown(record.id)
        await self.append(*place, events)
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
        self, workspace: str, *, flow: str = "", state: str = "", limit: int = 50, before: float | None = None
    ) -> list[RunRecord]:
        """The newest runs first, without their documents; flow, state: only those; before: that started earlier."""
        found = [
            msgspec.structs.replace(record, document="")
            for record in self._records.values()
            if record.workspace == workspace
            and flow in ("", record.flow)
            and state in ("", record.state)
            and (before is None or record.started < before)
        ]
        return sorted(found, key=lambda record: record.started, reverse=True)[:limit]

    async def unfinished(self) -> list[RunRecord]:
        """Runs still marked as running, of every workspace, the oldest first."""
        running = (record for record in self._records.values() if record.state == "running")
        return sorted(running, key=lambda record: record.started)

    async def wakes(self) -> list[tuple[str, str, float]]:
        """Workspace, id and `wake` of the waiting runs that go on by themselves."""
        waiting = (record for record in self._records.values() if record.state == "waiting")
        return [(record.workspace, record.id, record.wake) for record in waiting if record.wake is not None]


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


def unknown(run: str) -> NotFoundError:
    """The error of every journal for a run that it does not know."""
    return NotFoundError("No such run in this workspace", f"run {run}", "Look at the list of runs.")
