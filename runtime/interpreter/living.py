"""The runs that this process knows: those that it drives, and those that somebody here watches."""

import asyncio
from collections.abc import Iterator
from weakref import WeakValueDictionary

from runtime.interpreter.journal import RunRecord
from runtime.interpreter.run import Run


class Living:
    """Where everything that drives, answers or shows a run finds it. watched: as long as somebody looks."""

    def __init__(self) -> None:
        self._driven: dict[str, Run] = {}
        self._watched: WeakValueDictionary[str, Run] = WeakValueDictionary()
        self._claims: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __iter__(self) -> Iterator[Run]:
        """The runs that are driven here, the oldest first."""
        return iter(list(self._driven.values()))

    def driven(self, workspace: str, run: str) -> Run | None:
        """The run, if this process drives it, or is still writing its record."""
        found = self._driven.get(run)
        return found if found is not None and found.record.workspace == workspace else None

    def known(self, workspace: str, run: str) -> Run | None:
        """The run, if it is driven or watched here."""
        found = self._driven.get(run) or self._watched.get(run)
        return found if found is not None and found.record.workspace == workspace else None

    def drive(self, run: Run) -> None:
        """From now on the run is driven here."""
        self._driven[run.record.id] = run

    def leave(self, run: Run) -> None:
        """The run is driven here no more; who watches it goes on watching."""
        if self._driven.get(run.record.id) is run:
            del self._driven[run.record.id]
        if run.ending is None:
            self._watched[run.record.id] = run

    def watch(self, record: RunRecord) -> Run:
        """A run that is not driven here, for whoever watches it."""
        run = self._watched[record.id] = Run(record)
        return run

    def watched(self) -> list[Run]:
        """The runs that are watched here and not driven."""
        return list(self._watched.values())

    def claim(self, run: str) -> asyncio.Lock:
        """Who answers, cancels or takes up a run does it alone in this process."""
        found = self._claims.get(run)
        if found is None:
            found = self._claims[run] = asyncio.Lock()
        return found
