"""Many runs at once in Reflex: asked once more before it is done, and told what became of each."""

from functools import partial

import reflex as rx

from builder.guard import backend, person
from builder.notices import Notices
from builder.runs.bulk import Refused, each, fitting
from builder.runs.state import RunList


class Many(rx.State):
    """What is about to be done to the runs that are ticked.

    deed: see `bulk.Deed`; empty while the dialog is closed. count: of the runs to which it applies; left_out: of the
    others that are ticked. done: to how many it was done, -1 before that. refused: those to which it could not be done.
    """

    deed: str = ""
    count: int = 0
    left_out: int = 0
    done: int = -1
    refused: list[Refused] = []

    @rx.event
    async def ask(self, deed: str) -> None:
        """Ask whether it is meant."""
        runs = await self.get_state(RunList)
        self.deed, self.done, self.refused = deed, -1, []
        self.count = len(fitting(runs.runs, runs.chosen, deed))
        self.left_out = len(runs.chosen) - self.count

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Leave it, or put the report away."""
        if not is_open:
            self.deed = ""

    @rx.event
    async def do(self) -> None:
        """Do it. What could not be done stays ticked, and the dialog tells why; else a notice says that it is done."""
        runs, who, back = await self.get_state(RunList), await person(), backend()
        meant, deed = fitting(runs.runs, runs.chosen, self.deed), self.deed
        acts = {
            "stop": partial(back.stop, who),
            "again": partial(back.again, who),
            "go_on": partial(back.again, who, failed=True),
        }
        if deed not in acts:
            return
        self.refused = await each(meant, acts[deed])
        self.done = len(meant) - len(self.refused)
        runs.chosen = [one["id"] for one in self.refused]
        if not self.refused:
            self.deed = ""
            notices = await self.get_state(Notices)
            if deed == "stop":
                notices._say("Runs that are stopped: {count}.", "success", count=self.done)
            else:
                notices._say("Runs that were started again: {count}.", "success", count=self.done)
        await runs._take(max(1, len(runs.runs)))
        await runs._count()
