"""The second lock, inside Reflex: no event runs for a session that is not valid at that moment."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

import reflex as rx
from reflex.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from builder.gate import SIGN_IN, Person, Sessions, session_in

if TYPE_CHECKING:  # the backend knows the editor's desks, which know this file
    from builder.backend import Backend

_SET_ANYTHING = ".setvar"  # Reflex gives every state this handler: it writes any variable, past our own handlers

_visit: ContextVar[tuple["Guard", str]] = ContextVar("visit")


class SignedOut(Exception):
    """Whoever sent this event is not signed in, or no longer."""


class Guard(Middleware):
    """Refuses every event, ours and Reflex's own, unless its websocket was opened with a session still valid.

    It answers for the sessions from the start, since Reflex makes its application when a module is imported;
    whoever starts the process sets `sessions` when they are open. Until then there are none.

    backend: what the handlers ask of the runtime, set together with `sessions`.
    """

    def __init__(self) -> None:
        self.sessions: Sessions | None = None
        self.backend: Backend | None = None

    async def redeem(self, token: str) -> str | None:
        """See `Sessions`."""
        return await self.sessions.redeem(token) if self.sessions else None

    async def who(self, session: str) -> Person | None:
        """See `Sessions`."""
        return await self.sessions.who(session) if self.sessions and session else None

    async def end(self, session: str) -> None:
        """See `Sessions`."""
        if self.sessions:
            await self.sessions.end(session)

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """None lets the event run; an update is the refusal, and the event does not run."""
        session = session_in(state.router_data.get("headers", {}).get("cookie", ""))
        if await self.who(session) is None or event.name.endswith(_SET_ANYTHING):
            return StateUpdate(events=Event.from_event_type(rx.redirect(SIGN_IN)))
        _visit.set((self, session))
        return None


async def person() -> Person:
    """Who sent the event that is being handled; a long background task asks again and again.

    Raises: SignedOut when the session has ended since, or outside an event.
    """
    try:
        guard, session = _visit.get()
    except LookupError:
        raise SignedOut from None
    found = await guard.who(session)
    if found is None:
        raise SignedOut
    return found


def backend() -> "Backend":
    """The runtime, for the handler of an event; say in each call who asks. Raises: SignedOut outside an event."""
    try:
        guard, _ = _visit.get()
    except LookupError:
        raise SignedOut from None
    if guard.backend is None:
        raise SignedOut
    return guard.backend
