"""What is said of a run whose process died: where it went on, and which steps were cut off."""

from builder.runs.recovery import recoveries
from runtime.interpreter.cut import question
from runtime.interpreter.events import (
    Event,
    Failure,
    RunResumed,
    RunStarted,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepStarted,
)

BEGAN: list[Event] = [
    RunStarted(1, 1.0, "start", {}),
    StepStarted(2, 1.0, "start", {}),
    StepFinished(3, 1.1, "start", {}),
    StepStarted(4, 1.1, "each[0]/write", {}),
    StepStarted(5, 1.1, "send", {}),
    StepStarted(6, 1.1, "ask", {}),
    StepPaused(7, 1.2, "ask", {"title": "Ship it?"}),
]


def test_a_run_that_was_never_lost_says_nothing() -> None:
    waited = [*BEGAN, RunResumed(8, 2.0, "a:1:x"), StepResumed(9, 2.0, "ask", True), StepFinished(10, 2.0, "ask", {})]
    assert recoveries(waited) == []


def test_what_was_under_way_runs_again_or_is_asked_about() -> None:
    went_on = [
        *BEGAN,
        RunResumed(8, 5.0, "node-2:77:ab", lost=True),
        StepStarted(9, 5.1, "each[0]/write", {}),
        StepPaused(10, 5.1, "send", question("send")),
        StepFinished(11, 5.2, "each[0]/write", {}),
        StepStarted(12, 5.3, "after", {}),
    ]
    assert recoveries(went_on) == [{"at": 5.0, "worker": "node-2 · 77", "again": "each[0]/write", "asked": "send"}]


def test_each_death_is_told_with_what_it_cut_off() -> None:
    twice = [
        *BEGAN,
        RunResumed(8, 5.0, "b:2:x", lost=True),
        StepStarted(9, 5.0, "send", {}),
        StepStarted(10, 5.0, "each[0]/write", {}),
        StepFailed(11, 5.1, "each[0]/write", Failure("It broke"), {"error": 1}),
        RunResumed(12, 6.0, "c:3:x", lost=True),
        StepStarted(13, 6.0, "send", {}),
        StepFinished(14, 6.1, "send", {}),
        RunResumed(15, 7.0, "d:4:x", lost=True),
    ]
    assert [(each["worker"], each["again"]) for each in recoveries(twice)] == [
        ("b · 2", "send, each[0]/write"),
        ("c · 3", "send"),
        ("d · 4", ""),
    ]
