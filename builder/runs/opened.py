"""One run in Reflex: its events are folded anew at each look, so that a tab which was away misses nothing."""

import contextlib
from typing import Any

import reflex as rx

from builder.editor.view import FlowView, plain, view
from builder.guard import backend, person
from builder.preview.inspected import Inspected, inspect
from builder.preview.overlay import RunTrace
from builder.runs.lines import SOON, RunLine, line
from builder.runs.report import StepLine, inspect_run, step_lines
from runtime.errors import NotFoundError
from runtime.graph.reading import read_flow

NO_RUN = RunLine(
    id="", flow="", flow_name="", source="", state="", started=0, ms=0, steps=0, version=0, error=""
)  # fmt: skip


class RunPage(rx.State):
    """What the page of a run shows. phase: loading, there, missing. selected: the step looked into, empty for the run.

    view: the flow as it ran, for the `Viewer`; overlay: what the run says of its steps. incomplete: the flow was not
    kept, so there is nothing to draw.
    """

    phase: str = "loading"
    run: RunLine = NO_RUN
    view: dict[str, Any] = {}
    overlay: dict[str, dict[str, Any]] = {}
    steps: list[StepLine] = []
    selected: str = ""
    shown: Inspected = inspect_run(RunTrace())
    incomplete: bool = False

    @rx.var
    def every(self) -> int:
        """How soon to look again, in ms; 0 once the run has ended."""
        return SOON if self.run["state"] == "running" else 0

    @rx.event
    async def open(self) -> None:
        """Show the run that the address names."""
        self.phase, self.selected, self.view, self.overlay = "loading", "", {}, {}
        await self._look()
        failed = next((step["id"] for step in self.steps if step["state"] == "failed"), "")
        if failed and self.run["state"] == "failed":
            await self._select(failed)

    @rx.event
    async def look(self) -> None:
        """See what happened since."""
        await self._look()

    @rx.event
    async def select(self, step: str) -> None:
        """Look into a step; empty for the whole run."""
        await self._select(step)

    @rx.event
    async def stop(self) -> None:
        """Ask the run to end."""
        who = await person()
        with contextlib.suppress(NotFoundError):  # it has ended meanwhile, and the look below says so
            backend().stop(who, self.run["id"])
        await self._look()

    async def _select(self, step: str) -> None:
        self.selected = step
        await self._look()

    async def _look(self) -> None:
        who, back = await person(), backend()
        try:
            record = await back.run(who, str(self.run_id))
            trace = RunTrace().take_all(await back.events(who, record.id))
        except NotFoundError:
            self.phase = "missing"
            return
        try:
            drawn: Any = view(read_flow(await back.flow_of_run(who, record), back.catalog), [])
        except NotFoundError:
            drawn = FlowView(record.flow_name, "", {}, {}, {})
        self.incomplete = not drawn.steps
        self.run, self.phase = line(record), "there"
        if not self.view:  # a run keeps the flow with which it began: it travels once
            self.view = plain(drawn)
        self.overlay, self.steps = trace.cards(), step_lines(drawn, trace)
        self.shown = inspect(trace, self.selected) if self.selected else inspect_run(trace)
