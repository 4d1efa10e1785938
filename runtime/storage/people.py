"""Who signs in: the owner, one-time links, sessions, and what people and workspaces have chosen."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, select
from sqlmodel import col

from runtime.storage.database import Database
from runtime.storage.ids import new_id
from runtime.storage.scope import EVERYWHERE, Query
from runtime.storage.tables import LinkRow, PersonRow, PreferenceRow, SessionRow, SettingRow
from runtime.storage.tokens import digest, new_token

LINK_LIVES = 15 * 60.0  # seconds
SESSION_LIVES = 30 * 24 * 3600.0  # seconds
_SURE = 10.0  # seconds that a session which another process ended may go on here; our own end is seen at once
_MOST = 1_000  # sessions kept at hand


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in, and the workspace that is theirs."""

    id: str
    workspace: str
    name: str


class PeopleStore:
    """People and their sessions; tokens are stored as digests only."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now
        self._at_hand: dict[str, tuple[float, Person]] = {}
        self._ends = 0

    async def ensure_owner(self) -> Person:
        """The one whose installation this is; made with a workspace of their own at the first start."""
        async with self._database.writing(EVERYWHERE) as scope:
            # Two processes that start together on one database must not make two owners.
            await scope.wait_alone()
            found = await scope.first(_PEOPLE.order_by(col(PersonRow.created)).limit(1))
            if found is not None:
                return Person(*found)
            owner = Person(new_id(), new_id(), "Owner")
            row = {"id": owner.id, "workspace": owner.workspace, "name": owner.name, "created": self._now()}
            await scope.add(PersonRow, row)
        return owner

    async def new_link(self, person: Person) -> str:
        """A token that signs the person in, once and within fifteen minutes."""
        now, token = self._now(), new_token()
        row = {"digest": digest(token), "person": person.id, "expires": now + LINK_LIVES}
        async with self._database.writing(person.workspace) as scope:
            await scope.change(delete(LinkRow).where(col(LinkRow.expires) <= now))
            await scope.change(delete(SessionRow).where(col(SessionRow.expires) <= now))
            await scope.add(LinkRow, row)
        return token

    async def redeem(self, token: str) -> str | None:
        """A session for a link's token, which is spent by this; None when it is unknown, spent or too old."""
        now, session = self._now(), new_token()
        # Found and spent in one statement: of two who come with the same token, one finds nothing.
        spent = (
            delete(LinkRow)
            .where(col(LinkRow.digest) == digest(token), col(LinkRow.expires) > now)
            .returning(col(LinkRow.workspace), col(LinkRow.person))
        )
        async with self._database.writing(EVERYWHERE) as scope:
            found = await scope.first(spent)
            if found is None:
                return None
            row = {"digest": digest(session), "workspace": found.workspace, "person": found.person}
            await scope.add(SessionRow, {**row, "created": now, "expires": now + SESSION_LIVES})
        return session

    async def who(self, session: str) -> Person | None:
        """Whose session that is; None when it is unknown, has ended or is older than thirty days."""
        key, now = digest(session), self._now()
        known = self._at_hand.get(key)
        if known is not None and now < known[0]:
            return known[1]
        ends = self._ends
        wanted = (
            _PEOPLE.add_columns(col(SessionRow.expires))
            .join(SessionRow, _HOLDS)
            .where(col(SessionRow.digest) == key, col(SessionRow.expires) > now)
        )
        async with self._database.reading(EVERYWHERE) as scope:
            found = await scope.first(wanted)
        if found is None:
            self._at_hand.pop(key, None)
            return None
        person = Person(*found[:3])
        # A session that was ended while we read must not come back to hand.
        if ends == self._ends:
            if len(self._at_hand) >= _MOST:
                self._at_hand.clear()
            self._at_hand[key] = min(found.expires, now + _SURE), person
        return person

    async def end(self, session: str) -> None:
        """End a session, at once; ending it twice is no error."""
        key = digest(session)
        async with self._database.writing(EVERYWHERE) as scope:
            await scope.change(delete(SessionRow).where(col(SessionRow.digest) == key))
        self._ends += 1
        self._at_hand.pop(key, None)

    async def preferences(self, person: Person) -> dict[str, Any]:
        """What the person has chosen: theme, language and the like; values are JSON."""
        wanted = select(col(PreferenceRow.key), col(PreferenceRow.value)).where(col(PreferenceRow.person) == person.id)
        async with self._database.reading(person.workspace) as scope:
            return {found.key: found.value for found in await scope.rows(wanted)}

    async def set_preference(self, person: Person, key: str, value: Any) -> None:
        """Remember a choice of the person."""
        async with self._database.writing(person.workspace) as scope:
            await scope.put(PreferenceRow, {"person": person.id, "key": key, "value": value})

    async def setting(self, workspace: str, key: str) -> Any:
        """What holds for the whole workspace, None when nothing was set; JSON."""
        wanted = select(col(SettingRow.value)).where(col(SettingRow.key) == key)
        async with self._database.reading(workspace) as scope:
            found = await scope.first(wanted)
        return None if found is None else found.value

    async def set_setting(self, workspace: str, key: str, value: Any) -> None:
        """Set what holds for the whole workspace."""
        async with self._database.writing(workspace) as scope:
            await scope.put(SettingRow, {"key": key, "value": value})


_PEOPLE: Query = select(col(PersonRow.id), col(PersonRow.workspace), col(PersonRow.name))
_HOLDS = and_(
    col(SessionRow.workspace) == col(PersonRow.workspace),
    col(SessionRow.person) == col(PersonRow.id),
)
