"""What every relay promises: exact order, the whole text for whoever comes late, no word of a crashed attempt."""

import asyncio
import random

from runtime.relay.reel import ROOM, Gap, Piece
from runtime.relay.relay import LocalRelay, Relay
from runtime.relay.served import ServedRelay
from tests.relay.stations import Station, delta, has, read, text, words


async def settled(relay: Relay) -> None:
    """Until somebody who listens elsewhere is known, if there is an elsewhere."""
    if isinstance(relay, ServedRelay):
        async with asyncio.timeout(10):
            while not relay._wanted:
                await asyncio.sleep(0.01)


async def test_what_is_told_is_heard_in_order(station: Station) -> None:
    worker, server = await station.relay(), await station.relay()
    with server.listen("w", "r") as listener:
        for number, word in enumerate(words(1_000)):
            worker.tell("w", "r", 1, number, delta(word) if number % 7 else None)
            if number % 100 == 0:
                await asyncio.sleep(0.005)
        heard = await read(listener, has(1_000))
    told = [Piece(1, n + 1, n, delta(word) if n % 7 else None) for n, word in enumerate(words(1_000))]
    assert heard == told


async def test_who_comes_late_gets_all_and_then_the_rest(station: Station) -> None:
    worker, server = await station.relay(), await station.relay()
    for word in words(100):
        worker.tell("w", "r", 1, 2, delta(word))
    await asyncio.sleep(0.1)
    with server.listen("w", "r") as listener:
        before = await read(listener, has(100))
        for word in words(100, 100):
            worker.tell("w", "r", 1, 2, delta(word))
        heard = before + await read(listener, has(100))
        with server.listen("w", "r", since=(1, 150)) as again:
            assert await read(again, has(50)) == heard[150:]
    assert [each.number for each in heard] == list(range(1, 201))
    assert text(heard) == "".join(words(200))


async def test_a_new_epoch_voids_the_old_one(station: Station) -> None:
    first, server = await station.relay(), await station.relay()
    with server.listen("w", "r") as listener:
        for word in ("It was ", "a dark "):
            first.tell("w", "r", 1, 2, delta(word))
        assert text(await read(listener, has(2))) == "It was a dark "
        second = await station.relay()
        second.tell("w", "r", 5, 5, delta("It is "))
        assert await read(listener, has(1)) == [Piece(5, 1, 5, delta("It is "))]
        first.tell("w", "r", 1, 2, delta("and stormy "))  # it was stopped, and does not know that it lost the run
        second.tell("w", "r", 5, 5, delta("bright"))
        assert await read(listener, has(1)) == [Piece(5, 2, 5, delta("bright"))]
    with server.listen("w", "r", since=(5, 0)) as late:
        assert text(await read(late, has(2))) == "It is bright"
    with server.listen("w", "r", since=(1, 3)) as late:  # the first may still be there, and is the first to answer
        heard = await read(late, lambda heard: bool(heard) and (heard[-1].epoch, heard[-1].number) == (5, 2))
        assert text([each for each in heard if each.epoch == 5]) == "It is bright"


async def test_24_listeners_in_several_processes_get_the_exact_text(station: Station) -> None:
    worker, *servers = [await station.relay() for _ in range(4)]
    chance = random.Random(4)
    told = words(600)

    async def client(relay: Relay) -> str:
        """Comes at some time, and goes and comes again as a browser does, saying what it has."""
        await asyncio.sleep(chance.random() * 0.6)
        heard: list[Piece | Gap] = []
        while len(heard) < 600:
            since = (heard[-1].epoch, heard[-1].number) if heard else (0, 0)
            with relay.listen("w", "r", since) as listener:
                heard += await read(listener, has(min(600 - len(heard), chance.randrange(50, 400))))
        return text(heard)

    clients = [asyncio.create_task(client(servers[number % 3])) for number in range(24)]
    for word in told:
        worker.tell("w", "r", 1, 2, delta(word))
        await asyncio.sleep(0.001)
    assert await asyncio.gather(*clients) == ["".join(told)] * 24


