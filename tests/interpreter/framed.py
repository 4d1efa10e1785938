"""Flows with flows inside for the engine's tests, run whole and cut after every event."""

import asyncio

from runtime.graph.flow import Step
from runtime.interpreter.events import RunFinished, StepFailed, StepFinished, StepStarted, decode_all, encode_all
from tests.interpreter.containers import CATALOG
from tests.interpreter.stage import durable, events_of, execution, flow, told


def inside(where: str, kind: str, **more) -> Step:
    return Step(kind=kind, within=where, **more)


def each(items: str, **config) -> Step:
    return Step(kind="for_each", config={"items": items, **config})


def run_of(drawn, given=None, /, **options):
    return execution(drawn, given, catalog=CATALOG, **options)


async def played(drawn, given=None, /, **options):
    """The ending and all events of a run; unwatched, and cut after every event, it must end alike."""
    events = durable(await events_of(run_of(drawn, given, **options)))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert end_of(await run_of(drawn, given, **options).outcome()) == end_of(events[-1])
    for cut in range(1, len(events)):
        past = decode_all(encode_all(events[:cut]))
        finished = {event.step for event in past if isinstance(event, StepFinished)}
        rest = await events_of(run_of(drawn, past=past, **options))
        assert end_of(rest[-1]) == end_of(events[-1]), told(past)
        assert not finished & {event.step for event in rest if isinstance(event, StepStarted | StepFinished)}
        assert end_of(await run_of(drawn, past=past, **options).outcome()) == end_of(events[-1])
    return events[-1], events


def end_of(ending):
    if isinstance(ending, RunFinished):
        return ending.output, ending.status, ending.step
    return type(ending), getattr(ending, "failure", None)


def given_by(events) -> dict:
    return {event.step: event.output for event in events if isinstance(event, StepFinished | StepFailed)}


async def boom(context, value):
    raise ValueError(f"boom at {value}")


async def echo(context, value):
    await asyncio.sleep(1)
    return value


async def hangs(context, value):
    await asyncio.Event().wait()


EACH = flow(
    {"s": "begin", "each": each("{{ s.output.list }}"), "a": inside("each", "work")},
    "s.output -> each",
    "each.item -> a.value",
)

TRY = flow(
    {
        "s": "begin",
        "t": "try",
        "a": inside("t", "work"),
        "c": inside("t.catch", "pass"),
        "f": inside("t.finally", "work"),
        "last": "pass",
    },
    "s.output -> t",
    "s.output -> a.value",
    "t.error -> c.value",
    "s.output -> f.value",
    "t.output -> last.value",
)
