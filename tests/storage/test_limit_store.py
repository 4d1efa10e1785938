"""Limits and pauses: kept by workspace, refused when they make no sense, and obeyed by what drives runs."""

import pytest

from runtime.errors import AuthorError
from runtime.interpreter.turns import Limit
from runtime.storage.database import Database
from runtime.storage.deployments import DeploymentStore
from runtime.storage.flows import FlowStore
from runtime.storage.limits import LimitStore
from tests.storage.samples import flow


async def test_limits_are_kept_by_workspace(database: Database) -> None:
    store = LimitStore(database)
    assert await store.all() == ({}, frozenset())
    mail = {"queue:mail": Limit(at_once=2, starts=10, per=1.0), "workspace": Limit(at_once=50)}
    await store.set("w1", mail)
    await store.set("w2", {"provider:anthropic": Limit(at_once=3)})
    assert await store.get("w1") == mail
    assert await store.get("w3") == {}
    everywhere, _ = await store.all()
    assert everywhere == {
        ("w1", "queue:mail"): mail["queue:mail"],
        ("w1", "workspace"): mail["workspace"],
        ("w2", "provider:anthropic"): Limit(at_once=3),
    }
    await store.set("w1", {})
    assert (await store.all())[0].keys() == {("w2", "provider:anthropic")}


async def test_what_is_paused_is_told_as_long_as_it_stands(database: Database) -> None:
    deployments, store = DeploymentStore(database), LimitStore(database)
    entry = await FlowStore(database).create("w1", flow(), "me")
    await deployments.publish("w1", entry.id, "me")
    await deployments.deploy("w1", entry.id, "desk", 1)
    await deployments.pause("w1", "desk")
    assert (await store.all())[1] == {("w1", "desk")}
    found = await deployments.deployment("desk")
    assert found is not None
    assert found.paused is not None
    await deployments.resume("w1", "desk")
    assert (await store.all())[1] == frozenset()
    await deployments.pause("w1", "desk")
    await deployments.undeploy("w1", "desk")
    assert (await store.all())[1] == frozenset()


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("queue", Limit(at_once=1)),
        ("queue:a b", Limit(at_once=1)),
        ("flow:x", Limit(at_once=1)),
        ("queue:mail", Limit(at_once=0)),
        ("queue:mail", Limit(starts=-1)),
        ("queue:mail", Limit(starts=1, per=0.0)),
    ],
)
async def test_what_cannot_hold_is_refused_and_changes_nothing(database: Database, name: str, limit: Limit) -> None:
    store = LimitStore(database)
    await store.set("w1", {"workspace": Limit(at_once=5)})
    with pytest.raises(AuthorError):
        await store.set("w1", {name: limit})
    assert await store.get("w1") == {"workspace": Limit(at_once=5)}
