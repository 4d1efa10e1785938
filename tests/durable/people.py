"""Those who start, answer, cancel and disturb runs in the simulation."""

import asyncio
from typing import Any

from runtime.errors import CanevasError, ConflictError, NotFoundError
from runtime.interpreter.cut import CUT
from runtime.interpreter.events import ENDINGS, Durable
from runtime.interpreter.runs import Runs
from runtime.interpreter.start import Start
from tests.durable.flows import POSTS, YES
from tests.durable.simulation import PATIENCE, PLANS, TROUBLE, World, tasks_by_process


async def start(world: World, run: str) -> None:
    """Start a run, again under its key when nobody says that it was accepted."""
    flow = world.flow(run)
    await asyncio.sleep(world.chance.uniform(0, 15))
    due = world.clock() + world.chance.uniform(0, 20) if world.chance.random() < 0.2 else None
    given = Start(PLANS.plans[flow], {}, "w1", flow, "webhook", durability="step", id=run, key=run, due=due)
    tries = world.chance.choice((1, 100))
    while tries:
        tries -= 1
        try:
            await world.process.ask(lambda runs: runs.begin(given))
        except ConflictError:
            world.must(run in world.told, f"{run} was refused as known, and is not there")
        except (CanevasError, ConnectionError):
            await asyncio.sleep(world.chance.uniform(0.1, 2))
            continue
        world.accepted[run] = flow
        return


async def answer(world: World) -> None:
    """Answer what is asked, mostly twice; a step that was cut off runs again if it had not posted."""
    while True:
        await asyncio.sleep(world.chance.uniform(2, 4))
        now = world.clock()
        for record in await world.journal.records("w1", limit=1_000):
            for wait in record.waits:
                if wait.request is None or abs(now - wait.asked) < 2:
                    continue
                value: Any = YES
                if wait.request.get(CUT):
                    posted = world.posts[f"{record.id}:{wait.step}"]
                    value = {"choice": "done", "output": {"output": None}} if posted else {"choice": "again"}
                # An answer names a step and not a question: one that comes late would answer what is asked next.
                for _ in range(1 if wait.request.get(CUT) else world.chance.choice((1, 2, 3))):
                    world.saying.append(asyncio.create_task(_say(world, record.id, wait.step, value)))


async def _say(world: World, run: str, step: str, value: Any) -> None:
    await asyncio.sleep(world.chance.uniform(0, 0.2))
    try:
        await world.process.ask(lambda runs: runs.answer_pause("w1", run, step, value))
    except (CanevasError, ConnectionError):
        return


async def disturb(world: World) -> None:
    """Drive what need not be driven, cancel, and set the clock."""
    while world.trouble:
        await asyncio.sleep(world.chance.uniform(0, 4))
        records = await world.journal.records("w1", limit=1_000)
        what = world.chance.random()
        if what < 0.3:
            world.offset += world.chance.uniform(-300, 300)
        elif records and what < 0.8:
            record = world.chance.choice(records)
            if record.state in ("queued", "waiting"):
                world.process.go(world.process.driver.drive(record))
        elif records and what < 0.9:
            await _cancel(world, world.chance.choice(records).id)


async def _cancel(world: World, run: str) -> None:
    world.cancelled.add(run)

    async def cancel(runs: Runs) -> None:
        await runs.cancel("w1", run, "enough")

    while True:
        try:
            await world.process.ask(cancel)
            return
        except NotFoundError:
            return
        except (CanevasError, ConnectionError):
            await asyncio.sleep(0.5)


async def story(seed: int) -> list[str]:
    """One world from its beginning to its end: what was wrong."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(tasks_by_process)
    loop.set_exception_handler(lambda *_: None)  # of tasks of processes that are no more
    world = World(seed)
    await world.boot()
    runs = [f"{flow}-{number}" for number in range(world.chance.choice((1, 1, 2))) for flow in POSTS]
    starting = [loop.create_task(start(world, run)) for run in runs]
    beside = [loop.create_task(work) for work in (world.keep_alive(), answer(world), disturb(world))]
    await asyncio.wait(starting)
    await asyncio.sleep(max(0.0, 1_000 + TROUBLE - loop.time()))
    until = loop.time() + PATIENCE
    while loop.time() < until and not all(map(_over, world.told.values())):
        await asyncio.sleep(1)
    for task in beside:
        task.cancel()
    return await world.verdict()


def _over(log: list[Durable]) -> bool:
    return isinstance(log[-1], ENDINGS)
