"""Secrets and runs with several lives: what is recorded is masked, and so is what a later process reads of it."""

import msgspec

from runtime.driving.local import LocalDriver
from runtime.graph.compiler import compile_flow
from runtime.interpreter.events import StepFinished
from runtime.interpreter.mask import Mask
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs
from runtime.interpreter.start import Start
from tests.interpreter import stage
from tests.interpreter.containers import CATALOG

SECRET = "swordfish"
FLOW = stage.flow(
    {"s": "begin", "a": "work", "q": "ask", "b": "work"},
    "s.output -> a.value", "a.output -> q.after", "q.output -> b.after", "a.output -> b.value",
)  # fmt: skip


async def test_a_run_that_goes_on_in_another_process_reads_the_mask():
    seen, journal, mask = [], MemoryJournal(), Mask()
    mask.add("key", SECRET)

    async def gives(context, value):
        return SECRET

    async def reads(context, value):
        seen.append(value)
        return value

    stage.BODIES.set({"a": gives, "b": reads})
    plan = compile_flow(FLOW, CATALOG)

    async def plan_of(record, pins):
        return plan

    def hide(workspace, event):
        return msgspec.convert(mask.hide(msgspec.to_builtins(event)), type(event))

    def process() -> Runs:
        return Runs(journal, LocalDriver(journal), lambda workspace: stage.SERVICES, hide, plan_of)

    one = process()
    await one.open()
    record, ending = await one.answer(Start(plan, {}, "w", "f", "endpoint"))
    assert ending is None
    await one.close()
    other = process()
    await other.open()
    await other.answer_pause("w", record.id, "q", {"said": "yes"})
    events = [event async for event in other.watch("w", record.id)]
    await other.close()
    assert seen == ["•••key"]
    assert [event.output for event in events if isinstance(event, StepFinished) and event.step == "a"] == [
        {"output": "•••key"}
    ]
    assert SECRET not in str(await journal.events("w", record.id))
