"""Sessions in memory, for the tests: real tokens, spent once, ended at once."""

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    id: str = "owner"
    workspace: str = "home"
    name: str = "Owner"


class MemorySessions:
    """One-time links and sessions of one process."""

    def __init__(self) -> None:
        self._invited: dict[str, Owner] = {}
        self._open: dict[str, Owner] = {}

    def invite(self, person: Owner | None = None) -> str:
        token = secrets.token_urlsafe(32)
        self._invited[token] = person or Owner()
        return token

    def open(self, person: Owner | None = None) -> str:
        session = secrets.token_urlsafe(32)
        self._open[session] = person or Owner()
        return session

    async def redeem(self, token: str) -> str | None:
        person = self._invited.pop(token, None)
        return self.open(person) if person else None

    async def who(self, session: str) -> Owner | None:
        return self._open.get(session)

    async def end(self, session: str) -> None:
        self._open.pop(session, None)
