"""Two servers on one PostgreSQL without Temporal: one drives, the other accepts, watches, answers, and takes over."""

import asyncio
from pathlib import Path

import pytest

from nodes.catalog import load
from runtime.assembly import Runtime, open_runtime
from runtime.graph.flow import Flow
from runtime.interpreter.events import RunFinished, RunResumed, StepFinished
from runtime.interpreter.start import Start
from runtime.settings import Settings
from tests.semantics.test_workers import _watched, going, slow
from tests.servers.postgres import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]

ASKS = Flow.model_validate(
    {
        "name": "Asks",
        "steps": {
            "start": {"kind": "api_start", "config": {"fields": [{"name": "n", "type": "number", "required": False}]}},
            "ask": {"kind": "ask_person", "config": {"title": "Ship it?"}},
            "answer": {"kind": "answer", "config": {"value": "{{ ask.by }}"}},
        },
        "edges": ["start.n -> ask", "ask.approve -> answer"],
    }
)


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    return Settings(home=tmp_path, database_url=postgres_url)


async def start_of(runtime: Runtime, drawn: Flow) -> Start:
    entry = await runtime.flows.create("home", drawn, "me")
    return await runtime.prepare("home", drawn, {"n": 1}, source="test", id=entry.id)


async def test_the_other_server_watches_and_takes_over(settings: Settings) -> None:
    async with open_runtime(settings, load()) as second:  # to be closed last
        await second._owner.close()  # type: ignore[union-attr]  # it lets the next one drive
        async with open_runtime(settings, load()) as first:
            await second._owner.open()  # type: ignore[union-attr]
            run = (await second.runs.begin(await start_of(second, slow("")))).id
            watching = asyncio.create_task(_watched(second, run))
            assert (await going(second, run)).worker == first.runs.worker
            await asyncio.sleep(1)
        async with asyncio.timeout(30):
            events = await watching
        resumed = [event.worker for event in events if isinstance(event, RunResumed)]
        assert resumed[-1] == second.runs.worker
        assert isinstance(events[-1], RunFinished)
        finished = [event.step for event in events if isinstance(event, StepFinished)]
        assert len(finished) == len(set(finished))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_what_waits_is_answered_by_either(settings: Settings) -> None:
    async with open_runtime(settings, load()) as first, open_runtime(settings, load()) as second:
        for asks, answers in ((first, second), (second, first)):
            record, ending = await asks.runs.answer(await start_of(asks, ASKS))
            assert (record.state, ending) == ("waiting", None)
            await answers.runs.answer_pause("home", record.id, "ask", {"choice": "approve"}, "Ada")
            async with asyncio.timeout(20):
                done, ending = await asks.runs.outcome("home", record.id)
            assert done.state == "done"
            assert isinstance(ending, RunFinished)
            assert ending.output == "Ada"
