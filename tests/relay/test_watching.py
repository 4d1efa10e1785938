"""Who watches a run from another process sees it as who watches it where it is driven: in order, never with a hole."""

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from runtime.interpreter.events import (
    Durable,
    Event,
    Failure,
    RunFinished,
    RunResumed,
    RunStarted,
    StepDelta,
    StepFinished,
    StepRetried,
    StepStarted,
)
from runtime.relay.reel import Reel
from runtime.relay.relay import LocalRelay, Relay, place_of
from runtime.relay.watching import watch
from tests.relay.conftest import url_of
from tests.relay.stations import Station, delta


class Book:
    """A journal of one run, and whoever drives it. reads: how often somebody looked."""

    def __init__(self, relay: Relay, epoch: int = 1) -> None:
        self.relay, self.epoch, self.reads = relay, epoch, 0
        self.events: list[Durable] = []

    async def read(self, after: int) -> list[Durable]:
        self.reads += 1
        await asyncio.sleep(0)
        return self.events[after:]

    def write(self, kind: type, *given: object, silently: bool = False) -> None:
        self.events.append(kind(len(self.events) + 1, 0.0, *given))
        if kind is RunResumed:
            self.epoch = len(self.events)
        if not silently:
            self.relay.tell("w", "r", self.epoch, len(self.events))

    def say(self, text: str, step: str = "write") -> None:
        self.relay.tell("w", "r", self.epoch, len(self.events), delta(text, step))

    def watch(self, relay: Relay | None = None, after: int = 0, poll: float = 1.0) -> AsyncIterator[Event]:
        return watch(relay or self.relay, self.read, "w", "r", after, poll)


def told(events: list[Event]) -> list[str]:
    return [event.text if isinstance(event, StepDelta) else type(event).__name__ for event in events]


async def collect(events: AsyncIterator[Event]) -> list[Event]:
    async with asyncio.timeout(20):
        return [event async for event in events]


async def test_deltas_and_events_come_in_the_order_in_which_they_were_told(station: Station) -> None:
    book = Book(await station.relay())
    server = await station.relay()
    watching = asyncio.create_task(collect(book.watch(server, poll=30)))
    book.write(RunStarted, "start", {})
    await asyncio.sleep(0.2)
    for step in ("a", "b"):
        book.write(StepStarted, step, {})
        for word in ("one ", "two"):
            book.say(word, step)
            await asyncio.sleep(0.05)
        book.write(StepFinished, step, {"output": "one two"})
        await asyncio.sleep(0.05)
    book.write(RunFinished, "one two")
    each = ["StepStarted", "one ", "two", "StepFinished"]
    assert told(await watching) == ["RunStarted", *each, *each, "RunFinished"]


async def test_who_comes_late_gets_the_text_so_far_of_what_goes_on() -> None:
    book = Book(LocalRelay())
    book.write(RunStarted, "start", {})
    for step in ("a", "b"):
        book.write(StepStarted, step, {})
        book.say("one ", step)
    book.write(StepFinished, "a", {"output": "one "})
    async with aclosing(book.watch(after=2)) as watching:  # type: ignore[type-var]
        first = [await anext(watching) for _ in range(3)]
        assert told(first) == ["StepStarted", "StepFinished", "one "]
        assert first[2] == delta("one ", "b")
        book.say("two", "b")
        assert await anext(watching) == delta("two", "b")


async def test_text_of_a_try_that_failed_is_not_taken_for_the_next() -> None:
    book = Book(LocalRelay())
    book.write(RunStarted, "start", {})
    book.write(StepStarted, "write", {})
    book.say("wro")
    book.write(StepRetried, "write", 1, Failure("cut off"), 0.1)
    book.say("right")
    book.write(RunFinished, "")
    assert "wro" not in told(await collect(book.watch()))


async def test_a_driver_that_lost_the_run_and_does_not_know_is_not_believed() -> None:
    book = Book(LocalRelay())
    book.write(RunStarted, "start", {})
    book.write(StepStarted, "write", {})
    book.write(RunResumed, "", True, silently=True)
    book.relay.tell("w", "r", 1, 3, delta("stale"))  # after an event of its own that the journal refused
    async with aclosing(book.watch()) as watching:  # type: ignore[type-var]
        assert told([await anext(watching) for _ in range(3)]) == ["RunStarted", "StepStarted", "RunResumed"]
        book.write(RunFinished, "")
        assert told([await anext(watching)]) == ["RunFinished"]


async def test_without_a_relay_the_journal_tells(station: Station) -> None:
    """A server between that is down: what is durable comes with a second's delay."""
    book = Book(LocalRelay())
    watching = asyncio.create_task(collect(book.watch(await station.relay(), poll=0.05)))
    for event in (RunStarted, "start", {}), (StepStarted, "write", {}), (RunFinished, "x"):
        book.write(*event)
        await asyncio.sleep(0.1)
    assert told(await watching) == ["RunStarted", "StepStarted", "RunFinished"]


async def test_a_journal_that_lags_behind_the_relay_is_waited_for() -> None:
    book = Book(LocalRelay())
    book.write(RunStarted, "start", {})
    async with aclosing(book.watch(poll=30)) as watching:  # type: ignore[type-var]
        await anext(watching)
        book.relay.tell("w", "r", 1, 2, delta("early"))
        coming = asyncio.create_task(anext(watching))
        await asyncio.sleep(0.05)
        book.write(StepStarted, "write", {}, silently=True)
        assert told([await coming, await anext(watching)]) == ["StepStarted", "early"]


