"""The owner, one-time links, sessions that end at once, and what people have chosen."""

import asyncio

import pytest
from sqlmodel import col, select

from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.people import LINK_LIVES, SESSION_LIVES, PeopleStore, Person
from runtime.storage.scope import EVERYWHERE
from runtime.storage.tables import LinkRow, SessionRow
from tests.storage.conftest import Clock
from tests.storage.samples import NASTY


@pytest.fixture
def people(database: Database, clock: Clock) -> PeopleStore:
    return PeopleStore(database, clock)


@pytest.fixture
async def owner(people: PeopleStore) -> Person:
    return await people.ensure_owner()


async def signed_in(people: PeopleStore, person: Person) -> str:
    session = await people.redeem(await people.new_link(person))
    assert session is not None
    return session


async def test_there_is_one_owner(database: Database, settings: Settings, people: PeopleStore) -> None:
    second = await Database.connect(settings)
    try:
        made = await asyncio.gather(*(store.ensure_owner() for store in [people, PeopleStore(second)] * 4))
    finally:
        await second.close()
    assert len(set(made)) == 1
    assert made[0].workspace
    assert await people.ensure_owner() == made[0]


async def test_a_link_signs_in_once(people: PeopleStore, owner: Person) -> None:
    token = await people.new_link(owner)
    session = await people.redeem(token)
    assert session is not None
    assert await people.who(session) == owner
    assert await people.redeem(token) is None
    assert await people.who(token) is None
    assert await people.redeem(session) is None


async def test_of_many_who_redeem_a_link_at_once_one_comes_in(people: PeopleStore, owner: Person) -> None:
    token = await people.new_link(owner)
    sessions = await asyncio.gather(*(people.redeem(token) for _ in range(8)))
    assert len([session for session in sessions if session]) == 1


async def test_a_link_lives_fifteen_minutes(people: PeopleStore, owner: Person, clock: Clock) -> None:
    early, late = await people.new_link(owner), await people.new_link(owner)
    clock.at += LINK_LIVES - 1
    assert await people.redeem(early)
    clock.at += 1
    assert await people.redeem(late) is None


async def test_a_session_lives_thirty_days(people: PeopleStore, owner: Person, clock: Clock) -> None:
    session = await signed_in(people, owner)
    clock.at += SESSION_LIVES - 1
    assert await people.who(session) == owner
    clock.at += 1
    assert await people.who(session) is None


async def test_an_ended_session_ends_at_once(people: PeopleStore, owner: Person) -> None:
    session, other = await signed_in(people, owner), await signed_in(people, owner)
    assert await people.who(session) == owner
    await people.end(session)
    assert await people.who(session) is None
    assert await people.who(other) == owner
    await people.end(session)
    await people.end("nobody")


async def test_an_end_is_not_undone_by_a_question_under_way(people: PeopleStore, owner: Person) -> None:
    for _ in range(20):
        session = await signed_in(people, owner)
        asked = [asyncio.create_task(people.who(session)) for _ in range(3)]
        await asyncio.gather(people.end(session), *asked)
        assert await people.who(session) is None


async def test_another_process_sees_the_end_within_seconds(
    people: PeopleStore, owner: Person, database: Database, clock: Clock
) -> None:
    session, elsewhere = await signed_in(people, owner), PeopleStore(database, clock)
    assert await elsewhere.who(session) == owner
    await people.end(session)
    clock.at += 10
    assert await elsewhere.who(session) is None


@pytest.mark.parametrize("token", ["", "x", NASTY, "\ud800", "a" * 100_000])
async def test_what_was_never_given_opens_nothing(people: PeopleStore, owner: Person, token: str) -> None:
    assert await people.redeem(token) is None
    assert await people.who(token) is None
    await people.end(token)


async def test_tokens_are_stored_as_digests_and_old_ones_go(
    people: PeopleStore, owner: Person, database: Database, clock: Clock
) -> None:
    await people.new_link(owner)
    session = await signed_in(people, owner)
    clock.at += SESSION_LIVES
    token = await people.new_link(owner)
    async with database.reading(EVERYWHERE) as scope:
        links = await scope.rows(select(col(LinkRow.digest)))
        sessions = await scope.rows(select(col(SessionRow.digest)))
    assert len(links) == 1
    assert sessions == []
    assert token not in str(links)
    assert session not in str(links)


async def test_preferences_and_settings(people: PeopleStore, owner: Person) -> None:
    assert await people.preferences(owner) == {}
    await people.set_preference(owner, "theme", "light")
    await people.set_preference(owner, "theme", "dark")
    await people.set_preference(owner, "panel", {"width": 320, "open": [NASTY, None, True]})
    assert await people.preferences(owner) == {"theme": "dark", "panel": {"width": 320, "open": [NASTY, None, True]}}
    assert await people.setting(owner.workspace, "hosts") is None
    await people.set_setting(owner.workspace, "hosts", ["intranet"])
    await people.set_setting(owner.workspace, "hosts", ["intranet", "10.0.0.0/8"])
    assert await people.setting(owner.workspace, "hosts") == ["intranet", "10.0.0.0/8"]
