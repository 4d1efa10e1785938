"""The API on the real store: publish, deploy, call, revoke, take down; and what is on disk afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from nodes.catalog import builtin
from runtime.assembly import Runtime, open_runtime
from runtime.serving.api import Api
from runtime.serving.server import listen, serve
from runtime.settings import Settings
from tests.serving.stage import flow


@pytest.fixture
async def whole(tmp_path) -> AsyncIterator[tuple[Runtime, Api, httpx2.AsyncClient]]:
    settings = replace(Settings.from_environment({}), home=tmp_path)
    async with open_runtime(settings, builtin()) as runtime:
        api = Api(runtime.deployments, runtime.catalog, runtime.runs, settings, ready=runtime.ready)
        with listen("127.0.0.1", 0) as listener:
            listener.listen()
            serving = asyncio.create_task(serve(api, listener))
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
                yield runtime, api, client
            serving.cancel()
            await asyncio.wait({serving})


async def deployed(runtime: Runtime, answer: str, slug: str = "greet") -> str:
    """Deploy a flow that answers so; gives a key."""
    made = flow(answer, say={"kind": "template", "config": {"template": answer}})
    entry = await runtime.flows.create("home", made, "ada")
    version = await runtime.deployments.publish("home", entry.id, "ada")
    await runtime.deployments.deploy("home", entry.id, slug, version.number)
    return (await runtime.deployments.create_key("home", slug, "test"))[1]


async def test_a_deployed_flow_is_called_and_its_runs_are_on_disk(whole):
    runtime, _, client = whole
    key = await deployed(runtime, "Hello {{ start.text }}!")
    headers = {"authorization": f"Bearer {key}"}
    responses = await asyncio.gather(
        *(client.post("/api/flows/greet/run", json={"text": f"n{i}"}, headers=headers) for i in range(64))
    )
    assert [response.json()["output"] for response in responses] == [f"Hello n{i}!" for i in range(64)]
    records = await runtime.journal.records("home", limit=100)
    for _ in range(200):  # runs are kept after they are answered
        if len(records) == len(responses):
            break
        await asyncio.sleep(0.05)
        records = await runtime.journal.records("home", limit=100)
    assert {record.id for record in records} == {response.headers["canevas-run"] for response in responses}
    assert {record.state for record in records} == {"done"}
    path = f"/api/flows/greet/runs/{records[0].id}"
    assert (await client.get(path, headers=headers)).json()["output"].startswith("Hello n")
    events = await client.get(f"{path}/events", headers={**headers, "last-event-id": "7"})
    assert events.text.startswith("id: 8\nevent: run_finished\n")
    (known,) = await runtime.deployments.keys("home", "greet")
    assert known.used is not None


async def test_a_revoked_key_and_a_flow_that_was_taken_down_are_gone_at_once_here(whole):
    runtime, api, client = whole
    key = await deployed(runtime, "x")
    other = (await runtime.deployments.create_key("home", "greet", "other"))[1]
    api.forget("greet")

    async def call(with_key: str) -> int:
        headers = {"x-api-key": with_key}
        return (await client.post("/api/flows/greet/run", json={"text": ""}, headers=headers)).status_code

    assert [await call(key), await call(other)] == [200, 200]
    known = {each.prefix: each.id for each in await runtime.deployments.keys("home", "greet")}
    await runtime.deployments.revoke("home", known[key[:10]])
    api.forget("greet")
    assert [await call(key), await call(other)] == [401, 200]
    await runtime.deployments.undeploy("home", "greet")
    api.forget("greet")
    assert [await call(key), await call(other)] == [404, 404]


async def test_a_change_of_another_process_is_seen_within_about_a_second(whole):
    runtime, _, client = whole
    key = await deployed(runtime, "x")
    headers = {"authorization": f"Bearer {key}"}
    assert (await client.post("/api/flows/greet/run", json={"text": ""}, headers=headers)).status_code == 200
    await runtime.deployments.undeploy("home", "greet")  # and nobody tells the API
    async with asyncio.timeout(3):
        while (await client.get("/api/flows/greet", headers=headers)).status_code != 404:
            await asyncio.sleep(0.1)


async def test_a_flow_that_needs_a_secret_says_so_before_anything_runs(whole):
    runtime, _, client = whole
    made = flow(
        "{{ ask.output }}",
        ask={"kind": "llm", "config": {"prompt": "hi", "model": "claude-sonnet-4-5"}},
    )
    entry = await runtime.flows.create("home", made, "ada")
    version = await runtime.deployments.publish("home", entry.id, "ada")
    await runtime.deployments.deploy("home", entry.id, "ask", version.number)
    key = (await runtime.deployments.create_key("home", "ask", "test"))[1]
    response = await client.post("/api/flows/ask/run", json={"text": ""}, headers={"authorization": f"Bearer {key}"})
    problem = response.json()
    assert (response.status_code, problem["step"], problem["type"]) == (503, "ask", "urn:canevas:problem:not-ready")
    assert problem["mend"]
    assert await runtime.runs.records("home") == []
