"""Running again in Reflex: the whole run, from where it failed, from a step, or with another value for its output."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from builder.guard import backend, person
from builder.notices import Notices
from builder.preview.edited import edited, to_edit
from builder.preview.state import Previewing
from runtime.errors import CanevasError
from runtime.graph.reading import read_flow
from runtime.interpreter.kept import LARGE

DRAFT = "draft"  # as a version


class Replaying(rx.State):
    """What is to be run again. run, step: of which the value is edited; step is a path, empty while nothing is edited.

    text: the value as it is written. wrong, values: what is wrong with it, as a template and what fills it. version:
    the number of a published version of the flow, `draft`, or empty for the flow as it ran; a preview takes the draft.
    """

    run: str = ""
    step: str = ""
    text: str = ""
    wrong: str = ""
    values: dict[str, str] = {}
    version: str = ""
    _ports: list[str] = []

    @rx.event
    def arrive(self) -> None:
        """Begin on another page."""
        self.reset()

    @rx.event
    def take_version(self, version: str) -> None:
        """Choose which version of the flow is to run."""
        self.version = version

    @rx.event
    async def whole(self, run: str) -> EventSpec | None:
        """Run all of it again, with the same input."""
        return await self._again(run)

    @rx.event
    async def from_failed(self, run: str) -> EventSpec | None:
        """Run the failed step again, and what comes after it."""
        return await self._again(run, failed=True)

    @rx.event
    async def from_step(self, run: str, step: str) -> EventSpec | None:
        """Run a step again, and what comes after it. step: its path."""
        return await self._again(run, again=(step,))

    @rx.event
    async def edit(self, run: str, step: str) -> None:
        """Ask for another value for what a step gave."""
        who, back = await person(), backend()
        try:
            flow = await back.flow_of_run(who, await back.run(who, run))
            known = read_flow(flow, back.catalog).steps.get(step.rpartition("/")[2])
            found = (await back.trace(who, run)).step(step)
        except CanevasError as error:
            (await self.get_state(Notices))._tell(error)
            return
        ports = list(known.gives) if known is not None else []
        text = to_edit(found.output if found is not None else None, ports or ["output"])
        if len(text) > LARGE:  # never a part of it: that would be what the new run takes for the whole
            (await self.get_state(Notices))._say("What this step gave is too large to be edited here.", "error")
            return
        self.run, self.step, self.wrong, self.text, self._ports = run, step, "", text, ports

    @rx.event
    def close(self, open: bool) -> None:
        """Leave the value as it was."""
        if not open:
            self.step = self.wrong = ""

    @rx.event
    async def use(self, data: dict[str, Any]) -> EventSpec | None:
        """Run again as if the step had given this."""
        self.text = str(data.get("other-value", ""))
        value, self.wrong, self.values = edited(self.text, self._ports)
        if self.wrong:
            return rx.set_focus("other-value")
        run, step, self.step = self.run, self.step, ""
        return await self._again(run, outputs={step: value})

    async def _again(self, run: str, **how: Any) -> EventSpec | None:
        on_page = self.router.url.path.startswith("/runs/")
        draft = self.version == DRAFT or not on_page
        number = 0 if draft else int(self.version or 0)
        try:
            new = await backend().again(await person(), run, draft=draft, version=number, **how)
        except CanevasError as error:
            (await self.get_state(Notices))._tell(error)
            return None
        return rx.redirect(f"/runs/{new}") if on_page else Previewing.take_up(new)
