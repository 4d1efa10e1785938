"""Runs every golden flow and holds it against its notes, which say in YAML what must happen.

A note of a golden flow is one case:

    input: {…}              what the run is started with
    trigger: chat           by which start; the first one when left out
    cancel: wait            cancel the run as soon as this step has started
    answers: {step: …}      what a person answers a step that asks, as soon as it does
    events: [started a, …]  every event in order, as `told` writes it; a list in the list comes in any order
    outputs: {step: …}      what each step gave; a step that is not named gave nothing
    failures: {step: …}     what each failed try said
    answer: …               the run's answer, with its `status` when it is not 200
    failed: step            instead of an answer: the step with whose failure the run ended
    cancelled: reason       instead of an answer
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes.catalog import NODES
from runtime.graph.catalog import Catalog
from runtime.graph.check import check
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.flowfile import read, write
from runtime.graph.node import Node
from runtime.graph.plan import PlannedStep
from runtime.interpreter.events import (
    BodyStarted,
    Durable,
    Event,
    RunCancelled,
    RunFailed,
    RunFinished,
    StepDelta,
    StepFailed,
    StepFinished,
    StepLogged,
    StepPaused,
    StepResumed,
    StepRetried,
    StepSkipped,
    StepStarted,
    decode,
    encode,
)
from runtime.interpreter.execution import Execution
from runtime.interpreter.progress import Scope
from runtime.interpreter.services import Services
from tests.golden.nodes import GOLDEN, tries
from tests.golden.services import services

CATALOG = Catalog([*NODES, *GOLDEN])
FILES = sorted(Path(__file__).parent.glob("*.yaml"))
Case = dict[str, Any]


def flow_of(path: Path) -> Flow:
    flow, problems = read(path.read_text())
    assert flow is not None, (path.name, problems)
    return flow


def cases() -> list[Any]:
    return [case for path in FILES for case in _cases(path)]


def _cases(path: Path) -> Iterator[Any]:
    flow = flow_of(path)
    for name, note in flow.notes.items():
        case = yaml.safe_load(note.text)
        yield pytest.param(flow, case, id=f"{path.stem}-{name}")


def to_the_end() -> list[Any]:
    """The cases in which nobody cancels."""
    return [each for each in cases() if "cancel" not in each.values[1]]


@pytest.fixture
async def real() -> AsyncIterator[Services]:
    async with services() as made:
        yield made


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_as_the_editor_writes_it(path: Path) -> None:
    flow = flow_of(path)
    assert write(flow) == path.read_text()
    assert check(flow, CATALOG) == []
    assert flow.layout.keys() == flow.steps.keys()
    assert flow.notes, "a golden flow says what must happen"


@pytest.mark.parametrize(("flow", "case"), cases())
async def test_run_does_what_the_note_says(flow: Flow, case: Case, real: Services) -> None:
    events = await run(flow, case, real)
    durable = [event for event in events if not isinstance(event, StepDelta)]
    assert_order([told(event) for event in events], case["events"])
    assert [event.seq for event in durable] == list(range(1, len(durable) + 1))
    assert outputs(durable) == case.get("outputs", {})
    assert failures(durable) == case.get("failures", {})
    assert ending(durable[-1]) == {key: case[key] for key in ("answer", "status", "failed", "cancelled") if key in case}


@pytest.mark.parametrize(("flow", "case"), [each for each in to_the_end() if "answers" not in each.values[1]])
async def test_unwatched_run_ends_alike(flow: Flow, case: Case, real: Services) -> None:
    watched = await run(flow, case, real)
    unwatched = await Execution(
        compile_flow(flow, CATALOG), real, case.get("input"), trigger=case.get("trigger", ""), run=uuid.uuid4().hex
    ).outcome()
    assert ending(unwatched) == ending(watched[-1])


class Scribe(Execution):
    """Notes every body that is entered while something that came before it has not been taken."""

    __slots__ = ("early",)

    def _enter(self, scope: Scope, step: PlannedStep, node: Node, values: dict[str, Any]) -> None:
        if any(not isinstance(event, StepDelta) for event in self._out):
            self.early = [*getattr(self, "early", ()), scope.path + step.id]
        super()._enter(scope, step, node, values)


@pytest.mark.parametrize(("flow", "case"), cases())
async def test_run_by_checkpoints_ends_alike(flow: Flow, case: Case, real: Services) -> None:
    plan, name = compile_flow(flow, CATALOG), uuid.uuid4().hex
    execution = Scribe(plan, real, case.get("input"), trigger=case.get("trigger", ""), run=name)
    events: list[Event] = []
    async for taken in execution.checkpoints():
        events += taken
        for event in taken:
            meddle(execution, case, event)
    durable = [event for event in events if not isinstance(event, StepDelta)]
    assert getattr(execution, "early", []) == []
    assert [event.seq for event in durable] == list(range(1, len(durable) + 1))
    assert ending(durable[-1]) == {key: case[key] for key in ("answer", "status", "failed", "cancelled") if key in case}
    assert outputs(durable) == case.get("outputs", {})
    assert failures(durable) == case.get("failures", {})


@pytest.mark.parametrize(("flow", "case"), to_the_end())
async def test_run_cut_after_any_event_ends_alike(flow: Flow, case: Case, real: Services) -> None:
    events = await run(flow, case, real)
    durable = [decode(encode(event)) for event in events if not isinstance(event, StepDelta)]
    for cut in range(1, len(durable)):
        name = uuid.uuid4().hex
        for event in durable[:cut]:
            if isinstance(event, StepRetried):
                tries[f"{name}:{event.step}"] = event.attempt  # what the world outside remembers of the tries before
        past = [*durable[:cut], *answered_meanwhile(durable[:cut], case.get("answers", {}))]
        rest = await drive(Execution(compile_flow(flow, CATALOG), real, run=name, past=past), case)
        news = [event for event in rest if not isinstance(event, StepDelta)]
        assert ending(news[-1]) == ending(durable[-1]), cut
        assert [event.seq for event in news] == list(range(len(past) + 1, len(past) + 1 + len(news)))
        settled = [event.step for event in [*past, *news] if isinstance(event, StepFinished)]
        assert len(settled) == len(set(settled)), f"after {cut} events a finished step ran again"


async def run(flow: Flow, case: Case, real: Services) -> list[Event]:
    """All events of one run."""
    execution = Execution(
        compile_flow(flow, CATALOG),
        real,
        case.get("input"),
        trigger=case.get("trigger", ""),
        run=uuid.uuid4().hex,
    )
    return await drive(execution, case)


async def drive(execution: Execution, case: Case) -> list[Event]:
    """The new events of an execution; answers and cancels where the case says so."""
    events = []
    async for event in execution:
        events.append(event)
        meddle(execution, case, event)
    return events


def meddle(execution: Execution, case: Case, event: Event) -> None:
    """Answer or cancel when an event has been read at which the case says so."""
    if isinstance(event, StepStarted) and event.step == case.get("cancel"):
        execution.cancel("the test says so")
    elif isinstance(event, StepPaused) and event.step in case.get("answers", {}):
        execution.reply(event.step, case["answers"][event.step], "Ada")


def answered_meanwhile(past: list[Durable], answers: dict[str, Any]) -> list[Durable]:
    """What is added to the events of a run that was put away when its answers come."""
    unanswered: dict[str, Durable] = {}
    for event in past:
        if isinstance(event, StepPaused):
            unanswered[event.step] = event
        elif isinstance(event, StepResumed | StepSkipped):
            unanswered.pop(event.step, None)
    waiting = [step for step in unanswered if step in answers]
    return [StepResumed(len(past) + 1 + at, 0.0, step, answers[step], "Ada") for at, step in enumerate(waiting)]


def told(event: Event) -> str:
    """One event in a few words: `started a`, `began each[0]`, `retried a 1`, `delta a Hello`, `run finished`."""
    what = event.__struct_config__.tag
    assert isinstance(what, str)
    if isinstance(event, BodyStarted):
        return f"began {event.step}"
    if not what.startswith("step_"):
        return what.replace("_", " ")
    more = ""
    if isinstance(event, StepDelta | StepLogged):
        more = f" {event.text.strip()}"
    elif isinstance(event, StepRetried):
        more = f" {event.attempt}"
    return f"{what.removeprefix('step_')} {event.step}{more}"


def assert_order(lines: list[str], expected: list[str | list[str]]) -> None:
    """The lines are those expected; where a list is expected, its lines come in any order."""
    at = 0
    wanted: list[str] = []
    for group in expected:
        several = [group] if isinstance(group, str) else group
        came = lines[at : at + len(several)]
        wanted += came if sorted(came) == sorted(several) else several
        at += len(several)
    assert lines == wanted


def outputs(events: list[Durable]) -> dict[str, Any]:
    """What each step gave, also what a failed one gave instead."""
    given = (event for event in events if isinstance(event, StepFinished | StepFailed))
    return {event.step: event.output for event in given if event.output is not None}


def failures(events: list[Durable]) -> dict[str, str]:
    return {event.step: event.failure.what for event in events if isinstance(event, StepFailed | StepRetried)}


def ending(event: Event) -> dict[str, Any]:
    """How the run ended, in the words of a case."""
    match event:
        case RunFinished():
            return {"answer": event.output} | ({"status": event.status} if event.status != 200 else {})
        case RunFailed():
            return {"failed": event.step}
        case RunCancelled():
            return {"cancelled": event.reason}
    raise AssertionError(f"{event} is no ending")
