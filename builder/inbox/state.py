"""The inbox in Reflex: what the people of the workspace are asked, looked at again and again."""

import contextlib

import reflex as rx
from reflex.event import EventSpec

from builder.guard import backend, person
from builder.inbox.answering import waiting
from builder.inbox.questions import Question
from builder.notices import Notices
from runtime.errors import CanevasError

HEADING = "question-heading"
EVERY = 3_000  # ms between two looks: somebody else may answer, or time may run out


class Inbox(rx.State):
    """What waits for people, newest first. phase: loading, there or failed. opened: the id of the one that is read.

    link: the address under which somebody without an account answers that one.
    """

    phase: str = "loading"
    questions: list[Question] = []
    opened: str = ""
    link: str = ""
    failed: str = ""
    mend: str = ""

    @rx.var
    def every(self) -> int:
        """How soon to look again, in ms; not at all before the list is there."""
        return EVERY if self.phase == "there" else 0

    @rx.event
    async def load(self) -> None:
        """Show what waits; the newest is opened where there is room beside the list."""
        self.opened = ""
        try:
            self.questions, self.phase = await waiting(), "there"
        except CanevasError as error:
            self.phase, self.failed, self.mend = "failed", error.what, error.mend

    @rx.event
    async def look(self) -> None:
        """See what came, and what was answered elsewhere."""
        now = await waiting()
        if now != self.questions:
            self.questions = now
        if self.opened and self.opened not in [one["id"] for one in now]:
            self.opened = ""

    @rx.event
    async def open(self, id: str) -> EventSpec | None:
        """Read a question; an empty id goes back to the list."""
        self.opened, self.link = id, ""
        asked = next((one for one in self.questions if one["id"] == id), None)
        if asked is None:
            return None
        with contextlib.suppress(CanevasError):  # answered meanwhile, as the next look shows
            self.link = await backend().answer_link(await person(), asked["run"], asked["step"])
        return rx.set_focus(HEADING)

    @rx.event
    async def copied(self) -> None:
        """Say that the clipboard has the link, and what it opens."""
        notices = await self.get_state(Notices)
        notices._say("The link is copied. Whoever has it can answer this one question.", "success")
