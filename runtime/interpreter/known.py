"""What is known of runs: those that are driven here, those of other processes, and those that ended."""

from collections.abc import AsyncIterator, Callable

from runtime.interpreter.events import Ending, Event, RunState
from runtime.interpreter.journal import Journal, RunRecord, Source, is_meant
from runtime.interpreter.living import Living
from runtime.interpreter.run import Run
from runtime.interpreter.waits import Wait

_MOST_WAITING = 1_000  # runs in one look at what a workspace is asked

Elsewhere = Callable[[str, str, int], AsyncIterator[Event]]
"""The events of a run (workspace, id) after a seq that any process drives, until it has ended."""


class Known:
    """Tells of runs, whoever drives them; the journal knows those that are not alive here.

    elsewhere: watches a run that another process drives, where others drive runs of this journal.
    """

    def __init__(self, journal: Journal, elsewhere: Elsewhere | None = None) -> None:
        self._journal, self._elsewhere = journal, elsewhere
        self._living = Living()
        self._closed = False

    async def watch(self, workspace: str, run: str, after: int = 0) -> AsyncIterator[Event]:
        """The events of a run, wherever it is, from `after` on, until it has ended. Raises NotFoundError."""
        found = await self._find(workspace, run)
        if found is not None and self._elsewhere is not None and self.alive(workspace, run) is None:
            async for event in self._elsewhere(workspace, run, after):
                yield event
        elif found is not None:
            async for event in found.watch(after):
                yield event
        else:
            for recorded in await self._journal.events(workspace, run, after):
                yield recorded

    async def _find(self, workspace: str, run: str) -> Run | None:
        """A run that has not ended, to be watched; None when it has."""
        async with self._living.claim(run):  # so that it does not go on while it is loaded
            if found := self._living.known(workspace, run):
                return found
            record = await self._journal.record(workspace, run)
            if record.state not in ("queued", "running", "waiting"):
                return None
            found = self._follow(record)
            for event in await self._journal.events(workspace, run):
                found.add(event)
            if self._closed:
                found.leave()
            return found

    def _follow(self, record: RunRecord) -> Run:
        """A run that is not driven here, as those who watch it see it."""
        run = self._living.known(record.workspace, record.id)
        return self._living.watch(record) if run is None else run

    async def so_far(self, workspace: str, run: str) -> list[Event]:
        """What has happened in a run until now, without waiting for more. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        return list(alive.log) if alive is not None else list(await self._journal.events(workspace, run))

    def alive(self, workspace: str, run: str) -> Run | None:
        """The run, if this process drives it, or is still writing its record."""
        return self._living.driven(workspace, run)

    def newest_alive(self, workspace: str, flow: str, source: Source) -> Run | None:
        """The youngest run of a flow that is still going."""
        mine = [run for run in self._living if run.record.state == "running"]
        return next(
            (
                run
                for run in reversed(mine)
                if (run.record.workspace, run.record.flow, run.record.source) == (workspace, flow, source)
            ),
            None,
        )

    async def record(self, workspace: str, run: str) -> RunRecord:
        """One run, alive or not. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        return alive.record if alive is not None else await self._journal.record(workspace, run)

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
        """The newest runs first, those that are alive among them; only those that `is_meant` tells, started before."""
        meant = {"flow": flow, "state": state, "source": source, "search": search}
        kept = await self._journal.records(workspace, **meant, limit=limit, before=before)
        here = {run.record.id: run.record for run in self._living if run.record.workspace == workspace}
        alive = {
            id: record
            for id, record in here.items()
            if is_meant(record, **meant) and (before is None or record.started < before)
        }
        both = {**{record.id: record for record in kept if record.id not in here}, **alive}
        return sorted(both.values(), key=lambda record: record.started, reverse=True)[:limit]

    async def counts(
        self, workspace: str, *, flow: str = "", source: str = "", search: str = ""
    ) -> dict[RunState, int]:
        """How many runs are in each state, those that are alive among them, of those that `is_meant` tells."""
        found = await self._journal.counts(workspace, flow=flow, source=source, search=search)
        for run in self._living:
            record = run.record
            kept = record.durability == "step" or (run.written is not None and run.written.done())
            if record.workspace == workspace and not kept and is_meant(record, flow, "", source, search):
                found[record.state] = found.get(record.state, 0) + 1
        return found

    async def asked(self, workspace: str) -> list[tuple[RunRecord, Wait]]:
        """What people are asked by the runs of a workspace, the first asked first; of at most a thousand runs."""
        put_away = await self.records(workspace, state="waiting", limit=_MOST_WAITING)
        going = await self.records(
            workspace, state="running", limit=_MOST_WAITING
        )  # one branch may wait while others run
        here = {run.record.id: run for run in self._living}
        found = [
            (record, wait)
            for record in (*put_away, *going)
            for wait in (here[record.id].waits if record.id in here else record.waits)
        ]
        return sorted((each for each in found if each[1].request is not None), key=lambda each: each[1].asked)

    async def waits(self, workspace: str, run: str) -> tuple[Wait, ...]:
        """What one run waits for. Raises NotFoundError."""
        alive = self.alive(workspace, run)
        return alive.waits if alive is not None else (await self._journal.record(workspace, run)).waits

    async def outcome(self, workspace: str, run: str) -> tuple[RunRecord, Ending | None]:
        """How a run ends, once it has; None: it waits for somebody, or for long. Raises: NotFoundError."""
        found = await self._find(workspace, run)
        if found is not None:
            await self._catch_up(found)
            await found.rested()
            return found.record, found.ending
        events = await self._journal.events(workspace, run)
        return await self._journal.record(workspace, run), next(
            (event for event in reversed(events) if isinstance(event, Ending)), None
        )

    async def keyed(self, workspace: str, flow: str, key: str) -> RunRecord | None:
        """The run of a flow that was started with a key of its caller's."""
        found = await self._journal.keyed(workspace, flow, key)
        return None if found is None else await self.record(workspace, found)

    async def _catch_up(self, run: Run) -> None:
        """See what has become of a run that is not driven here."""
        workspace, id = run.record.workspace, run.record.id
        async with self._living.claim(id):
            if run.driving or run.ending is not None:
                return
            for event in await self._journal.events(workspace, id, run.last):
                run.add(event)
            if run.ending is None:
                record = await self._journal.record(workspace, id)
                if record != run.record:
                    run.stand(record)
