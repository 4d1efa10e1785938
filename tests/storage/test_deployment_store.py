"""Versions never change, a slug belongs to one flow at a time, and a key opens what it was made for."""

import asyncio
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlmodel import col, select

from runtime.errors import AuthorError, ConflictError, NotFoundError
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.deployments import Deployed, Deployment, DeploymentStore, VersionEntry
from runtime.storage.flows import FlowStore
from runtime.storage.scope import EVERYWHERE
from runtime.storage.tables import DeploymentRow, KeyRow
from tests.storage.conftest import Clock
from tests.storage.samples import flow


@pytest.fixture
def flows(database: Database, clock: Clock) -> FlowStore:
    return FlowStore(database, clock)


@pytest.fixture
def deployments(database: Database, clock: Clock) -> DeploymentStore:
    return DeploymentStore(database, clock)


@pytest.fixture
async def published(flows: FlowStore, deployments: DeploymentStore) -> str:
    """A flow with two versions, of one step and of two."""
    id = (await flows.create("w1", flow("One", 1), "me")).id
    await deployments.publish("w1", id, "me")
    await flows.save("w1", id, flow("Two", 2), 1)
    await deployments.publish("w1", id, "you")
    return id


async def found(deployments: DeploymentStore, slug: str) -> Deployed:
    deployed = await deployments.deployment(slug)
    assert deployed is not None
    return deployed


async def test_versions_stay_as_they_were(flows: FlowStore, deployments: DeploymentStore, published: str) -> None:
    await flows.save("w1", published, flow("Three", 3), 2)
    first, second = [await deployments.version("w1", published, number) for number in (1, 2)]
    assert (first.number, first.flow, first.author) == (1, flow("One", 1), "me")
    assert (second.number, second.flow, second.author) == (2, flow("Two", 2), "you")
    with pytest.raises(NotFoundError):
        await deployments.version("w1", published, 3)


async def test_the_last_versions_stand_in_a_list(
    flows: FlowStore, deployments: DeploymentStore, published: str, clock: Clock
) -> None:
    before = clock.at
    clock.at += 60
    await deployments.publish("w1", published, "me")
    listed = [VersionEntry(3, clock.at), VersionEntry(2, before), VersionEntry(1, before)]
    assert await deployments.versions("w1", published) == listed
    other = (await flows.create("w1", flow("Other", 1), "me")).id
    assert await deployments.versions("w1", other) == await deployments.versions("w2", published) == []
    for _ in range(20):
        await deployments.publish("w1", published, "me")
    await flows.delete("w1", published)
    assert [one.number for one in await deployments.versions("w1", published)] == list(range(23, 3, -1))


async def test_versions_published_at_once_are_numbered_apart(deployments: DeploymentStore, published: str) -> None:
    made = await asyncio.gather(*(deployments.publish("w1", published, "me") for _ in range(6)))
    assert sorted(version.number for version in made) == [3, 4, 5, 6, 7, 8]


async def test_a_deployment_is_found_by_its_slug(deployments: DeploymentStore, published: str, clock: Clock) -> None:
    assert await deployments.deployment("desk") is None
    made = await deployments.deploy("w1", published, "desk", 1)
    assert made == Deployment("desk", published, 1, clock.at)
    assert await found(deployments, "desk") == Deployed("w1", "desk", published, 1, flow("One", 1), {})
    assert await deployments.deployments("w1", published) == [made]


async def test_a_slug_moves_to_the_new_version_without_a_gap(deployments: DeploymentStore, published: str) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    seen: list[int] = []
    moving = True

    async def watch() -> None:
        while moving:
            seen.append((await found(deployments, "desk")).version)

    watcher = asyncio.create_task(watch())
    for version in (2, 1, 2, 1, 2):
        await deployments.deploy("w1", published, "desk", version)
    moving = False
    await watcher
    assert set(seen) <= {1, 2}
    assert (await found(deployments, "desk")).flow == flow("Two", 2)


