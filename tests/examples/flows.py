"""Running an example as its file stands, on the real parts."""

from pathlib import Path
from typing import Any

import yaml

from nodes.catalog import builtin
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.flowfile import read
from runtime.interpreter.events import Event, RunFinished, StepFailed, StepFinished
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services

EXAMPLES = Path(__file__).parents[2] / "examples"
CATALOG = builtin()


def example(name: str, **settings: Any) -> Flow:
    """The flow of a file in `examples/`. settings: of every LLM step, instead of what the file says."""
    flow, problems = read((EXAMPLES / f"{name}.yaml").read_text())
    assert flow is not None, problems
    steps = {
        key: step.model_copy(update={"config": {**step.config, **settings}}) if step.kind == "llm" else step
        for key, step in flow.steps.items()
    }
    return flow.model_copy(update={"steps": steps})


def inputs(name: str) -> Any:
    """The inputs of an example and what must come of them."""
    return yaml.safe_load((Path(__file__).parent / f"{name}.yaml").read_text())


async def run(flow: Flow, services: Services, given: dict[str, Any]) -> "Outcome":
    return Outcome([event async for event in Execution(compile_flow(flow, CATALOG), services, given)])


class Outcome:
    """One finished run. outputs: by step. answer, status: of the run. failures: steps that failed on the way."""

    def __init__(self, events: list[Event]) -> None:
        ending = events[-1]
        assert isinstance(ending, RunFinished), ending
        self.events = events
        self.answer, self.status = ending.output, ending.status
        self.outputs = {event.step: event.output for event in events if isinstance(event, StepFinished)}
        self.failures = {event.step: event.failure.what for event in events if isinstance(event, StepFailed)}
