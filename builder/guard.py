"""The second lock, inside Reflex: no event runs for a session that is not valid at that moment."""

from contextvars import ContextVar

import reflex as rx
from reflex.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from builder.gate import SIGN_IN, Person, Sessions, session_in

_SET_ANYTHING = ".setvar"  # Reflex gives every state this handler: it writes any variable, past our own handlers

_visit: ContextVar[tuple["Guard", str]] = ContextVar("visit")


class SignedOut(Exception):
    """Whoever sent this event is not signed in, or no longer."""


class Guard(Middleware):
    """Refuses every event, ours and Reflex's own, unless its websocket was opened with a session still valid.

    sessions: set by whoever starts the process; until then everybody is refused.
    """

    def __init__(self) -> None:
        self.sessions: Sessions | None = None

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """None lets the event run; an update is the refusal, and the event does not run."""
        session = session_in(state.router_data.get("headers", {}).get("cookie", ""))
        if await self.who(session) is None or event.name.endswith(_SET_ANYTHING):
            return StateUpdate(events=Event.from_event_type(rx.redirect(SIGN_IN)))
        _visit.set((self, session))
        return None

    async def who(self, session: str) -> Person | None:
        """Whose session that is, asked anew each time."""
        return await self.sessions.who(session) if self.sessions and session else None


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
