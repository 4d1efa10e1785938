"""The events of a run: as they come, after a lost connection, after the end; and never a second run by mistake."""

import asyncio
from typing import Any

import pytest

from runtime.interpreter.run import Run
from tests.serving.stage import KEY, Sent, Stage, events_of, flow, gate, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")


def talking(name: str) -> Any:
    return flow("{{ talk.output }}", talk={"kind": "talk", "config": {"gate": name}})


def told(sent: list[Sent]) -> list[tuple[str, str]]:
    """Ids and types, without the deltas."""
    return [(each.id, each.event) for each in sent if each.event != "step_delta"]


WHOLE = [
    ("1", "run_started"),
    ("2", "step_started"),
    ("3", "step_finished"),
    ("4", "step_started"),
    ("5", "step_finished"),
    ("6", "step_started"),
    ("7", "step_finished"),
    ("8", "run_finished"),
]


async def test_a_run_streams_its_events_with_seq_as_id(stage: Stage):
    at = stage.deploy("greet", flow())
    async with stage.stream(f"{at}/run", {"text": "héllo 🦜\n\nevent: evil"}) as response:
        assert response.headers["content-type"] == "text/event-stream"
        run = response.headers["canevas-run"]
        assert response.headers["location"] == f"{at}/runs/{run}/events"
        sent = [each async for each in events_of(response)]
    assert told(sent) == WHOLE
    assert [each.data["seq"] for each in sent] == list(range(1, 9))
    assert [each.data["type"] for each in sent] == [each.event for each in sent]
    assert sent[-1].data["output"] == {"text": "héllo 🦜\n\nevent: evil"}
    assert (await stage.runs.record("home", run)).state == "done"


async def test_deltas_come_at_once_and_without_an_id(stage: Stage):
    at = stage.deploy("talk", talking("talk"))
    async with stage.stream(f"{at}/run", {"text": ""}) as response:
        events = events_of(response)
        first = [await anext(events) for _ in range(6)]
        assert [(each.event, each.id) for each in first[-2:]] == [("step_delta", "")] * 2
        assert "".join(each.data["text"] for each in first[-2:]) == "one two "
        gate("talk").set()
        rest = [each async for each in events]
    assert rest[0].data["text"] == "três 🦜"
    assert told([*first, *rest]) == WHOLE
    assert rest[-1].data["output"] == "one two três 🦜"
    kept = await stage.journal.events("home", response.headers["canevas-run"])
    assert [event.seq for event in kept] == list(range(1, 9))  # they live in the stream alone


async def lost(stage: Stage, name: str, events: int) -> tuple[str, Run]:
    """A run whose stream was cut after so many events; it waits at its gate."""
    at = stage.deploy(name, talking(name))
    async with stage.stream(f"{at}/run", {"text": ""}) as response:
        stream = events_of(response)
        for _ in range(events):
            await anext(stream)
        run = stage.runs.alive("home", response.headers["canevas-run"])
    assert run is not None
    return at, run


@pytest.mark.parametrize("how", ["get", "post"])
@pytest.mark.parametrize("seen", [0, 2, 4])
async def test_a_lost_stream_resumes_in_mid_run(stage: Stage, how: str, seen: int):
    name = f"lost-{how}-{seen}"
    at, run = await lost(stage, name, 4)
    before = len(await stage.runs.records("home"))
    last = {"last_event_id": str(seen)} if seen else {}
    asking = (
        stage.stream(f"{at}/runs/{run.record.id}/events", method="GET", **last)
        if how == "get"
        else stage.stream(f"{at}/run", {"text": "not a second run"}, canevas_run=run.record.id, **last)
    )
    async with asking as response:
        assert response.status_code == 200
        assert response.headers["canevas-run"] == run.record.id
        events = events_of(response)
        again = [await anext(events) for _ in range(4 - seen + 2)]  # and the two deltas that there were
        gate(name).set()
        again += [each async for each in events]
    assert told(again) == WHOLE[seen:]
    assert "".join(each.data["text"] for each in again if each.event == "step_delta") == "one two três 🦜"
    assert len(await stage.runs.records("home")) == before


@pytest.mark.parametrize("seen", [0, 3, 7])
async def test_a_stream_can_be_had_again_after_the_end(stage: Stage, seen: int):
    at = stage.deploy("over", flow())
    run = (await stage.post(f"{at}/run", {"text": ""})).headers["canevas-run"]
    await asyncio.sleep(0.02)
    assert stage.runs.alive("home", run) is None  # so it is the journal that tells
    async with stage.stream(f"{at}/runs/{run}/events", method="GET", last_event_id=str(seen)) as response:
        assert told([each async for each in events_of(response)]) == WHOLE[seen:]


@pytest.mark.parametrize("seen", ["8", "9", "123456789012345678"])
async def test_who_has_seen_the_end_is_told_to_stop_asking(stage: Stage, seen: str):
    at = stage.deploy("seen", flow())
    run = (await stage.post(f"{at}/run", {"text": ""})).headers["canevas-run"]
    response = await stage.client.get(f"{at}/runs/{run}/events", headers={"last-event-id": seen})
    assert (response.status_code, response.content) == (204, b"")


