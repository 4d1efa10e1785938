"""A run that is cancelled ends within two seconds whatever its steps do, and what it owes is still run."""

import asyncio
import time
from typing import Any

import pytest

from nodes.catalog import NODES
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.node import Context, Node
from runtime.interpreter.events import RunCancelled, StepFinished, StepStarted
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services
from tests.semantics.scene import flow


class Stubborn(Node, effect="reads"):
    """Takes no notice of being cancelled until its test is over."""

    async def run(self, context: Context, value: Any = None) -> str:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            try:
                await asyncio.sleep(end - time.monotonic())
            except asyncio.CancelledError:
                context.log("never mind")
        return "late"


class InThread(Node, effect="reads"):
    """Waits in a thread that nobody can end."""

    async def run(self, value: Any = None) -> str:
        await asyncio.to_thread(time.sleep, 2.5)
        return "late"


CATALOG = Catalog([*NODES, Stubborn, InThread])


@pytest.mark.parametrize("kind", ["stubborn", "in_thread"])
async def test_ends_within_two_seconds_and_cleans_up(kind: str) -> None:
    drawn = flow(
        f"""
        guard: {{kind: try}}
        each: {{kind: for_each, within: guard, config: {{items: '{{{{ start.list }}}}', at_once: 20}}}}
        work: {{kind: {kind}, within: each}}
        tidy: {{kind: template, within: guard.finally, config: {{template: tidy}}}}
        """,
        "",
        "guard.output",
    )
    execution = Execution(compile_flow(drawn, CATALOG), Services(None, None, None, None), {"list": [*range(20)]})
    events, since = [], 0.0
    async for event in execution:
        events.append(event)
        if isinstance(event, StepStarted) and event.step == "guard/each[19]/work":
            execution.cancel("enough")
            since = time.monotonic()
    assert isinstance(events[-1], RunCancelled)
    assert since
    assert time.monotonic() - since < 2
    finished = [event.step for event in events if isinstance(event, StepFinished)]
    assert finished == ["start", "guard.finally/tidy"], "who was left behind has no say"
