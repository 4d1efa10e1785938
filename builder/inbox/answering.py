"""Answering in Reflex: what was filled in becomes an answer, or what is wrong stands beside the fields."""

from collections.abc import AsyncIterator
from typing import Any

import reflex as rx

from builder.guard import backend, person
from builder.inbox.questions import Question, answer_of, misfits, question
from builder.notices import Notices
from runtime.errors import CallerError, ConflictError, NotFoundError
from runtime.interpreter.waits import InvalidAnswer


class Answering(rx.State):
    """How answers are received. wrong: what is wrong, by question and field; of no field under an empty name.

    busy: the question whose answer is on its way.
    """

    wrong: dict[str, dict[str, str]] = {}
    busy: str = ""

    @rx.event
    async def answer(self, run: str, step: str, data: dict[str, Any]) -> AsyncIterator[None]:
        """Answer what a step of a run asks. data: texts by field name."""
        self.busy = f"{run}/{step}"
        yield
        try:
            wrong = await self._answer(run, step, data)
        finally:
            self.busy = ""
        others = {id: told for id, told in self.wrong.items() if id != f"{run}/{step}"}
        self.wrong = {**others, f"{run}/{step}": wrong} if wrong else others

    async def _answer(self, run: str, step: str, data: dict[str, Any]) -> dict[str, str]:
        notices = await self.get_state(Notices)
        asked = next((one for one in await waiting() if (one["run"], one["step"]) == (run, step)), None)
        if asked is None:
            notices._say("This was answered already, or the time for it is over.", "warning")
            return {}
        value, wrong = answer_of(asked, data)
        if wrong:
            return wrong
        try:
            await backend().answer(await person(), run, step, value)
        except InvalidAnswer as error:
            names = [field["name"] for field in asked["fields"]]
            wrong, rest = misfits([(one.field, one.detail) for one in error.errors], [*names, asked["choice"]])
            return {**wrong, "": rest} if rest else wrong
        except CallerError as error:
            return {"": error.what}
        except (ConflictError, NotFoundError) as error:
            notices._tell(error)
            return {}
        notices._say("Your answer is there; the run goes on.", "success")
        return {}


async def waiting() -> list[Question]:
    """What the people of the workspace are asked, newest first."""
    return [
        question(
            one.run,
            one.step,
            {"title": one.title, "text": one.text, "schema": one.schema, "shown": one.shown, "to": one.to},
            asked=one.asked,
            until=one.until,
            flow=one.flow,
            flow_name=one.flow_name,
        )
        for one in sorted(await backend().waiting(await person()), key=lambda one: one.asked, reverse=True)
    ]
