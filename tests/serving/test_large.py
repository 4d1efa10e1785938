"""Large values over the API: by reference in events, whole in answers, and had by their hash by who has the key."""

import asyncio
import json
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from tests.serving.stage import Sent, Stage, events_of, flow, gate, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "é" * 500_000
BODY = json.dumps(TEXT, ensure_ascii=False).encode()
REFERENCE = {"sha256": sha256(BODY).hexdigest(), "bytes": 1_000_002, "kind": "text", "begins": "é" * 200}
VAST = {"kind": "vast", "config": {"size": 500_000}}


def vast(answer: str = "{{ vast.output }}", **more: Any) -> Any:
    return flow(answer, vast=VAST, **more)


async def streamed(stage: Stage, path: str, body: Any = None, method: str = "POST") -> tuple[str, list[Sent]]:
    """The id and the events of a run."""
    async with stage.stream(path, body, method) as response:
        return response.headers["canevas-run"], [each async for each in events_of(response)]


async def test_events_refer_to_large_values_and_the_answer_is_whole(stage: Stage):
    at = stage.deploy("vast", vast())
    run, sent = await streamed(stage, f"{at}/run", {"text": ""})
    by_step = {(each.event, each.data.get("step")): each.data for each in sent}
    gave = by_step["step_finished", "vast"]
    assert (gave["output"]["output"], gave["kept"]) == (REFERENCE, [["output", "output"]])
    took = by_step["step_started", "answer"]
    assert REFERENCE in took["input"].values()
    assert (sent[-1].event, sent[-1].data["output"], "kept" in sent[-1].data) == ("run_finished", TEXT, False)
    assert all(len(json.dumps(each.data)) < 5_000 for each in sent[:-1])
    _, again = await streamed(stage, f"{at}/runs/{run}/events", method="GET")
    assert [each.data for each in again] == [each.data for each in sent]
    assert (await stage.client.get(f"{at}/runs/{run}")).json()["output"] == TEXT


async def test_a_small_value_that_looks_like_a_reference_is_not_named(stage: Stage):
    at = stage.deploy("fake", flow())
    _, sent = await streamed(stage, f"{at}/run", {"text": json.dumps(REFERENCE)})
    assert not any("kept" in each.data for each in sent)


async def test_a_value_is_had_by_its_hash_while_the_run_goes_on_and_after(stage: Stage):
    held = {"kind": "held", "config": {"gate": "vast-held"}}
    at = stage.deploy("going", flow("{{ held.output }}", vast=VAST, held=held))
    async with stage.stream(f"{at}/run", {"text": ""}) as response:
        run = response.headers["canevas-run"]
        async for each in events_of(response):
            if (each.event, each.data.get("step")) == ("step_started", "held"):
                break
    path = f"{at}/runs/{run}/values/{REFERENCE['sha256']}"
    assert stage.runs.alive("home", run) is not None
    going = await stage.client.get(path)
    gate("vast-held").set()
    async with asyncio.timeout(10):
        while stage.runs.alive("home", run) is not None:
            await asyncio.sleep(0.01)
    over = await stage.client.get(path)
    for response in (going, over):
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        assert response.content == BODY


@pytest.fixture
def path(stage: Stage) -> str:
    return stage.deploy("mine", vast())


async def kept(stage: Stage, at: str) -> str:
    return str((await stage.post(f"{at}/run", {"text": ""})).headers["canevas-run"])


@pytest.mark.parametrize(
    "digest", ["0" * 64, "nope", "%00", REFERENCE["sha256"][:-1], "kept", sha256(b'"a"').hexdigest()]
)
async def test_a_hash_that_no_event_names_is_not_found(stage: Stage, path: str, digest: str):
    run = await kept(stage, path)
    response = await stage.client.get(f"{path}/runs/{run}/values/{digest}")
    assert refused(response, 404, "unknown-path")["run"] == run


async def test_nobody_has_a_value_without_the_key_of_its_flow(stage: Stage, path: str):
    run, digest = await kept(stage, path), REFERENCE["sha256"]
    stage.deploy("stranger", vast(), keys=("cnv_other",))
    for headers in ({"authorization": ""}, {"authorization": "Bearer cnv_other"}):
        refused(await stage.client.get(f"{path}/runs/{run}/values/{digest}", headers=headers), 401, "wrong-key")
    other = {"authorization": "Bearer cnv_other"}
    response = await stage.client.get(f"/api/flows/stranger/runs/{run}/values/{digest}", headers=other)
    refused(response, 404, "unknown-run")


@pytest.mark.parametrize("change", [{"flow": "another"}, {"source": "preview"}, {"workspace": "foreign"}])
async def test_values_of_other_peoples_runs_are_not_there(stage: Stage, path: str, change: dict[str, str]):
    run = await kept(stage, path)
    await asyncio.sleep(0.02)
    record = await stage.runs.record("home", run)
    other = msgspec.structs.replace(record, id=f"{run}{next(iter(change))}", **change)
    await stage.journal.keep(other, await stage.journal.events("home", run))
    response = await stage.client.get(f"{path}/runs/{other.id}/values/{REFERENCE['sha256']}")
    refused(response, 404, "unknown-run")


async def test_a_run_opens_its_own_values_alone(stage: Stage, path: str):
    small = stage.deploy("mine", flow("none"))
    run = await kept(stage, small)
    refused(await stage.client.get(f"{small}/runs/{run}/values/{REFERENCE['sha256']}"), 404, "unknown-path")
