"""The list of runs in Reflex: filtered, loaded page by page, and looked at again while something runs."""

import reflex as rx

from builder.guard import backend, person
from builder.runs.lines import PAGE, STATES, RunLine, every, line
from runtime.errors import CanevasError


class RunList(rx.State):
    """The runs of a workspace, newest first.

    phase: loading, there or failed. flow, standing: what the list is filtered by, empty for everything. more: older
    runs wait. flows: what one may filter by, as options of a select.
    """

    phase: str = "loading"
    runs: list[RunLine] = []
    flows: list[dict[str, str]] = []
    flow: str = ""
    standing: str = ""
    more: bool = False
    failed: str = ""
    mend: str = ""

    @rx.var
    def every(self) -> int:
        """How soon to look again, in ms; not at all before the list is there."""
        return every(self.runs) if self.phase == "there" else 0

    @rx.event
    async def load(self) -> None:
        """Show the newest runs."""
        who, back = await person(), backend()
        try:
            self.flows = [{"value": entry.id, "label": entry.name} for entry in await back.flows(who)]
            await self._take(PAGE)
        except CanevasError as error:
            self.phase, self.failed, self.mend = "failed", error.what, error.mend

    @rx.event
    async def look(self) -> None:
        """See what changed in the runs that are shown."""
        await self._take(max(PAGE, len(self.runs)))

    @rx.event
    async def load_more(self) -> None:
        """Show older runs too."""
        await self._take(len(self.runs) + PAGE)

    @rx.event
    async def filter_state(self, state: str) -> None:
        """Only runs in this state; empty for all."""
        self.standing = state if state in STATES else ""
        await self._take(PAGE)

    @rx.event
    async def filter_flow(self, flow: str) -> None:
        """Only runs of this flow; empty for all."""
        self.flow = flow
        await self._take(PAGE)

    async def _take(self, count: int) -> None:
        who = await person()
        records = await backend().runs(who, flow=self.flow, state=self.standing, limit=count + 1)
        self.runs, self.more = [line(record) for record in records[:count]], len(records) > count
        self.phase = "there"
