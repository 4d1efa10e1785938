"""What this process remembers of deployments: enough to be fast, not so long that a change goes unseen."""

import asyncio
import time

import pytest

from runtime.errors import OperatorError
from runtime.graph.library import Library
from runtime.graph.node import FlowReference
from runtime.graph.problems import Problem
from runtime.serving import deployments
from runtime.serving.deployments import Endpoints, publish
from runtime.serving.refusals import Refusal
from tests.serving.stage import CATALOG, HOOK, Shelf, Standing, flow, several


def shelved(**standing: Standing) -> tuple[Shelf, Endpoints]:
    shelf = Shelf(dict(standing))
    return shelf, Endpoints(shelf, CATALOG)


async def test_a_hundred_requests_at_once_ask_the_store_once():
    shelf, endpoints = shelved(a=Standing(flow()))
    found = await asyncio.gather(*(endpoints.find("a") for _ in range(100)))
    assert len({id(endpoint) for endpoint in found}) == 1
    assert shelf.asked == ["a"]


async def test_what_another_process_changed_is_seen_after_a_second(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    shelf, endpoints = shelved(a=Standing(flow("one"), keys=("cnv_old",)))
    before = await endpoints.find("a")
    shelf.standing["a"] = Standing(flow("two"), version=2, keys=("cnv_new",))
    now += deployments.FRESH - 0.01
    assert await endpoints.find("a") is before
    now += 0.02
    after = await endpoints.find("a")
    assert (after.deployed.version, after.deployed.key("cnv_old")) == (2, None)


async def test_what_this_process_changed_is_seen_at_once():
    shelf, endpoints = shelved(a=Standing(flow()))
    await endpoints.find("a")
    del shelf.standing["a"]
    endpoints.forget("a")
    with pytest.raises(Refusal, match="No flow is deployed") as refused:
        await endpoints.find("a")
    assert refused.value.status == 404
    shelf.standing["a"] = Standing(flow())
    assert await endpoints.find("a")  # that nothing was there is not remembered


async def test_a_look_up_that_was_going_on_when_it_was_forgotten_is_not_remembered():
    shelf, endpoints = shelved(a=Standing(flow(), version=1))
    old = asyncio.create_task(endpoints.find("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    shelf.standing["a"] = Standing(flow(), version=2)
    endpoints.forget("a")
    new = await endpoints.find("a")
    await old
    assert new.deployed.version == 2
    assert (await endpoints.find("a")).deployed.version == 2


async def test_a_request_that_goes_away_does_not_take_the_look_up_along():
    _, endpoints = shelved(a=Standing(flow()))
    first, second = (asyncio.create_task(endpoints.find("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).slug == "a"


async def test_a_version_is_compiled_once_however_often_its_keys_change():
    shelf, endpoints = shelved(a=Standing(flow()))
    first = await endpoints.find("a")
    shelf.standing["a"] = Standing(flow(), keys=("cnv_other",))
    endpoints.forget("a")
    assert (await endpoints.find("a")).published is first.published


async def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(deployments, "_MOST_SLUGS", 3)
    monkeypatch.setattr(deployments, "_MOST_VERSIONS", 2)
    shelf, endpoints = shelved(**{name: Standing(flow(), flow_id=name) for name in "abcd"})
    first = await endpoints.find("a")
    for name in "bcd":
        await endpoints.find(name)
    assert len(endpoints._kept) == 3
    assert len(endpoints._published) == 2
    assert (await endpoints.find("a")).published is not first.published
    assert shelf.asked == list("abcda")


async def test_a_store_that_does_not_answer_is_asked_again():
    shelf, endpoints = shelved(a=Standing(flow()))
    shelf.broken = OperatorError("The database does not answer", "db", "Start it.")
    for _ in range(2):
        with pytest.raises(OperatorError):
            await endpoints.find("a")
    shelf.broken = None
    assert await endpoints.find("a")
    assert shelf.asked == ["a"] * 3


async def test_whether_a_flow_can_run_is_asked_with_each_look_up():
    asked = []

    async def ready(workspace, flow, library):
        asked.append(workspace)
        return [Problem("missing_secret", "echo", "key", params={"name": "shop"})]

    endpoints = Endpoints(Shelf({"a": Standing(flow())}), CATALOG, ready)
    for _ in range(3):
        with pytest.raises(Refusal, match="shop") as refused:
            (await endpoints.find("a")).ready_plan()
        assert refused.value.status == 503
    assert asked == ["home"]


def test_a_broken_flow_is_published_with_its_problems():
    published = publish(flow("{{ nowhere.output }}"), CATALOG)
    assert published.plan is None
    assert [problem.code for problem in published.problems] == ["unknown_step"]


def test_starts_are_told_apart_by_how_they_are_triggered():
    published = publish(several(), CATALOG)
    assert published.entrance("", "api", "chat", "webhook").step == "start"
    assert published.entrance("", "chat", "api").step == "talk"
    assert published.entrance("hook", "api", "webhook").source == "webhook"
    with pytest.raises(Refusal, match="talk"):
        published.entrance("talk", "webhook")
    with pytest.raises(Refusal):
        publish(flow(start=HOOK), CATALOG).entrance("", "api", "chat")


async def test_a_flow_that_another_one_runs_may_be_deployed_anew():
    called = {"kind": "sub_flow", "config": {"flow": "other"}}
    outer = flow("{{ call.output }}", call=called)
    versions = [1, 1, 2]

    async def library(workspace: str, drawn) -> Library:
        version = versions.pop(0)
        inner = flow(start={"kind": "api_start", "config": {"fields": [{"name": f"v{version}", "required": False}]}})
        return Library({FlowReference("other"): inner}, {"other": version})

    endpoints = Endpoints(Shelf({"a": Standing(outer)}), CATALOG, library=library)
    seen = []
    for _ in range(3):
        seen.append((await endpoints.find("a")).published)
        endpoints.forget("a")
    assert seen[0] is seen[1] is not seen[2]
    assert [dict(published.pins) for published in seen] == [{"other": 1}, {"other": 1}, {"other": 2}]
    assert all(published.plan for published in seen)
