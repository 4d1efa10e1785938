"""A server between processes may be gone, come back, carry rubbish; and what nobody watches costs it nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from runtime.errors import OperatorError
from runtime.relay.choosing import relay_for
from runtime.relay.line import Line
from runtime.relay.reel import Piece
from runtime.relay.relay import LocalRelay, place_of
from runtime.relay.served import ServedRelay
from tests.relay.stations import OwnPostgres, Server, Station, delta, has, read, text, words
from tests.servers.nats import Nats
from tests.servers.valkey import Valkey


@pytest.fixture(params=["postgresql", "valkey", "nats"])
async def killable(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Server, Station]]:
    server: Server = {"postgresql": OwnPostgres, "valkey": Valkey, "nats": Nats}[request.param]()
    await asyncio.to_thread(server.start)
    station = Station.of(request.param, server.url)
    yield server, station
    await station.close()
    if isinstance(server, OwnPostgres):
        await asyncio.to_thread(server.remove)
    else:
        server.kill()


async def test_a_server_that_is_killed_and_comes_back_loses_no_word(killable: tuple[Server, Station]) -> None:
    server, station = killable
    worker, watcher = await station.relay(), await station.relay()
    told = words(300)
    with watcher.listen("w", "r") as listener:
        for word in told[:100]:
            worker.tell("w", "r", 1, 2, delta(word))
        heard = await read(listener, has(100))
        await asyncio.to_thread(server.kill)
        for word in told[100:200]:
            worker.tell("w", "r", 1, 2, delta(word))
            await asyncio.sleep(0.002)
        with worker.listen("w", "r", since=(1, 100)) as here:  # who is where the run is needs no server
            assert text(await read(here, has(100))) == "".join(told[100:200])
        await asyncio.to_thread(server.start)
        heard += await read(listener, has(100))  # and nothing new need be told for that
        for word in told[200:]:
            worker.tell("w", "r", 1, 2, delta(word))
        worker.tell("w", "r", 1, 3)
        heard += await read(listener, has(101))
    assert text(heard) == "".join(told)
    assert heard[-1] == Piece(1, 301, 3)


async def test_a_server_that_comes_later_than_its_clients(nats: Nats, valkey: Valkey) -> None:
    for server in (Nats(), Valkey()):
        station = Station.of(type(server).__name__.lower(), server.url)
        worker, watcher = await station.relay(), await station.relay()
        with watcher.listen("w", "r") as listener:
            worker.tell("w", "r", 1, 2, delta("patience"))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.start)
            assert text(await read(listener, has(1))) == "patience"
        await station.close()
        server.kill()


def line_of(relay: object) -> Line:
    """A bare line to the same server."""
    assert isinstance(relay, ServedRelay)
    return relay._line


async def test_a_run_that_nobody_watches_from_elsewhere_is_sent_to_nobody(served: Station) -> None:
    worker, spy = await served.relay(), line_of(served._make())
    messages: list[bytes | str] = []
    await spy.open(lambda channel, data: messages.append(data), lambda: None)
    await spy.attend(["canevas.run." + place_of("w", "r")])
    await asyncio.sleep(0.2)
    for word in words(50):
        worker.tell("w", "r", 1, 2, delta(word))
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.2)
    assert len(messages) == 1
    await spy.close()


async def test_rubbish_on_a_channel_is_passed_over(served: Station) -> None:
    worker, watcher = await served.relay(), await served.relay()
    spy = line_of(served._make())
    await spy.open(lambda channel, data: None, lambda: None)
    with watcher.listen("w", "r") as listener:
        worker.tell("w", "r", 1, 2, delta("a"))
        await read(listener, has(1))
        channel = "canevas.run." + place_of("w", "r")
        for data in (b"rubbish", b"[]", b'[1,[["x"]]]', b"{}", b"[1,[]]", '["é'.encode("latin-1")):
            if served.kind == "postgresql" and not data.isascii():
                continue  # the database itself does not take it
            await spy.send([(channel, data), ("canevas.asks", data)])
        await asyncio.sleep(0.1)
        worker.tell("w", "r", 1, 2, delta("b"))
        assert text(await read(listener, has(1))) == "b"
    await spy.close()


async def test_what_is_lost_on_the_way_is_asked_for(served: Station) -> None:
    worker, watcher = await served.relay(), await served.relay()
    with watcher.listen("w", "r") as listener:
        worker.tell("w", "r", 1, 2, delta("a"))
        assert text(await read(listener, has(1))) == "a"
        assert isinstance(worker, ServedRelay)
        reel = worker._reels[place_of("w", "r")]
        reel.tell(1, 2, delta("b"))
        reel.sent = reel.last  # as if it had been sent and had not come
        worker.tell("w", "r", 1, 2, delta("c"))
        assert text(await read(listener, has(2))) == "bc"


async def test_what_nobody_has_any_more_is_a_gap(served: Station) -> None:
    watcher = await served.relay()
    spy = line_of(served._make())
    await spy.open(lambda channel, data: None, lambda: None)
    with watcher.listen("w", "r") as listener:
        await asyncio.sleep(0.2)
        channel = "canevas.run." + place_of("w", "r")  # a worker that is killed right after this
        await spy.send([(channel, b'[1,[[1,4,9,{"type":"step_delta","step":"write","text":"d"}]]]')])
        gap, piece = await read(listener, has(2))
        assert (gap.number, gap.after) == (3, 9)
        assert text([piece]) == "d"
    await spy.close()


@pytest.mark.parametrize("beat", [0.1])
async def test_a_line_on_which_nothing_comes_back_is_given_up(valkey: Valkey, beat: float) -> None:
    """A link that was cut without a word looks like one on which nobody speaks."""
    line = line_of(relay_for(valkey.url))
    relay = ServedRelay(line, beat=beat)
    await relay.open()
    with relay.listen("w", "r"):
        await asyncio.sleep(0.5)
        assert relay._up
        before = line._client  # type: ignore[attr-defined]
        await line._attending.unsubscribe("canevas.asks")  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            while line._client in (before, None) or not relay._up:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
    await relay.close()


def test_an_address_chooses_the_relay() -> None:
    assert type(relay_for("")) is LocalRelay
    for url in ("valkey://h", "rediss://u:p@h:6380/0", "nats://h:4222", "tls://h", "nats://a:4222,nats://b:4222"):
        assert isinstance(relay_for(url), ServedRelay)


@pytest.mark.parametrize("url", ["kafka://host", "valkey://", "nats://h:secret", "secret", "http://secret@h"])
def test_an_address_of_nothing_that_relays_is_refused(url: str) -> None:
    with pytest.raises(OperatorError, match="CANEVAS_RELAY_URL") as refused:
        relay_for(url)
    assert "secret" not in str(refused.value)
