"""What events say about each step: also of steps inside others, of what waits, and of what an earlier run gave."""

import msgspec
import pytest

from builder.preview.overlay import RunTrace, parsed
from runtime.interpreter.events import (
    BodyStarted,
    Event,
    Failure,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepRetried,
    StepSkipped,
    StepStarted,
)

WHY = Failure("It broke.", step="each[1]/write")
ASKS = {"title": "Is it good?", "schema": {"type": "object"}}


def started(*steps: str) -> list[Event]:
    return [StepStarted(1, 1.0, step, {}) for step in steps]


def trace(*events: Event) -> RunTrace:
    return RunTrace().take_all([RunStarted(1, 1.0, "start", {}), *events])


def looped(*events: Event) -> RunTrace:
    """A loop whose bodies 0 and 1 have come to `write`."""
    bodies: list[Event] = [BodyStarted(1, 1.0, f"each[{key}]", {"item": key}) for key in "01"]
    return trace(*started("each"), *bodies, *started("each[0]/write", "each[1]/write"), *events)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("each[2]", ("", "each", "", "2")),
        ("guard.catch", ("", "guard", "catch", "")),
        ("each[2]/repeat.body[0]", ("each[2]/", "repeat", "body", "0")),
        ("call", ("", "call", "", "")),
    ],
)
def test_the_path_of_a_call_has_parts(path: str, parts: tuple[str, str, str, str]) -> None:
    assert parsed(path) == parts


DONE = StepFinished(1, 2.0, "each[0]/write", {"output": 1}, 5.0)
FAILED = StepFailed(1, 2.0, "each[1]/write", WHY)
PAUSED = [StepPaused(1, 2.0, f"each[{key}]/write", ASKS) for key in "01"]
OVER = StepFailed(1, 2.0, "each", WHY)


@pytest.mark.parametrize(
    ("events", "states", "each", "run"),
    [
        ([], ["running", "running"], "running", "running"),
        ([DONE], ["done", "running"], "running", "running"),
        ([DONE, FAILED], ["done", "failed"], "running", "running"),
        ([FAILED, OVER], ["cancelled", "failed"], "failed", "running"),
        ([PAUSED[0]], ["waiting", "running"], "running", "running"),
        (PAUSED, ["waiting", "waiting"], "waiting", "waiting"),
        ([DONE, PAUSED[1]], ["done", "waiting"], "waiting", "waiting"),
        ([*PAUSED, StepResumed(1, 3.0, "each[0]/write", {}, "Ada")], ["running", "waiting"], "running", "running"),
        ([*PAUSED, RunCancelled(1, 3.0)], ["cancelled", "cancelled"], "cancelled", "cancelled"),
        ([DONE, StepSkipped(1, 2.0, "each[1]/write")], ["done", "done"], "running", "running"),
        ([DONE, StepFinished(1, 2.0, "each", {})], ["done", "cancelled"], "done", "running"),
        ([FAILED, OVER, RunFailed(1, 3.0, "each", WHY)], ["cancelled", "failed"], "failed", "failed"),
    ],
)
def test_calls_their_step_and_the_run_stand_as_their_steps_do(
    events: list[Event], states: list[str], each: str, run: str
) -> None:
    told = looped(*events)
    step = told.step("each")
    assert step is not None
    assert [scope.state for scope in step.bodies[""].values()] == states
    assert (step.standing, told.state) == (each, run)


def test_a_failure_that_is_gone_on_from_fails_nothing_around_it() -> None:
    told = looped(DONE, StepFailed(1, 2.0, "each[1]/write", WHY, {"error": {}}))
    step = told.step("each")
    assert step is not None
    assert step.bodies[""]["1"].state == "done"
    assert told.step("each[1]/write").card()["error"] == "It broke."  # type: ignore[union-attr]


def test_a_run_failed_where_the_innermost_step_did() -> None:
    assert looped(FAILED, OVER, RunFailed(1, 3.0, "each", WHY)).failed_step == "each[1]/write"
    assert looped(RunFailed(1, 3.0, "each", Failure("Gone.", step="elsewhere"))).failed_step == "each"


def test_a_step_that_is_tried_again_begins_its_bodies_anew() -> None:
    told = looped(FAILED, StepRetried(1, 2.0, "each", 1, WHY, 0.0), BodyStarted(1, 3.0, "each[0]", {}))
    step = told.step("each")
    assert step is not None
    assert [(scope.path, scope.steps) for scope in step.bodies[""].values()] == [("each[0]", {})]


def test_the_first_question_stands_first_and_each_goes_when_it_is_answered() -> None:
    later = StepPaused(1, 9.0, "each[1]/write", ASKS, 60.0)
    told = looped(later, PAUSED[0])
    assert [(step.path, step.until) for step in told.questions] == [("each[0]/write", None), ("each[1]/write", 60.0)]
    told.take(StepResumed(1, 10.0, "each[1]/write", {"choice": "yes"}, "Ada"))
    assert [step.path for step in told.questions] == ["each[0]/write"]
    assert told.step("each[1]/write").by == "Ada"  # type: ignore[union-attr]


def test_who_waits_for_a_time_waits_and_asks_nobody() -> None:
    told = trace(*started("wait"), StepPaused(1, 2.0, "wait", None, 60.0))
    assert (told.state, told.questions) == ("waiting", [])


def test_a_repeated_run_names_the_one_before_and_what_it_took_from_it() -> None:
    told = RunTrace().take_all(
        [
            RunStarted(1, 1.0, "start", {}, parent="r1"),
            *started("start"),
            StepFinished(3, 1.0, "start", {"a": 1}, reused=True),
            RunFinished(4, 2.0, 1),
        ]
    )
    assert (told.parent, told.state) == ("r1", "done")
    assert told.step("start").card()["reused"] is True  # type: ignore[union-attr]


def test_calls_that_stand_come_before_their_step_starts_anew() -> None:
    kept: list[Event] = [
        BodyStarted(2, 9.0, "each[0]", {"item": 0}),
        *started("each[0]/write"),
        StepFinished(4, 9.0, "each[0]/write", {"output": 1}, 5.0, reused=True),
    ]
    told = trace(*kept, *started("each"))
    assert told.step("each[0]/write").output == {"output": 1}  # type: ignore[union-attr]
    assert told.step("each").state == "running"  # type: ignore[union-attr]


def test_a_step_that_is_entered_again_took_from_its_first_start_to_its_end() -> None:
    told = looped(*PAUSED, StepResumed(1, 8.0, "each[0]/write"), StepFinished(1, 9.0, "each[0]/write", {}, 0.1))
    told.take(StepFinished(1, 11.0, "each", {}, 0.2))
    assert [told.step(path).ms for path in ("each[0]/write", "each")] == [8_000.0, 10_000.0]  # type: ignore[union-attr]


def test_a_frame_says_of_an_error_that_it_came_from_inside() -> None:
    told = looped(FAILED, OVER)
    assert told.step("each").card()["inside"] is True  # type: ignore[union-attr]
    assert told.step("each[1]/write").card()["inside"] is False  # type: ignore[union-attr]


class Unheard(msgspec.Struct, tag="unheard"):
    """What an engine of tomorrow may say."""

    seq: int
    at: float
    step: str = "each"


def test_an_event_of_a_newer_engine_is_passed_over() -> None:
    told = looped(Unheard(9, 1.5), Unheard(10, 1.6, "gone[3]/away"), DONE)  # type: ignore[arg-type]
    assert (told.seq, told.state, list(told.whole.steps)) == (1, "running", ["each"])
