"""How many runs there are: each once, whether it is only alive, only kept, or both."""

import asyncio

import pytest

from runtime.driving.local import LocalDriver
from runtime.graph.compiler import compile_flow
from runtime.interpreter.journal import Durability
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs
from runtime.interpreter.start import Start
from tests.interpreter import stage
from tests.interpreter.containers import CATALOG

FLOW = stage.flow({"s": "begin", "a": "work"}, "s.output -> a.value")


@pytest.mark.parametrize(("durability", "after"), [("fast", {}), ("result", {"done": 1}), ("step", {"done": 1})])
async def test_a_run_is_counted_once(durability: Durability, after: dict[str, int]) -> None:
    journal, may, entered = MemoryJournal(), asyncio.Event(), asyncio.Event()

    async def works(context, value):
        entered.set()
        await may.wait()

    stage.BODIES.set({"a": works})
    runs = Runs(journal, LocalDriver(journal), lambda workspace: stage.SERVICES)
    await runs.open()
    start = Start(compile_flow(FLOW, CATALOG), {}, "w", "f", "endpoint", durability=durability)
    record = await runs.begin(start)
    await entered.wait()
    assert await runs.counts("w") == await runs.counts("w", flow="f", source="endpoint") == {"running": 1}
    assert await runs.counts("w", flow="other") == await runs.counts("w2") == {}
    assert [one.id for one in await runs.records("w", source="endpoint", search=record.id)] == [record.id]
    assert await runs.records("w", source="schedule") == []
    may.set()
    async with asyncio.timeout(5):
        while await runs.counts("w") != after:
            await asyncio.sleep(0)
    await runs.close()
