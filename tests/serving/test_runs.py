"""`/runs/{id}`: how a run stands, and how it is stopped; of this flow, and of runs from outside, alone."""

import asyncio
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from runtime.graph.compiler import compile_flow
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.run import Run
from runtime.interpreter.start import Start
from tests.serving.stage import CATALOG, Stage, flow, gate

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def waiting(stage: Stage, slug: str) -> tuple[str, Run]:
    """A run that waits at its gate."""
    at = stage.deploy(slug, flow("{{ held.output }}", held={"kind": "held", "config": {"gate": slug}}))
    async with stage.stream(f"{at}/run", {"text": ""}) as response:
        run = stage.runs.alive("home", response.headers["canevas-run"])
    assert run is not None
    return at, run


async def test_a_run_is_seen_going_and_then_done(stage: Stage):
    at, run = await waiting(stage, "seen")
    going = (await stage.client.get(f"{at}/runs/{run.record.id}")).json()
    assert (going["run"], going["state"]) == (run.record.id, "running")
    assert {"ended", "output", "status", "problem"}.isdisjoint(going)
    gate("seen").set()
    async with asyncio.timeout(10):
        while run.ending is None:
            await asyncio.sleep(0.01)
    done = (await stage.client.get(f"{at}/runs/{run.record.id}")).json()
    assert (done["state"], done["status"], done["output"], done["started"]) == ("done", 200, "let go", going["started"])
    assert datetime.fromisoformat(done["started"]) <= datetime.fromisoformat(done["ended"])
    await asyncio.sleep(0.02)
    assert stage.runs.alive("home", run.record.id) is None
    assert (await stage.client.get(f"{at}/runs/{run.record.id}")).json() == done  # the journal says the same


async def test_a_run_that_failed_shows_its_problem(stage: Stage):
    at = stage.deploy("broke", flow("{{ boom.output }}", boom={"kind": "boom"}))
    problem = (await stage.post(f"{at}/run", {"text": ""})).json()
    response = await stage.client.get(f"{at}/runs/{problem['run']}")
    assert response.status_code == 200
    assert response.json()["state"] == "failed"
    shown = response.json()["problem"]
    assert (shown["status"], shown["step"], shown["detail"]) == (502, "boom", problem["detail"])
    assert shown["instance"] == f"{at}/runs/{problem['run']}"


async def test_a_run_is_stopped_once(stage: Stage):
    at, run = await waiting(stage, "stop")
    path = f"{at}/runs/{run.record.id}"
    first = await stage.client.delete(path)
    assert (first.status_code, first.json()["state"]) == (200, "cancelled")
    assert first.json()["problem"]["type"] == "urn:canevas:problem:cancelled"
    assert (await stage.client.delete(path)).json() == first.json()
    assert (await stage.client.get(path)).json() == first.json()


async def test_stopping_a_run_that_is_done_changes_nothing(stage: Stage):
    at = stage.deploy("done", flow("{{ start.text }}"))
    run = (await stage.post(f"{at}/run", {"text": "kept"})).headers["canevas-run"]
    response = await stage.client.delete(f"{at}/runs/{run}")
    assert (response.json()["state"], response.json()["output"]) == ("done", "kept")


async def test_a_run_of_another_process_is_seen_and_asked_to_stop(stage: Stage):
    at = stage.deploy("elsewhere", flow())
    record = RunRecord(
        id="0123456789abcdef", workspace="home", flow="flow of elsewhere", flow_name="", source="endpoint", started=1.0
    )
    await stage.journal.open(record)
    assert (await stage.client.get(f"{at}/runs/{record.id}")).json()["state"] == "running"
    response = await stage.client.delete(f"{at}/runs/{record.id}")
    assert (response.status_code, response.json()["state"]) == (202, "running")
    assert [signal.name for signal in await stage.journal.signals("home", record.id)] == ["cancel"]


@pytest.mark.parametrize("change", [{"flow": "another"}, {"source": "preview"}, {"workspace": "foreign"}])
async def test_other_peoples_runs_are_not_there(stage: Stage, change: dict):
    at = stage.deploy("mine", flow())
    run = (await stage.post(f"{at}/run", {"text": ""})).headers["canevas-run"]
    record = await stage.runs.record("home", run)
    other = msgspec.structs.replace(record, id=f"other{next(iter(change.values()))}", **change)
    await stage.journal.keep(other, await stage.journal.events("home", run))
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
        response = await stage.client.request(method, f"{at}/runs/{other.id}{path}")
        assert (response.status_code, response.json()["type"]) == (404, "urn:canevas:problem:unknown-run")


async def test_a_preview_that_is_going_on_is_not_there_either(stage: Stage):
    at, _ = await waiting(stage, "preview")
    plan = compile_flow(stage.shelf.standing["preview"].flow, CATALOG)
    started = await stage.runs.begin(Start(plan, {"text": ""}, "home", "flow of preview", "preview"))
    preview = stage.runs.alive("home", started.id)
    assert preview is not None
    assert (await stage.client.get(f"{at}/runs/{preview.record.id}")).status_code == 404
    assert (await stage.client.delete(f"{at}/runs/{preview.record.id}")).status_code == 404
    assert preview.ending is None
    await stage.runs.cancel("home", preview.record.id)


@pytest.mark.parametrize("run", ["nope", "%00", "a" * 200, "A B", "é", "'; drop table runs"])
async def test_an_id_that_is_none_is_not_found(stage: Stage, run: str):
    at = stage.deploy("ids", flow())
    response = await stage.client.get(f"{at}/runs/{run}")
    assert (response.status_code, response.json()["type"]) == (404, "urn:canevas:problem:unknown-run")


async def test_a_redeployed_flow_still_shows_its_older_runs(stage: Stage):
    at = stage.deploy("again", flow("one"))
    run = (await stage.post(f"{at}/run", {"text": ""})).headers["canevas-run"]
    stage.shelf.standing["again"] = replace(stage.shelf.standing["again"], flow=flow("two"), version=10**6)
    stage.api.forget("again")
    assert (await stage.post(f"{at}/run", {"text": ""})).json()["output"] == "two"
    assert (await stage.client.get(f"{at}/runs/{run}")).json()["output"] == "one"
