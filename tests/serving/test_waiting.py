"""Runs that wait for people: what a caller is told, how it answers, and the stream that goes on."""

import asyncio
from urllib.parse import quote

import pytest

from tests.serving.stage import ASK, HOOK, Stage, events_of, flow, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

EACH = {"kind": "for_each", "config": {"items": ["a", "b"], "result": "{{ ask.approve.choice }}"}}


async def ended(stage: Stage, path: str) -> dict:
    async with asyncio.timeout(10):
        while (run := (await stage.client.get(path)).json())["state"] in ("running", "waiting"):
            await asyncio.sleep(0.01)
    return run


async def test_a_run_that_waits_is_answered_with_what_it_asks(stage: Stage):
    at = stage.deploy("asks", flow("{{ ask.approve }}", ask=ASK))
    response = await stage.post(f"{at}/run", {"text": ""})
    assert response.status_code == 202
    told = response.json()
    path = f"{at}/runs/{told['run']}"
    assert (response.headers["canevas-run"], response.headers["location"]) == (told["run"], path)
    assert told["state"] == "waiting"
    (asked,) = told["asked"]
    assert (asked["step"], asked["title"], asked["shown"]) == ("ask", "Ship it?", {"total": 9})
    assert asked["schema"]["required"] == ["choice"]
    assert "until" not in asked
    assert (await stage.client.get(path)).json() == told
    response = await stage.client.post(asked["answer"], json={"choice": "approve"})
    assert response.status_code == 202
    assert response.json()["state"] in ("running", "done")
    done = await ended(stage, path)
    assert (done["state"], done["output"]) == ("done", {"choice": "approve"})
    refused(await stage.client.post(asked["answer"], json={"choice": "reject"}), 409, "answered")


async def test_a_webhook_that_waits_says_so(stage: Stage):
    at = stage.deploy("hook-asks", flow("{{ ask.approve }}", start=HOOK, ask=ASK))
    response = await stage.post(f"{at}/webhook", {"any": 1})
    assert (response.status_code, response.json()["state"]) == (202, "waiting")


async def test_a_wrong_answer_is_told_by_field(stage: Stage):
    at = stage.deploy("wrong", flow("{{ ask.approve }}", ask=ASK))
    run = (await stage.post(f"{at}/run", {"text": ""})).json()["run"]
    path = f"{at}/runs/{run}/answers/ask"
    problem = refused(await stage.client.post(path, json={"choice": "perhaps", "more": 1}), 422, "invalid-answer")
    assert {each["field"]: each["detail"] for each in problem["errors"]} == {
        "/choice": "must be one of approve, reject",
        "/more": "is not an input; the inputs are `choice`",
    }
    refused(await stage.client.post(f"{at}/runs/{run}/answers/nobody", json={}), 409, "answered")
    refused(await stage.client.post(path, json={}, headers={"authorization": "Bearer cnv_wrong"}), 401, "wrong-key")
    other = stage.deploy("other", flow())
    refused(await stage.client.post(f"{other}/runs/{run}/answers/ask", json={}), 404, "unknown-run")
    refused(await stage.client.get(path), 405, "method-not-allowed")


@pytest.mark.parametrize("written", [lambda step: quote(step, safe=""), lambda step: step])
async def test_steps_inside_others_are_answered_by_their_path(stage: Stage, written):
    inside = {**ASK, "within": "each"}
    drawn = flow("{{ each.output }}", each=EACH).model_dump(mode="json")
    drawn["steps"]["ask"] = inside
    at = stage.deploy("each", type(flow()).model_validate(drawn))
    run = (await stage.post(f"{at}/run", {"text": ""})).json()
    assert [asked["step"] for asked in run["asked"]] == ["each[0]/ask", "each[1]/ask"]
    path = f"{at}/runs/{run['run']}"
    assert run["asked"][1]["answer"] == f"{path}/answers/each%5B1%5D%2Fask"
    for step in ("each[1]/ask", "each[0]/ask"):
        response = await stage.client.post(f"{path}/answers/{written(step)}", json={"choice": "approve"})
        assert response.status_code == 202
        async with asyncio.timeout(10):
            while stage.runs.alive("home", run["run"]):
                await asyncio.sleep(0.01)
    assert (await ended(stage, path))["output"] == ["approve", "approve"]


async def test_a_stream_stays_open_while_its_run_waits(stage: Stage):
    at = stage.deploy("streams", flow("{{ ask.approve }}", ask=ASK))
    seen = []
    async with stage.stream(f"{at}/run", {"text": ""}) as response:
        run = response.headers["canevas-run"]
        async for sent in events_of(response):
            seen.append(sent.event)
            if sent.event == "step_paused":
                async with asyncio.timeout(10):
                    while stage.runs.alive("home", run):
                        await asyncio.sleep(0.01)
                assert (await stage.client.get(f"{at}/runs/{run}")).json()["state"] == "waiting"
                await stage.client.post(f"{at}/runs/{run}/answers/ask", json={"choice": "approve"})
    assert seen[-1] == "run_finished"
    assert "step_resumed" in seen


async def test_a_late_stream_of_a_waiting_run_sees_its_end(stage: Stage):
    at = stage.deploy("late", flow("{{ ask.approve }}", ask=ASK))
    run = (await stage.post(f"{at}/run", {"text": ""})).json()["run"]
    async with stage.stream(f"{at}/runs/{run}/events", method="GET") as response:
        seen = []
        async for sent in events_of(response):
            seen.append(sent.event)
            if sent.event == "step_paused":
                await stage.client.post(f"{at}/runs/{run}/answers/ask", json={"choice": "approve"})
    assert seen[-1] == "run_finished"


async def test_a_waiting_run_is_stopped(stage: Stage):
    at = stage.deploy("stops", flow("{{ ask.approve }}", ask=ASK))
    run = (await stage.post(f"{at}/run", {"text": ""})).json()["run"]
    response = await stage.client.delete(f"{at}/runs/{run}")
    assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    refused(await stage.client.post(f"{at}/runs/{run}/answers/ask", json={"choice": "approve"}), 409, "answered")