async def test_a_journal_that_has_only_the_end_is_not_asked_at_each_piece() -> None:
    book, kept = Book(LocalRelay()), Book(LocalRelay())
    watching = asyncio.create_task(collect(watch(book.relay, kept.read, "w", "r", poll=0.2)))
    book.write(RunStarted, "start", {})
    book.write(StepStarted, "write", {})
    for _ in range(400):
        book.say("word ")
        await asyncio.sleep(0.002)
    assert kept.reads < 120
    book.write(StepFinished, "write", {"output": "word " * 400})
    book.write(RunFinished, "")
    kept.events = book.events
    assert told(await watching) == ["RunStarted", "StepStarted", "StepFinished", "RunFinished"]


async def test_who_dawdles_is_not_interrupted() -> None:
    """A time-out of the watcher must never hit whoever takes its events."""
    book = Book(LocalRelay())
    book.write(RunStarted, "start", {})
    book.write(StepStarted, "write", {})
    for word in "abc":
        book.say(word)
    seen = []
    async for event in book.watch(poll=0.01):
        await asyncio.sleep(0.03)
        seen.append(event)
        if len(seen) == 5:
            book.write(RunFinished, "")
    assert told(seen) == ["RunStarted", "StepStarted", "a", "b", "c", "RunFinished"]


async def test_a_relay_that_closes_lets_the_watcher_go() -> None:
    relay = LocalRelay()
    book = Book(relay)
    book.write(RunStarted, "start", {})
    watching = asyncio.create_task(collect(book.watch(poll=30)))
    await asyncio.sleep(0.01)
    await relay.close()
    assert told(await watching) == ["RunStarted"]


class Client:
    """What a client makes of the events; `truth` is what the steps have said in their current try."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def take(self, event: Event, tries: dict[str, list[str]]) -> None:
        if isinstance(event, StepDelta):
            self.texts[event.step] += event.text
            assert any(each.startswith(self.texts[event.step]) for each in tries[event.step])
        elif isinstance(event, StepStarted | StepRetried):
            self.texts[event.step] = ""
        elif isinstance(event, RunResumed):
            self.texts = dict.fromkeys(self.texts, "")
        elif isinstance(event, StepFinished):
            assert event.output["output"] == tries[event.step][-1]


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_is_lost_or_late_no_watcher_sees_a_hole(seed: int) -> None:
    chance = random.Random(seed)
    relay = LocalRelay()
    relay._reels[place_of("w", "r")] = Reel(room=chance.choice([3_000, 100_000]))
    book = Book(relay)
    tries: dict[str, list[str]] = {}

    async def client() -> None:
        seen = Client()
        await asyncio.sleep(chance.random() * 0.05)
        async for event in book.watch(poll=0.005):
            seen.take(event, tries)
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 0.01)

    clients = [asyncio.create_task(client()) for _ in range(4)]
    book.write(RunStarted, "start", {})
    for turn in range(300):
        step = f"s{chance.randrange(3)}"
        what = chance.random()
        if step not in tries:
            tries[step] = [""]
            book.write(StepStarted, step, {}, silently=what < 0.5)
        elif what < 0.02:
            tries[step].append("")
            book.write(StepRetried, step, 1, Failure("x"), 0.0, silently=what < 0.01)
        elif what < 0.03:
            for each in tries.values():
                each.append("")
            book.write(RunResumed, "", True)
        else:
            tries[step][-1] += f"{turn} "
            book.say(f"{turn} ", step)
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.002)
    for step, each in tries.items():
        book.write(StepFinished, step, {"output": each[-1]})
    book.write(RunFinished, "")
    async with asyncio.timeout(20):
        await asyncio.gather(*clients)


@pytest.mark.parametrize("kind", ["postgresql", "valkey", "nats"])
async def test_a_worker_is_killed_and_another_goes_on(kind: str, request: pytest.FixtureRequest) -> None:
    station = Station.of(kind, url := url_of(request, kind))
    book = Book(LocalRelay())
    book.write(RunStarted, "start", {})
    book.write(StepStarted, "write", {})
    seen: list[Event] = []
    text = ""

    async def follow(server: Relay) -> None:
        nonlocal text
        async for event in book.watch(server, poll=0.2):
            seen.append(event)
            if isinstance(event, RunResumed):
                text = ""
            elif isinstance(event, StepDelta):
                text += event.text

    async def until(length: int) -> None:
        async with asyncio.timeout(20):
            while len(text) < length:
                await asyncio.sleep(0.01)

    watching = asyncio.create_task(follow(await station.relay()))
    workers = []
    try:
        for epoch in (2, 3):
            command = [sys.executable, "-m", "tests.relay.drivers", kind, url, str(epoch)]
            workers.append(subprocess.Popen(command))
            await until(300)
            assert text == "".join(f"{epoch}.{number} " for number in range(text.count(" ")))
            workers[-1].kill()
            if epoch == 2:
                book.write(RunResumed, "", True)
                await asyncio.sleep(0.5)
        book.write(RunFinished, "")
        await watching
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
        watching.cancel()
        await station.close()
    assert not [event for event in seen[seen.index(book.events[2]) :] if told([event])[0].startswith("2.")]
