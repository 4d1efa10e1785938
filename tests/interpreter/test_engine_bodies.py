"""Bodies that behave badly: raise, hang, ignore cancellation, break their promise, talk too late."""

import asyncio
import math
from collections.abc import AsyncIterator

import msgspec
import pytest

from runtime.errors import AuthorError
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Default, Limits, Retry, Step
from runtime.graph.messages import Delta, ModelCall, ModelRequest, Reply
from runtime.interpreter.events import (
    LONGEST,
    RunFailed,
    RunFinished,
    StepDelta,
    StepFailed,
    StepFinished,
    StepLogged,
    decode,
    encode,
)
from runtime.interpreter.execution import Execution
from runtime.interpreter.ground import GRACE
from tests.interpreter.stage import BODIES, CATALOG, SERVICES, durable, events_of, execution, flow, jumps, timed, told


def alone(kind: str, **more: object):
    """A flow of a start and one step `a`."""
    return flow(
        {"s": "begin", "a": Step(kind=kind, **more)}, "s.output -> a" if kind in ORDERED else "s.output -> a.value"
    )


ORDERED = {"promise", "number", "stream"}


async def failure_of(kind: str, body, **more: object):
    """The failure of a run whose step `a` runs this body; its events survive being written down."""
    events = await events_of(execution(alone(kind, **more), bodies={"a": body}))
    assert [decode(encode(event)) for event in durable(events)] == durable(events)
    ending = events[-1]
    assert isinstance(ending, RunFailed)
    assert ending.step == "a"
    assert told(events)[-3:-1] == ["started a", "failed a"]
    return ending.failure


# --- raising -------------------------------------------------------------------------------------------------------


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot even say what it is")


