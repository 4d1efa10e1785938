"""The preview in Reflex: start the draft, follow its run, show what each step got and gave."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from builder.editor.state import Editing
from builder.guard import backend, person
from builder.inbox.questions import Question, questions_of
from builder.preview.inputs import StartForm, filled
from builder.preview.inspected import Inspected, Value, inspect, shown
from builder.preview.overlay import RunTrace
from builder.preview.repeated import mark
from builder.preview.shown import Nest, Picker, cards, choosing, nest_of, pickers, shown_step
from builder.preview.transcript import Transcript, Turn, abridged, answer, ask, asked_again, history, recalled
from runtime.errors import CanevasError, NotFoundError
from runtime.graph.plan import BrokenFlow
from runtime.graph.reading import read_flow
from runtime.interpreter.events import Event

_BATCH = 0.05  # seconds between two looks of the browser at a run that goes on
_WAITING = 1_500  # ms between two looks at a run that waits: somebody may answer elsewhere
_NOTHING = inspect(None)
_NO_VALUE = shown("", "")


class Previewing(rx.State):
    """The preview of the open flow.

    state: idle, running, waiting, done, failed or cancelled. overlay: each step's card. wrong: what is wrong, by input.
    told, told_step, mend: why the last run did not begin or how it failed, at which step, and what to do.
    output: what a run gave that is no chat. questions: what the run asks people. ways: to the other passes of the
    selected step; chosen: those that somebody wants to see; scope: the same, told to the canvas when it was chosen
    elsewhere. parent: the run that this one repeats.
    """

    is_open: bool = False
    starts: list[StartForm] = []
    start: int = 0
    state: str = "idle"
    overlay: dict[str, dict[str, Any]] = {}
    wrong: dict[str, str] = {}
    told: str = ""
    told_step: str = ""
    mend: str = ""
    output: Value = _NO_VALUE
    ms: float = 0.0
    tokens: int = 0
    inspected: Inspected = _NOTHING
    run_id: str = ""
    parent: str = ""
    questions: list[Question] = []
    ways: list[Picker] = []
    chosen: dict[str, str] = {}
    scope: dict[str, Any] = {}
    _nest: Nest = Nest()
    _followed: str = ""
    _given: list[str] = []
    _said: Transcript = ()

    @rx.var
    def form(self) -> StartForm:
        """The start that a run begins at."""
        if self.start < len(self.starts):
            return self.starts[self.start]
        return StartForm(step="", title="", trigger="", fields=[])

    @rx.var
    def turns(self) -> list[Turn]:
        """The conversation, each turn as long as a page can bear; the next message carries all of it."""
        return abridged(self._said)

    @rx.var
    def is_running(self) -> bool:
        """Has the run not ended?"""
        return self.state in ("running", "waiting")

    @rx.var
    def every(self) -> int:
        """How soon to look at a run that waits, in ms; 0 for any other, which is followed."""
        return _WAITING if self.state == "waiting" else 0

    @rx.event
    async def arrive(self) -> EventSpec | None:
        """A flow was opened: forget the last one, and go on watching its preview if one still runs."""
        self.reset()
        flow = str((await self.get_state(Editing)).flow_id)
        run = await backend().previewing(await person(), flow)
        if not run:
            return None
        self.is_open, self.run_id, self.state = True, run, "running"
        await self._ask(flow)
        await self._recall(run)
        return Previewing.follow(run)

    @rx.event
    async def toggle(self) -> None:
        """Open or close the panel; opening asks the flow what its starts are now."""
        self.is_open = not self.is_open
        if self.is_open:
            await self._ask((await self.get_state(Editing)).flow_id)

    @rx.event
    async def refresh(self) -> None:
        """The flow was edited: its starts may have changed."""
        if self.is_open:
            await self._ask((await self.get_state(Editing)).flow_id)

    @rx.event
    def choose(self, number: str) -> None:
        """Begin at another start."""
        self.start, self.wrong = int(number) if number.isdigit() else 0, {}

    @rx.event
    def forget(self) -> None:
        """Begin the conversation anew."""
        self._said = ()

    @rx.event
    async def send(self, data: dict[str, Any]) -> EventSpec | None:
        """Say something in the chat."""
        message = str(data.get("message", "")).strip()
        if not message or self.is_running:
            return None
        before = self._said
        self._said = ask(before, message)
        return await self._begin({"message": message, "history": history(before)})

    @rx.event
    async def submit(self, data: dict[str, Any]) -> EventSpec | None:
        """Run with what was filled in."""
        given, self.wrong = filled(self.form, data)
        return None if self.wrong or self.is_running else await self._begin(given)

    @rx.event
    async def stop(self) -> None:
        """End the run."""
        try:
            await backend().stop(await person(), self.run_id)
        except NotFoundError:
            self.state = "cancelled" if self.is_running else self.state

    @rx.event
    def leave(self) -> None:
        """Let the run wait where it can be answered too, such as the inbox, and begin another."""
        self._forget_run()
        self.run_id, self.state, self._said = "", "idle", ()

    @rx.event
    async def look(self, steps: list[str]) -> None:
        """Show what the selected step got and gave."""
        await self._look(steps[0] if steps else "")

    @rx.event
    async def choose_pass(self, body: str, key: str) -> None:
        """Show another pass of the steps inside a step."""
        self._pass({**self.chosen, body: key})
        await self._look(await self._selected())

    @rx.event
    async def follow_passes(self, chosen: dict[str, str]) -> None:
        """Show the passes that somebody chose on the canvas."""
        if chosen != self.chosen:
            self.chosen = chosen
            await self._look(await self._selected())

    @rx.event
    async def beat(self) -> EventSpec | None:
        """Look at a run that waits; follow it once it goes on."""
        await self._look(await self._selected())
        goes_on = self.state == "running" and self._followed != self.run_id
        return Previewing.follow(self.run_id) if goes_on else None

    @rx.event
    def take_up(self, run: str) -> EventSpec:
        """Follow a run that repeats an earlier one."""
        self._forget_run()
        self._said = asked_again(self._said)
        self.is_open, self.run_id, self.state = True, run, "running"
        return Previewing.follow(run)

    @rx.event(background=True)
    async def follow(self, run: str) -> None:
        """Watch a run until it ends or is put away to wait, or until this tab watches another."""
        who, back = await person(), backend()
        trace = RunTrace()
        nest = nest_of(read_flow(await back.flow_of_run(who, await back.run(who, run)), back.catalog))
        given = await back.given(who, run)
        async with self:
            self._nest, self._followed, self._given = nest, run, given
        async with aclosing(_batches(back.watch(who, run))) as batches:
            async for batch in batches:
                trace.take_all(batch)
                async with self:
                    if self.run_id != run:
                        return
                    self._show(trace, await self._selected())
                    if self.state == "waiting":
                        break  # for days, it may be: the browser asks while somebody looks, see `every`
        async with self:
            if self._followed == run:
                self._followed = ""

    async def _selected(self) -> str:
        selected = (await self.get_state(Editing)).selected
        return str(selected[0]) if selected else ""

    async def _look(self, selected: str) -> None:
        if not self.run_id:
            self.inspected = _NOTHING
            return
        try:
            self._show(await backend().trace(await person(), self.run_id), selected)
        except NotFoundError:
            self.inspected = _NOTHING

    async def _ask(self, flow: str) -> None:
        try:
            self.starts = await backend().starts(await person(), flow)
        except NotFoundError:
            self.starts = []
        if self.start >= len(self.starts):
            self.start = 0

    async def _recall(self, run: str) -> None:
        """Stand where the run began: at its start, and in its conversation."""
        trace = await backend().trace(await person(), run)
        steps = [start["step"] for start in self.starts]
        self.start = steps.index(trace.trigger) if trace.trigger in steps else 0
        if self.form["trigger"] == "chat":
            self._said = recalled(trace.input)

    async def _begin(self, given: dict[str, Any]) -> EventSpec | None:
        flow = str((await self.get_state(Editing)).flow_id)
        self._forget_run()
        try:
            self.run_id = await backend().preview(await person(), flow, given, self.form["step"])
        except CanevasError as error:
            self._refuse(error)
            return None
        self.state = "running"
        return Previewing.follow(self.run_id)

    def _forget_run(self) -> None:
        self.told = self.told_step = self.mend = self.parent = ""
        self.output, self._given = _NO_VALUE, []
        self.overlay, self.inspected, self.wrong = {}, _NOTHING, {}
        self.questions, self.ways = [], []
        if self.chosen:
            self._pass({})
        self.ms, self.tokens = 0.0, 0

    def _refuse(self, error: CanevasError) -> None:
        self.state, self.told, self.mend = "failed", error.what, error.mend
        if isinstance(error, BrokenFlow):
            problem = error.problems[0]
            self.told, self.told_step = problem.what, problem.step
        self.wrong = {str(key): str(value) for key, value in getattr(error, "fields", {}).items()}
        if self._said and self._said[-1].role == "assistant":
            failed = Turn("assistant", self.told, "failed", step=self.told_step, mend=self.mend)
            self._said = (*self._said[:-1], failed)

    def _pass(self, chosen: dict[str, str]) -> None:
        self.chosen = chosen
        self.scope = {"n": int(self.scope.get("n", 0)) + 1, "chosen": chosen}

    def _show(self, trace: RunTrace, selected: str) -> None:
        mark(trace, self._given)
        if trace.failed_step and self.is_running:
            self._pass({**self.chosen, **choosing(trace.failed_step)})
        found = inspect(shown_step(trace, self._nest, self.chosen, selected)) if selected else _NOTHING
        drawn, asked = cards(trace, self._nest, self.chosen), questions_of(self.run_id, trace.questions)
        ways = pickers(trace, self._nest, self.chosen, selected)
        # Only what changed travels to the browser.
        for name, now in (("inspected", found), ("overlay", drawn), ("questions", asked), ("ways", ways)):
            if getattr(self, name) != now:
                setattr(self, name, now)
        self.state, self.ms, self.tokens = trace.state, round(trace.ms, 1), trace.tokens
        self.parent = trace.parent
        if self.form["trigger"] == "chat":
            self._said = answer(self._said, trace)
        if trace.state == "done":
            self.output = shown("", trace.output)
        elif trace.failure is not None:
            self.told, self.mend = trace.failure.what, trace.failure.mend
            self.told_step = trace.failed_step.rpartition("/")[2]


async def _batches(events: AsyncIterator[Event]) -> AsyncGenerator[list[Event], None]:
    """Events in the portions in which a browser can show them; nothing waits longer than a batch lasts."""
    queue: asyncio.Queue[Event | None] = asyncio.Queue()

    async def read() -> None:
        try:
            async for event in events:
                queue.put_nowait(event)
        finally:
            queue.put_nowait(None)

    reader = asyncio.create_task(read())
    try:
        while (event := await queue.get()) is not None:
            batch = [event]
            await asyncio.sleep(_BATCH)
            while not queue.empty() and (event := queue.get_nowait()) is not None:
                batch.append(event)
            yield batch
            if event is None:
                break
        await reader
    finally:
        reader.cancel()