async def test_what_was_deployed_stays_on_record(
    deployments: DeploymentStore, published: str, database: Database, clock: Clock
) -> None:
    for version in (1, 2, 1):
        clock.at += 1
        await deployments.deploy("w1", published, "desk", version)
    columns = col(DeploymentRow.version), col(DeploymentRow.created), col(DeploymentRow.ended)
    async with database.reading("w1") as scope:
        rows = await scope.rows(select(*columns).order_by(col(DeploymentRow.created)))
    assert [tuple(row) for row in rows] == [
        (1, clock.at - 2, clock.at - 1),
        (2, clock.at - 1, clock.at),
        (1, clock.at, None),
    ]


async def test_a_slug_belongs_to_one_flow_over_all_workspaces(
    flows: FlowStore, deployments: DeploymentStore, published: str
) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    for workspace in ("w1", "w2"):
        other = (await flows.create(workspace, flow("Other"), "you")).id
        await deployments.publish(workspace, other, "you")
        with pytest.raises(ConflictError) as raised:
            await deployments.deploy(workspace, other, "desk", 1)
        assert "desk" in raised.value.what
        assert (await found(deployments, "desk")).flow_id == published
    await deployments.undeploy("w1", "desk")
    await deployments.deploy("w2", other, "desk", 1)
    assert (await found(deployments, "desk")).workspace == "w2"


async def test_of_two_flows_that_want_a_slug_at_once_one_gets_it(
    flows: FlowStore, deployments: DeploymentStore
) -> None:
    ids = [(await flows.create("w1", flow(f"Flow {number}"), "me")).id for number in range(5)]
    for id in ids:
        await deployments.publish("w1", id, "me")
    calls = (deployments.deploy("w1", id, "desk", 1) for id in ids)
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, ConflictError) for result in results) == 4
    winner = next(result for result in results if isinstance(result, Deployment))
    assert (await found(deployments, "desk")).flow_id == winner.flow_id


async def test_deploying_the_same_flow_at_once_is_no_conflict(deployments: DeploymentStore, published: str) -> None:
    await asyncio.gather(*(deployments.deploy("w1", published, "desk", 1 + number % 2) for number in range(6)))
    assert len(await deployments.deployments("w1", published)) == 1


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a b", "a/b", "é", "a" * 101, "a\n", "a\x00"])
async def test_slugs_that_cannot_stand_in_an_address(deployments: DeploymentStore, published: str, slug: str) -> None:
    with pytest.raises(AuthorError):
        await deployments.deploy("w1", published, slug, 1)
    assert await deployments.deployment(slug) is None


async def test_what_does_not_exist_is_not_deployed(
    flows: FlowStore, deployments: DeploymentStore, published: str
) -> None:
    for id, version in ((published, 3), ("nobody", 1)):
        with pytest.raises(NotFoundError):
            await deployments.deploy("w1", id, "desk", version)
    with pytest.raises(NotFoundError):
        await deployments.undeploy("w1", "desk")
    with pytest.raises(NotFoundError):
        await deployments.publish("w1", "nobody", "me")
    await flows.delete("w1", published)
    with pytest.raises(NotFoundError):
        await deployments.deploy("w1", published, "desk", 1)
    with pytest.raises(NotFoundError):
        await deployments.publish("w1", published, "me")


async def test_deleting_a_flow_takes_it_down_and_restoring_brings_it_back(
    flows: FlowStore, deployments: DeploymentStore, published: str, clock: Clock
) -> None:
    for slug in ("gone", "desk", "chat"):
        await deployments.deploy("w1", published, slug, 1)
    await deployments.undeploy("w1", "gone")
    clock.at += 1
    await flows.delete("w1", published)
    assert [await deployments.deployment(slug) for slug in ("gone", "desk", "chat")] == [None] * 3
    await flows.restore("w1", published)
    assert {each.slug for each in await deployments.deployments("w1", published)} == {"desk", "chat"}