async def test_two_clients_see_the_same_run(stage: Stage):
    at, run = await lost(stage, "shared", 2)

    async def watch(seen: str) -> list[Sent]:
        path = f"{at}/runs/{run.record.id}/events"
        async with stage.stream(path, method="GET", last_event_id=seen) as response:
            return [each async for each in events_of(response)]

    watching = [asyncio.create_task(watch(seen)) for seen in ("0", "3")]
    await asyncio.sleep(0.1)
    gate("shared").set()
    whole, rest = await asyncio.gather(*watching)
    assert told(whole) == WHOLE
    assert told(rest) == WHOLE[3:]


async def test_a_client_that_leaves_does_not_disturb_another(stage: Stage):
    at, run = await lost(stage, "stays", 2)
    path = f"{at}/runs/{run.record.id}/events"
    async with stage.stream(path, method="GET") as stays:
        events = events_of(stays)
        await anext(events)
        async with stage.stream(path, method="GET") as leaves:
            await anext(events_of(leaves))
        await asyncio.sleep(0.05)
        gate("stays").set()
        assert [each.event async for each in events][-1] == "run_finished"


async def test_a_run_goes_on_without_its_client(stage: Stage):
    at, run = await lost(stage, "alone", 3)
    gate("alone").set()
    async with asyncio.timeout(10):
        while run.ending is None:
            await asyncio.sleep(0.01)
    response = await stage.client.get(f"{at}/runs/{run.record.id}")
    assert response.json()["output"] == "one two três 🦜"


async def test_a_run_that_fails_or_is_cancelled_says_so_in_its_stream(stage: Stage):
    at = stage.deploy("fails", flow("{{ boom.output }}", boom={"kind": "boom"}))
    async with stage.stream(f"{at}/run", {"text": ""}) as response:
        sent = [each async for each in events_of(response)]
    assert (sent[-1].event, sent[-1].data["step"]) == ("run_failed", "boom")
    assert "parrot" in sent[-1].data["failure"]["what"]
    at, run = await lost(stage, "stopped", 4)
    async with stage.stream(f"{at}/runs/{run.record.id}/events", method="GET") as response:
        events = events_of(response)
        await anext(events)
        await stage.client.delete(f"{at}/runs/{run.record.id}")
        assert [each.event async for each in events][-1] == "run_cancelled"


async def test_a_stream_is_refused_like_any_other_call(stage: Stage):
    at = stage.deploy("refuses", flow())
    async with stage.stream(f"{at}/run", {}) as response:
        assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"last_event_id": "3"}, 400, "bad-resume"),
        ({"last_event_id": "3", "accept": "application/json"}, 400, "bad-resume"),
        ({"canevas_run": "RUN", "last_event_id": "three"}, 400, "bad-resume"),
        ({"canevas_run": "RUN", "last_event_id": "-1"}, 400, "bad-resume"),
        ({"canevas_run": "RUN", "last_event_id": "1" * 30}, 400, "bad-resume"),
        ({"canevas_run": "RUN", "accept": "application/json"}, 400, "bad-resume"),
        ({"canevas_run": "nothere", "last_event_id": "3"}, 404, "unknown-run"),
        ({"canevas_run": "../x"}, 404, "unknown-run"),
    ],
)
async def test_a_resumption_that_is_not_one_starts_no_second_run(stage: Stage, headers, status, kind):
    at = stage.deploy("resume", flow())
    run = (await stage.post(f"{at}/run", {"text": ""})).headers["canevas-run"]
    before = len(await stage.runs.records("home", limit=1000))
    headers = {name: run if value == "RUN" else value for name, value in headers.items()}
    response = await stage.post(f"{at}/run", {"text": ""}, **{"accept": "text/event-stream", **headers})
    assert (response.status_code, response.json()["type"]) == (status, f"urn:canevas:problem:{kind}")
    assert response.json()["mend"]
    assert len(await stage.runs.records("home", limit=1000)) == before


async def test_silence_is_filled_with_heartbeats():
    async with staged(beat=0.1) as stage:
        at = stage.deploy("silent", talking("silent"))
        sent = []
        async with stage.stream(f"{at}/run", {"text": ""}) as response:
            async for each in events_of(response):
                sent.append(each)
                if sum(each.comment == "still here" for each in sent) == 2:
                    gate("silent").set()
        assert told([each for each in sent if each.event]) == WHOLE
        assert gate("silent").is_set()


async def test_a_reader_who_takes_nothing_is_let_go_and_the_run_is_not():
    echoes = {f"echo_{number}": {"kind": "echo"} for number in range(300)}
    async with staged(beat=0.3) as stage:
        at = stage.deploy("stuck", flow("done", **echoes))
        body = b'{"text":"%b"}' % (b"x" * 60_000)  # told by six hundred events: what is larger goes by reference
        head = f"POST {at}/run HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {KEY}\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port, limit=1000)
        writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        async with asyncio.timeout(60):
            await reader.readuntil(b"\r\n\r\n")
            while (await stage.runs.records("home"))[0].state == "running":
                await asyncio.sleep(0.01)
            await asyncio.sleep(1)  # three beats in which nothing is taken
            got = 0
            while more := len(await reader.read(1_000_000)):
                got += more
        writer.close()
        assert got < 20_000_000