async def test_runs_do_not_mix(station: Station) -> None:
    worker, server = await station.relay(), await station.relay()
    places = [("w", "r"), ("w", "r2"), ("w2", "r"), ("Ärger & Co. *>", "a.b {x}\n")]
    for workspace, run in places:
        worker.tell(workspace, run, 1, 1, delta(f"{workspace}|{run}"))
    for workspace, run in places:
        with server.listen(workspace, run) as listener:
            assert text(await read(listener, has(1))) == f"{workspace}|{run}"


async def test_texts_of_any_length_and_alphabet(station: Station) -> None:
    worker, server = await station.relay(), await station.relay()
    told = ['ü𝄞\0\x1f"\\\u2028', "", "x" * 200_000, "日本語🙂" * 20_000, "half \ud83d"]
    with server.listen("w", "r") as listener:
        for each in told:
            worker.tell("w", "r", 1, 2, delta(each, "each[2]/write"))
        worker.tell("w", "r", 1, 3)
        heard = await read(listener, lambda heard: bool(heard) and heard[-1].after == 3)
    whole = "".join(told)
    assert text(heard) == (whole if station.kind == "local" else whole.replace("\ud83d", "?"))
    assert [each.number for each in heard] == list(range(1, len(heard) + 1))


async def test_who_is_slow_costs_no_memory_and_is_told_of_the_gap(station: Station) -> None:
    worker, server = await station.relay(), await station.relay()
    chunk = "x" * 900
    with server.listen("w", "r") as quick, server.listen("w", "r") as slow:
        worker.tell("w", "r", 1, 1, delta("first"))
        await read(quick, has(1))
        await read(slow, has(1))
        await settled(worker)
        for number in range(3_000):
            worker.tell("w", "r", 1, number + 2, delta(chunk))
            if number % 20 == 0:
                await read(quick, lambda heard, to=number: bool(heard) and heard[-1].number > to)
        await read(quick, lambda heard: bool(heard) and heard[-1].number == 3_001)
        gap, *rest = await read(slow, lambda heard: bool(heard) and heard[-1].number == 3_001)
    assert isinstance(gap, Gap)
    assert gap.after == rest[0].after
    assert [each.number for each in rest] == list(range(gap.number + 1, 3_002))
    assert len(rest) * 900 <= ROOM


async def test_who_goes_leaves_nothing_behind(station: Station) -> None:
    worker, server = await station.relay(), await station.relay()
    assert isinstance(worker, LocalRelay)
    assert isinstance(server, LocalRelay)
    with server.listen("w", "r") as one, server.listen("w", "r") as other:
        worker.tell("w", "r", 1, 1, delta("a"))
        await read(one, has(1))
        await read(other, has(1))
        worker.tell("w", "r", 1, 1, delta("b"))
        worker.done("w", "r")  # the last word is still carried
        assert text(await read(one, has(1)) + await read(other, has(1))) == "bb"
    async with asyncio.timeout(5):
        while worker._reels or server._reels or (isinstance(server, ServedRelay) and server._attended):
            await asyncio.sleep(0.01)


async def test_a_wait_that_is_cancelled_loses_nothing(station: Station) -> None:
    worker, server = await station.relay(), await station.relay()
    with server.listen("w", "r") as listener:
        heard: list[Piece | Gap] = []
        for word in words(200):
            worker.tell("w", "r", 1, 1, delta(word))
            waiting = asyncio.ensure_future(anext(listener))
            await asyncio.sleep(random.random() * 0.002)
            if not waiting.cancel():
                heard.append(waiting.result())
        await asyncio.gather(waiting, return_exceptions=True)
        heard += await read(listener, has(200 - len(heard)))
    assert text(heard) == "".join(words(200))


async def test_a_closed_relay_lets_its_listeners_go(station: Station) -> None:
    relay = await station.relay()
    with relay.listen("w", "r") as listener:
        waiting = asyncio.create_task(anext(listener, None))
        await asyncio.sleep(0.01)
        await relay.close()
        async with asyncio.timeout(2):
            assert await waiting is None