@pytest.mark.parametrize(
    ("error", "what", "who"),
    [
        (ValueError("odd value"), "ValueError: odd value", "author"),
        (KeyError("name"), "KeyError: 'name'", "author"),
        (ValueError(), "ValueError", "author"),
        (AuthorError("Wrong", "field"), "Wrong (field)", "author"),
        (Mute(), "Mute", "author"),
        (StopIteration(), "RuntimeError: coroutine raised StopIteration", "author"),
        (SystemExit(3), "SystemExit: 3", "author"),
        (ValueError("half \ud800 a character"), "ValueError: half ? a character", "author"),
        (ExceptionGroup("two", [ValueError(), KeyError()]), "ExceptionGroup: two (2 sub-exceptions)", "author"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("kind", ["work", "quick"])
@jumps()
async def test_body_that_raises_fails_its_step(kind, error, what, who):
    async def raises(*_):
        raise error

    failure = await failure_of(kind, raises)
    assert (failure.what, failure.who) == (what, who)


@pytest.mark.parametrize("kind", ["work", "quick"])
@jumps()
async def test_body_that_cancels_itself_fails_its_step(kind):
    async def gives_up(*_):
        raise asyncio.CancelledError

    assert (await failure_of(kind, gives_up)).what in (
        "CancelledError",
        "RuntimeError: the step was cancelled, and not by the run",
    )


@jumps()
async def test_endless_message_is_cut():
    async def raises(*_):
        raise ValueError("x" * 1_000_000)

    failure = await failure_of("work", raises)
    assert len(failure.what) == LONGEST
    assert failure.what.endswith("…")


@jumps()
async def test_recursion_is_an_error_like_any_other():
    async def raises(*_):
        def down():
            return down()

        down()

    assert (await failure_of("quick", raises)).kind == "RecursionError"


# --- waiting -------------------------------------------------------------------------------------------------------


async def hangs(*_):
    await asyncio.Event().wait()


@jumps()
async def test_body_that_hangs_ends_at_its_timeout():
    failure, seconds = await timed(failure_of("work", hangs, timeout=7.5))
    assert failure.what == "The step did not end within 7.5 s (a)"
    assert failure.retry
    assert seconds == 7.5


@jumps()
async def test_steps_that_touch_the_world_have_a_timeout_even_when_none_is_set():
    failure, seconds = await timed(failure_of("work", hangs))
    assert (failure.kind, failure.who, seconds) == ("Late", "provider", 120.0)


@jumps()
async def test_timeout_is_for_each_try():
    run = execution(alone("work", timeout=2, retry=Retry(times=2, wait=1, backoff=1, jitter=0)), bodies={"a": hangs})
    events, seconds = await timed(events_of(run))
    assert told(events)[3:] == ["started a", "retried a"] * 2 + ["started a", "failed a", "run failed"]
    assert seconds == 3 * 2 + 2 * 1


@jumps()
async def test_timeout_of_the_body_itself_is_its_own_error():
    async def impatient(*_):
        async with asyncio.timeout(1):
            await asyncio.sleep(5)

    assert (await failure_of("work", impatient, timeout=60)).what == "TimeoutError"


@jumps(leaves=1)
async def test_body_that_ignores_cancellation_is_left_behind_after_the_grace():
    async def stubborn(*_):
        for _ in range(100):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    failure, seconds = await timed(failure_of("work", stubborn, timeout=5))
    assert failure.what == "The step did not end within 5 s (a)"
    assert seconds == 5 + GRACE


@jumps()
async def test_what_comes_after_the_timeout_does_not_count():
    async def swallows(context, value):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(1)  # tidies up
        return "too late"

    failure, seconds = await timed(failure_of("work", swallows, timeout=5))
    assert (failure.what, seconds) == ("The step did not end within 5 s (a)", 6)


@jumps(leaves=1)
async def test_body_left_behind_has_no_say_any_more():
    async def babbles(context):
        while True:
            try:
                await asyncio.sleep(0.5)
            except asyncio.CancelledError:
                context.log("I was cancelled")
            yield Delta("bla ")
            context.log("bla")

    async def waits(context, value):
        await asyncio.sleep(60)

    drawn = flow(
        {"s": "begin", "a": Step(kind="stream", timeout=2, on_error=Default(default="")), "b": "work"},
        "s.output -> a",
        "a.output -> b.value",
    )
    events = await events_of(execution(drawn, bodies={"a": babbles, "b": waits}))
    lines = told(events)
    assert "delta a" in lines
    assert lines.index("failed a") > max(index for index, line in enumerate(lines) if line in ("delta a", "logged a"))
    assert lines[-3:] == ["started b", "finished b", "run finished"]


@pytest.mark.parametrize("kind", ["promise", "quick"])
@jumps()
async def test_pure_node_that_waits_is_told_so(kind):
    tidied = []

    async def waits(*_):
        try:
            await asyncio.sleep(1)
        finally:
            tidied.append(True)
            raise ValueError("while it tidies up")

    failure = await failure_of(kind, waits)
    assert failure.what == f"TypeError: the node `{kind}` says that it is pure, and it waits"
    assert tidied


@jumps()
async def test_pure_node_with_a_timeout_may_wait():
    async def waits(*_):
        await asyncio.sleep(1)
        return "waited"

    ending = await execution(alone("quick", timeout=3), bodies={"a": waits}).outcome()
    assert ending.output == "waited"


# --- broken promises -----------------------------------------------------------------------------------------------

loop: list = []
loop.append(loop)
deep: list = []
for _ in range(10_000):
    deep = [deep]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({1, 2}, "it is a Python set, not JSON"),
        ((1, 2), "it is a Python tuple, not JSON"),
        (b"x", "it is a Python bytes, not JSON"),
        (object(), "it is a Python object, not JSON"),
        (math.nan, "it is not a finite number"),
        (10**5000, "it has too many digits"),
        ("\ud800", "it holds half a character (a lone surrogate)"),
        ([1, {"a": {2}}], "`[1].a` is a Python set, not JSON"),
        ({"a": [math.inf]}, "`a[0]` is not a finite number"),
        ({1: 2}, "it has a key that is not a text"),
        ({"\udfff": 2}, "it has a key that is not a text"),
        (loop, "is nested too deeply"),
        (deep, "is nested too deeply"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
@pytest.mark.parametrize("kind", ["work", "quick"])
@jumps()
async def test_output_that_is_not_json_fails_the_step(kind, value, why):
    async def gives(*_):
        return value

    failure = await failure_of(kind, gives)
    assert failure.what.startswith(f"The node `{kind}` broke its promise: ")
    assert why in failure.what


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("text", "expected its outputs (text, count), got a text"),
        (None, "expected its outputs (text, count), got nothing"),
        ({"text": "t"}, "it did not give count"),
        ({"text": "t", "count": 1, "more": 2}, "it gave more, and its outputs are text, count"),
        ({"text": "t", "count": "1"}, "`count`: expected a number, got a text"),
        ({"text": "t", "count": True}, "`count`: expected a number, got true or false"),
        ({"text": {1}, "count": 1}, "`text` is a Python set, not JSON"),
        ({"text": None, "count": 1}, "`text`: expected a text, got nothing"),
        ({5: 1}, "it gave 5, and its outputs are text, count"),
    ],
)
@jumps()
async def test_outputs_are_what_the_node_promised(value, why):
    async def gives(*_):
        return value

    assert (await failure_of("promise", gives)).what == f"The node `promise` broke its promise: {why} (a)"


@pytest.mark.parametrize(("value", "who"), [("5", "author"), (None, "author"), ([], "author")])
@jumps()
async def test_broken_promise_is_not_tried_again(value, who):
    async def gives(*_):
        return value

    failure = await failure_of("number", gives, retry=Retry(times=5))
    assert failure.who == who


@jumps()
async def test_output_is_a_copy_that_nobody_can_change_behind_a_wire():
    kept = {"list": [1]}

    async def gives(*_):
        return kept

    async def meddles(context, value):
        kept["list"].append("behind the wire")
        return value

    drawn = flow(
        {"s": "begin", "a": "work", "b": "work", "c": "pass"},
        "s.output -> a.value",
        "a.output -> b.value",
        "b.output -> c.value",
    )
    ending = await execution(drawn, bodies={"a": gives, "b": meddles}).outcome()
    assert ending.output == {"list": [1]}


@jumps()
async def test_huge_output_travels_whole():
    huge = [{"number": number, "text": "é" * 100} for number in range(50_000)]

    async def gives(*_):
        return huge

    drawn = flow({"s": "begin", "a": "work", "b": "pass"}, "s.output -> a.value", "a.output -> b.value")
    drawn = drawn.model_copy(update={"limits": Limits(value=20_000_000)})
    events = await events_of(execution(drawn, bodies={"a": gives}))
    assert isinstance(events[-1], RunFinished)
    assert decode(encode(events[-1])) == events[-1]
    assert events[-1].output == huge


# --- streams, logs and models --------------------------------------------------------------------------------------


@jumps()
async def test_stream_is_told_piece_by_piece_between_start_and_finish():
    async def speaks(context):
        for word in ("one ", "two ", "thr\ud800ee"):
            await asyncio.sleep(1)
            yield Delta(word)
        yield "one two three"

    events, times = [], []
    async for event in execution(alone("stream"), bodies={"a": speaks}):
        events.append(event)
        times.append(asyncio.get_running_loop().time())
    assert told(events)[3:] == ["started a", "delta a", "delta a", "delta a", "finished a", "run finished"]
    assert times[3:] == [0, 1, 2, 3, 3, 3]
    assert [event.text for event in events if isinstance(event, StepDelta)] == ["one ", "two ", "thr?ee"]
    assert events[-1].output == "one two three"
    assert all(msgspec.json.decode(encode(event)) for event in events)


@pytest.mark.parametrize(("items", "why"), [([], "got nothing"), ([Delta("only pieces")], "got nothing"), ([5], "")])
@jumps()
async def test_stream_ends_with_its_output(items, why):
    async def speaks(context) -> AsyncIterator[object]:
        for item in items:
            yield item

    events = await events_of(execution(alone("stream"), bodies={"a": speaks}))
    assert isinstance(events[-1], RunFailed if why else RunFinished)
    if why:
        assert events[-1].failure.what.endswith(f"expected a text, {why} (a)")


@jumps()
async def test_stream_that_breaks_off_fails_with_what_was_told():
    async def speaks(context):
        yield Delta("half a ")
        raise ConnectionError("gone")

    events = await events_of(execution(alone("stream"), bodies={"a": speaks}))
    assert told(events)[3:] == ["started a", "delta a", "failed a", "run failed"]


@pytest.mark.parametrize("kind", ["work", "quick"])
@jumps()
async def test_log_lines_stand_between_start_and_finish(kind):
    async def talks(context, value):
        context.log("before")
        context.log("x" * 100_000)

    events = await events_of(execution(alone(kind), bodies={"a": talks}))
    assert told(events)[3:] == ["started a", "logged a", "logged a", "finished a", "run finished"]
    lines = [event.text for event in events if isinstance(event, StepLogged)]
    assert (lines[0], len(lines[1])) == ("before", LONGEST)
    assert [event.seq for event in durable(events)] == list(range(1, len(events) + 1))


@jumps()
async def test_models_that_answered_are_recorded_with_the_step():
    class Echo:
        async def stream(self, request: ModelRequest):
            yield Delta("hi")
            yield Reply("hi", ModelCall(request.model, "echo", 3, 1))

        async def embed(self, texts):
            return [[1.0] for _ in texts]

    async def asks(context, value):
        for name in ("small", "large"):
            async for _ in context.llm.stream(ModelRequest(name, [])):
                pass
        return await context.llm.embed(["x"])

    BODIES.set({"a": asks})
    services = type(SERVICES)(llm=Echo(), http=SERVICES.http, secret=SERVICES.secret, sandbox=SERVICES.sandbox)
    events = await events_of(Execution(compile_flow(alone("work"), CATALOG), services, {}))
    (finished,) = [event for event in events if isinstance(event, StepFinished) and event.step == "a"]
    assert finished.output == {"output": [[1.0]]}
    assert [(call.model, call.input_tokens) for call in finished.calls] == [("small", 3), ("large", 3)]


@jumps()
async def test_duration_is_measured_for_bodies_that_wait():
    async def takes_long(*_):
        deadline = asyncio.get_running_loop().time() + 1
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.5)

    events = await events_of(execution(alone("work"), bodies={"a": takes_long}))
    settled = {event.step: event.ms for event in events if isinstance(event, StepFinished | StepFailed)}
    assert settled["s"] == 0  # inside the loop there is nothing to measure
    assert 0 < settled["a"] < 60_000
