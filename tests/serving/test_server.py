"""The server takes its port or says why not, and lets go of it without losing a run."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from runtime.errors import OperatorError
from runtime.serving import server
from runtime.serving.server import listen, serve, spare_what_stays
from tests.serving.stage import KEY, Stage, flow, gate

BEARER = {"authorization": f"Bearer {KEY}"}


def test_a_port_that_is_taken_is_told_with_the_mend():
    with listen("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(OperatorError, match=str(port)) as told, listen("127.0.0.1", port):
            pass
    assert "--port" in told.value.mend
    with listen("127.0.0.1", port):
        pass


@asynccontextmanager
async def stopping(stage: Stage, slug: str, **headers: str) -> AsyncIterator[tuple[asyncio.Task, httpx2.AsyncClient]]:
    """A server that was asked to stop with a call on its way, whose run waits at its gate, and the waiting client."""
    stage.deploy(slug, flow("{{ held.output }}", held={"kind": "held", "config": {"gate": slug}}))
    with listen("127.0.0.1", 0) as listener:
        listener.listen()
        serving = asyncio.create_task(serve(stage.api, listener))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx2.AsyncClient(base_url=url, headers={**BEARER, **headers}, timeout=10) as client:
            asking = asyncio.create_task(client.post(f"/api/flows/{slug}/run", json={"text": ""}))
            while stage.runs.newest_alive("home", f"flow of {slug}", "endpoint") is None:
                await asyncio.sleep(0.01)
            serving.cancel()
            await asyncio.sleep(0.3)  # it looks ten times a second whether it should stop
            yield asking, client
        with pytest.raises(asyncio.CancelledError):
            await serving


async def test_a_call_on_its_way_is_still_answered_when_the_server_stops():
    stage = Stage()
    async with stopping(stage, "finishing") as (asking, client):
        with pytest.raises(httpx2.ConnectError):
            await client.get("/api/health")  # but nobody new is let in
        gate("finishing").set()
        assert (await asking).json()["output"] == "let go"


async def test_a_run_that_a_stopping_server_gives_up_on_is_told_and_recorded(monkeypatch, caplog):
    monkeypatch.setattr(server, "GRACE", 0.3)
    stage = Stage()
    async with stopping(stage, "given-up") as (asking, _):
        response = await asking
    assert (response.status_code, response.json()["detail"]) == (503, "The server stopped before the run had ended.")
    await stage.runs.close()
    (record,) = await stage.journal.records("home")
    assert record.state == "cancelled"
    assert [type(event).__name__ for event in await stage.journal.events("home", record.id)][-1] == "RunCancelled"
    assert "Traceback" not in caplog.text


async def test_a_stream_ends_with_the_server_and_its_run_with_the_process(monkeypatch, caplog):
    monkeypatch.setattr(server, "GRACE", 0.3)
    stage = Stage()
    async with stopping(stage, "streaming", accept="text/event-stream") as (asking, _):
        response = await asking
    assert "event: step_started" in response.text
    assert "run_finished" not in response.text
    await stage.runs.close()
    assert (await stage.journal.records("home"))[0].state == "cancelled"
    assert "Traceback" not in caplog.text


def test_the_collector_is_spared_what_stays():
    before = gc.get_threshold()
    try:
        spare_what_stays()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
