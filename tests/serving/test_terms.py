"""The terms of a call: under a key, later, without waiting; and flows that are paused."""

import asyncio
from dataclasses import replace

import pytest

from tests.serving.stage import Stage, flow, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ended(stage: Stage, run: str) -> str:
    async with asyncio.timeout(10):
        while (record := await stage.runs.record("home", run)).state in ("queued", "running"):
            await asyncio.sleep(0.01)
    return record.state


async def test_calls_with_one_key_start_one_run(stage: Stage):
    at = stage.deploy("keyed", flow("{{ start.text }}"))
    answers = await asyncio.gather(
        *(stage.post(f"{at}/run", {"text": f"try {n}"}, idempotency_key="order-7") for n in range(5))
    )
    assert {response.status_code for response in answers} == {200}
    assert len({response.headers["canevas-run"] for response in answers}) == 1
    assert len({response.json()["output"] for response in answers}) == 1
    again = await stage.post(f"{at}/run", {"text": "late"}, idempotency_key="order-7")
    assert again.json() == answers[0].json()
    other = await stage.post(f"{at}/run", {"text": "other"}, idempotency_key="order-8")
    assert other.json()["output"] == "other"
    assert len(await stage.journal.records("home", flow="flow of keyed")) == 2


async def test_a_key_is_of_one_flow(stage: Stage):
    runs = [
        (await stage.post(f"{stage.deploy(slug, flow(slug))}/run", {"text": ""}, idempotency_key="same")).json()["run"]
        for slug in ("one", "two")
    ]
    assert len(set(runs)) == 2


async def test_a_run_is_left_in_the_queue(stage: Stage):
    at = stage.deploy("later", flow("done"))
    response = await stage.post(f"{at}/run", {"text": ""}, prefer="respond-async")
    assert response.status_code == 202
    run = response.json()["run"]
    assert response.headers["location"] == f"{at}/runs/{run}"
    assert await ended(stage, run) == "done"
    assert (await stage.client.get(f"{at}/runs/{run}")).json()["output"] == "done"


async def test_a_run_that_is_to_start_later_starts_then(stage: Stage):
    at = stage.deploy("delayed", flow("done"))
    response = await stage.post(f"{at}/run", {"text": ""}, canevas_delay="0.3")
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    run = response.json()["run"]
    queued = await stage.runs.record("home", run)
    assert await ended(stage, run) == "done"
    record = await stage.runs.record("home", run)
    assert queued.due is not None
    assert record.ended is not None
    assert record.ended >= queued.due


async def test_a_run_that_is_queued_can_be_cancelled(stage: Stage):
    at = stage.deploy("regretted", flow("done"))
    run = (await stage.post(f"{at}/run", {"text": ""}, canevas_delay="3600")).json()["run"]
    response = await stage.client.delete(f"{at}/runs/{run}")
    assert (response.status_code, response.json()["state"]) == (200, "cancelled")


@pytest.mark.parametrize(
    "headers",
    [
        {"idempotency_key": "x" * 201},
        {"idempotency_key": "two words"},
        {"idempotency_key": ""},
        {"canevas_delay": "soon"},
        {"canevas_delay": "-1"},
        {"canevas_delay": "nan"},
        {"canevas_delay": "1e12"},
    ],
)
async def test_terms_that_cannot_be_met(stage: Stage, headers: dict[str, str]):
    at = stage.deploy("terms", flow("done"))
    refused(await stage.post(f"{at}/run", {"text": ""}, **headers), 400, "bad-terms")
    assert await stage.journal.records("home", flow="flow of terms") == []


async def test_a_flow_that_is_paused_says_so(stage: Stage):
    at = stage.deploy("paused", flow("done"))
    stage.shelf.standing["paused"] = replace(stage.shelf.standing["paused"], paused=1.0)
    stage.api.forget("paused")
    response = await stage.post(f"{at}/run", {"text": ""})
    refused(response, 503, "paused")
    assert response.headers["retry-after"] == "60"
    queued = await stage.post(f"{at}/run", {"text": ""}, prefer="respond-async")
    assert queued.status_code == 202
