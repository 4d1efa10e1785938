"""One run in Reflex: its events are folded anew at each look, so that a tab which was away misses nothing."""

import contextlib
from typing import Any

import reflex as rx

from builder.editor.view import FlowView, plain, view
from builder.guard import backend, person
from builder.inbox.questions import Question, questions_of
from builder.preview.inspected import Inspected, inspect
from builder.preview.overlay import RunTrace
from builder.preview.repeated import mark
from builder.preview.shown import Nest, Picker, cards, choosing, nest_of, pickers, place, shown_step
from builder.runs.lines import GOING_ON, SOON, RunLine, line
from builder.runs.recovery import Recovery, recoveries
from builder.runs.report import StepLine, inspect_run, step_lines
from builder.runs.versions import VersionLine
from runtime.errors import NotFoundError
from runtime.interpreter.journal import RunRecord

NO_RUN = line(RunRecord(id="", workspace="", flow="", flow_name="", source="preview", started=0))


class RunPage(rx.State):
    """What the page of a run shows. phase: loading, there, missing.

    selected: the step looked into, empty for the run; it may be a place in another flow that a step runs. chosen: the
    passes of steps inside others that somebody wants to see; scope: the same, told to the canvas when it was chosen
    elsewhere. ways: to the other passes of the selected step. questions: what the run asks people. repeated: when the
    run started that this one repeats, seconds since the epoch, 0 when that is not known. view: the flow as it ran, for
    the `Viewer`; overlay: what the run says of its steps. incomplete: the flow was not kept, so nothing can be drawn.
    versions: of the flow, as published; not the one that ran. recovered: the processes that died with it.
    """

    phase: str = "loading"
    run: RunLine = NO_RUN
    view: dict[str, Any] = {}
    overlay: dict[str, dict[str, Any]] = {}
    steps: list[StepLine] = []
    selected: str = ""
    shown: Inspected = inspect_run(RunTrace())
    incomplete: bool = False
    chosen: dict[str, str] = {}
    scope: dict[str, Any] = {}
    ways: list[Picker] = []
    questions: list[Question] = []
    repeated: float = 0.0
    versions: list[VersionLine] = []
    recovered: list[Recovery] = []
    _given: list[str] = []

    @rx.var
    def every(self) -> int:
        """How soon to look again, in ms; 0 once the run has ended."""
        return SOON if self.is_going_on else 0

    @rx.var
    def is_going_on(self) -> bool:
        """Has the run not ended?"""
        return self.run["state"] in GOING_ON

    @rx.event
    async def open(self) -> None:
        """Show the run that the address names."""
        self.reset()
        await self._look(first=True)
        if self.run["flow"]:
            found = await backend().versions(await person(), self.run["flow"])
            ran = self.run["version"]
            self.versions = [VersionLine(number=one.number, created=one.created) for one in found if one.number != ran]

    @rx.event
    async def look(self) -> None:
        """See what happened since."""
        await self._look()

    @rx.event
    async def select(self, step: str) -> None:
        """Look into a step; empty for the whole run."""
        await self._select(step)

    @rx.event
    async def choose_pass(self, body: str, key: str) -> None:
        """Show another pass of the steps inside a step."""
        self._pass({**self.chosen, body: key})
        await self._look()

    @rx.event
    async def follow_passes(self, chosen: dict[str, str]) -> None:
        """Show the passes that somebody chose on the canvas."""
        if chosen != self.chosen:
            self.chosen = chosen
            await self._look()

    @rx.event
    async def stop(self) -> None:
        """Ask the run to end."""
        who = await person()
        with contextlib.suppress(NotFoundError):  # it has ended meanwhile, and the look below says so
            await backend().stop(who, self.run["id"])
        await self._look()

    async def _select(self, step: str) -> None:
        self.selected = step
        await self._look()

    async def _look(self, first: bool = False) -> None:
        who, back = await person(), backend()
        try:
            record = await back.run(who, str(self.run_id))
            events = await back.events(who, record.id)
            trace = RunTrace().take_all(events)
        except NotFoundError:
            self.phase = "missing"
            return
        nest = Nest()
        drawn: Any = FlowView(record.flow_name, "", {}, {}, {})
        with contextlib.suppress(NotFoundError):
            reading = await back.reading_of_run(who, record)
            nest, drawn = nest_of(reading), view(reading, [])
        changing = first or self.is_going_on
        if trace.failed_step and changing and not self.selected:
            self._lead_to(trace.failed_step, nest)
        self.incomplete = not drawn.steps
        self.run, self.phase = line(record), "there"
        if not self.view:  # a run keeps the flow with which it began: it travels once
            self.view = plain(drawn)
        if record.parent and changing:
            with contextlib.suppress(NotFoundError):
                self.repeated = (await back.run(who, record.parent)).started
                self._given = await back.given(who, record.id)
        mark(trace, self._given)
        self.recovered = recoveries(events)
        self._show(trace, drawn, nest)

    def _pass(self, chosen: dict[str, str]) -> None:
        self.chosen = chosen
        self.scope = {"n": int(self.scope.get("n", 0)) + 1, "chosen": chosen}

    def _lead_to(self, path: str, nest: Nest) -> None:
        """Show a step in the pass in which it failed."""
        name = path.rpartition("/")[2]
        self.selected = name if name in nest.homes else place(path)
        self._pass(choosing(path))

    def _show(self, trace: RunTrace, drawn: FlowView, nest: Nest) -> None:
        self.overlay, self.steps = (
            cards(trace, nest, self.chosen),
            step_lines(drawn, trace, nest, self.chosen),
        )
        self.ways = pickers(trace, nest, self.chosen, self.selected)
        self.questions = questions_of(self.run["id"], trace.questions)
        selected = shown_step(trace, nest, self.chosen, self.selected)
        self.shown = inspect(selected) if self.selected else inspect_run(trace)