async def test_a_slug_that_was_taken_meanwhile_stays_taken(
    flows: FlowStore, deployments: DeploymentStore, published: str
) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    await flows.delete("w1", published)
    other = (await flows.create("w2", flow("Other"), "you")).id
    await deployments.publish("w2", other, "you")
    await deployments.deploy("w2", other, "desk", 1)
    await flows.restore("w1", published)
    assert (await found(deployments, "desk")).flow_id == other
    assert await deployments.deployments("w1", published) == []
    assert len(await flows.entries("w1")) == 1


async def test_a_key_is_told_once_and_stored_as_a_digest(
    deployments: DeploymentStore, published: str, database: Database, clock: Clock
) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    key, plaintext = await deployments.create_key("w1", "desk", "website")
    assert plaintext.startswith("cnv_")
    assert len(plaintext) >= len("cnv_") + 43
    assert plaintext not in str(asdict(key))
    assert await deployments.keys("w1", "desk") == [key]
    deployed = await found(deployments, "desk")
    assert deployed.key(plaintext) == key.id
    for wrong in ("", "cnv_", plaintext[:-1], plaintext + "x", plaintext.upper(), "\x00", "\ud800"):
        assert deployed.key(wrong) is None
    async with database.reading(EVERYWHERE) as scope:
        rows = await scope.rows(select(*(col(getattr(KeyRow, name)) for name in KeyRow.model_fields)))
    assert plaintext not in str(rows)


async def test_a_revoked_key_opens_nothing(deployments: DeploymentStore, published: str) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    kept, first = await deployments.create_key("w1", "desk", "kept")
    gone, second = await deployments.create_key("w1", "desk", "gone")
    await deployments.revoke("w1", gone.id)
    deployed = await found(deployments, "desk")
    assert (deployed.key(first), deployed.key(second)) == (kept.id, None)
    assert await deployments.keys("w1", "desk") == [kept]
    with pytest.raises(NotFoundError):
        await deployments.revoke("w1", gone.id)
    with pytest.raises(NotFoundError):
        await deployments.create_key("w1", "nothing-there", "key")


async def test_a_key_follows_its_flow_and_not_the_slug(
    flows: FlowStore, deployments: DeploymentStore, published: str
) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    key, plaintext = await deployments.create_key("w1", "desk", "website")
    await deployments.deploy("w1", published, "desk", 2)
    assert (await found(deployments, "desk")).key(plaintext) == key.id
    await deployments.undeploy("w1", "desk")
    assert await deployments.keys("w1", "desk") == []
    other = (await flows.create("w1", flow("Other"), "me")).id
    await deployments.publish("w1", other, "me")
    await deployments.deploy("w1", other, "desk", 1)
    assert (await found(deployments, "desk")).key(plaintext) is None
    assert await deployments.keys("w1", "desk") == []
    await deployments.undeploy("w1", "desk")
    await deployments.deploy("w1", published, "desk", 1)
    assert (await found(deployments, "desk")).key(plaintext) == key.id


async def test_the_last_day_of_use_is_noted_once_a_day(
    deployments: DeploymentStore, published: str, clock: Clock
) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    key, _ = await deployments.create_key("w1", "desk", "website")
    day = clock.at // 86_400 * 86_400
    for later, expected in ((0, day), (3600, day), (86_400, day + 86_400)):
        clock.at += later
        await asyncio.gather(*(deployments.note_use("w1", key.id) for _ in range(5)))
        assert [each.used for each in await deployments.keys("w1", "desk")] == [expected]


async def test_a_known_version_is_not_read_twice(deployments: DeploymentStore, published: str) -> None:
    await deployments.deploy("w1", published, "desk", 1)
    assert (await found(deployments, "desk")).flow is (await found(deployments, "desk")).flow


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a b", "é", "a\x00", "a\n", "\ud800", "a" * 101, "../a"])
async def test_what_can_be_no_slug_finds_nothing_and_asks_nobody(tmp_path: Path, slug: str) -> None:
    unopened = Database(Settings(home=tmp_path / "nowhere"))  # it has no tables: a query would raise
    assert await DeploymentStore(unopened).deployment(slug) is None
    await unopened.close()
