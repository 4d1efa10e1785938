"""The preview in Reflex: start the draft, follow its run, show what each step got and gave."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from builder.editor.state import Editing
from builder.guard import backend, person
from builder.preview.inputs import StartForm, filled
from builder.preview.inspected import Inspected, inspect, shown
from builder.preview.overlay import RunTrace
from builder.preview.transcript import Transcript, Turn, answer, ask, history
from runtime.errors import CanevasError, NotFoundError
from runtime.graph.plan import BrokenFlow
from runtime.interpreter.events import Event

_BATCH = 0.05  # seconds between two looks of the browser at a run that goes on
_NOTHING = inspect(RunTrace(), "")


class Previewing(rx.State):
    """The preview of the open flow.

    state: idle, running, done, failed or cancelled. overlay: each step's card. wrong: what is wrong, by input.
    told, told_step, mend: why the last run did not begin or how it failed, at which step, and what to do.
    output: of a run that is no chat.
    """

    is_open: bool = False
    starts: list[StartForm] = []
    start: int = 0
    state: str = "idle"
    overlay: dict[str, dict[str, Any]] = {}
    turns: list[Turn] = []
    wrong: dict[str, str] = {}
    told: str = ""
    told_step: str = ""
    mend: str = ""
    output: str = ""
    ms: float = 0.0
    tokens: int = 0
    inspected: Inspected = _NOTHING
    run_id: str = ""

    @rx.var
    def form(self) -> StartForm:
        """The start that a run begins at."""
        if self.start < len(self.starts):
            return self.starts[self.start]
        return StartForm(step="", title="", trigger="", fields=[])

    @rx.var
    def is_running(self) -> bool:
        """Is a run going on?"""
        return self.state == "running"

    @rx.event
    async def arrive(self) -> EventSpec | None:
        """A flow was opened: forget the last one, and go on watching its preview if one still runs."""
        self.reset()
        flow = str((await self.get_state(Editing)).flow_id)
        run = backend().previewing(await person(), flow)
        if not run:
            return None
        self.is_open, self.run_id, self.state = True, run, "running"
        await self._ask(flow)
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
        self.turns = []

    @rx.event
    async def send(self, data: dict[str, Any]) -> EventSpec | None:
        """Say something in the chat."""
        message = str(data.get("message", "")).strip()
        if not message or self.is_running:
            return None
        before: Transcript = tuple(self.turns)
        self.turns = list(ask(before, message))
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
            backend().stop(await person(), self.run_id)
        except NotFoundError:
            self.state = "cancelled" if self.is_running else self.state

    @rx.event
    async def look(self, steps: list[str]) -> None:
        """Show what the selected step got and gave."""
        if not steps or not self.run_id:
            self.inspected = _NOTHING
            return
        try:
            self.inspected = inspect(await backend().trace(await person(), self.run_id), steps[0])
        except NotFoundError:
            self.inspected = _NOTHING

    @rx.event(background=True)
    async def follow(self, run: str) -> None:
        """Watch a run until it ends, or until this tab watches another."""
        who, back = await person(), backend()
        trace = RunTrace()
        async with aclosing(_batches(back.watch(who, run))) as batches:
            async for batch in batches:
                trace.take_all(batch)
                async with self:
                    if self.run_id != run:
                        return
                    selected = (await self.get_state(Editing)).selected
                    self._show(trace, selected[0] if selected else "")

    async def _ask(self, flow: str) -> None:
        try:
            self.starts = await backend().starts(await person(), flow)
        except NotFoundError:
            self.starts = []
        if self.start >= len(self.starts):
            self.start = 0

    async def _begin(self, given: dict[str, Any]) -> EventSpec | None:
        flow = str((await self.get_state(Editing)).flow_id)
        self.told = self.told_step = self.mend = self.output = ""
        self.overlay, self.inspected, self.wrong = {}, _NOTHING, {}
        try:
            self.run_id = await backend().preview(await person(), flow, given, self.form["step"])
        except CanevasError as error:
            self._refuse(error)
            return None
        self.state = "running"
        return Previewing.follow(self.run_id)

    def _refuse(self, error: CanevasError) -> None:
        self.state, self.told, self.mend = "failed", error.what, error.mend
        if isinstance(error, BrokenFlow):
            problem = error.problems[0]
            self.told, self.told_step = problem.what, problem.step
        self.wrong = {str(key): str(value) for key, value in getattr(error, "fields", {}).items()}
        if self.turns and self.turns[-1].role == "assistant":
            self.turns = [*self.turns[:-1], Turn("assistant", self.told, "failed", step=self.told_step, mend=self.mend)]

    def _show(self, trace: RunTrace, selected: str) -> None:
        fresh = trace.fresh_cards()
        if selected in fresh or (selected and self.inspected["step"] != selected):
            self.inspected = inspect(trace, selected)
        if fresh:
            self.overlay = {**self.overlay, **fresh}
        self.state, self.ms, self.tokens = trace.state, round(trace.ms, 1), trace.tokens
        if self.form["trigger"] == "chat":
            self.turns = list(answer(tuple(self.turns), trace))
        if trace.state == "done":
            self.output = shown("", trace.output)["text"]
        elif trace.failure is not None:
            self.told, self.told_step, self.mend = trace.failure.what, trace.failed_step, trace.failure.mend


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
