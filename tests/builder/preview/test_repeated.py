"""What a repeated run took over, and what somebody said instead."""

from builder.preview.overlay import RunTrace
from builder.preview.repeated import given, mark
from runtime.interpreter.events import Event, Failure, RunStarted, StepFailed, StepFinished, StepStarted


def run(*events: Event) -> RunTrace:
    return RunTrace().take_all([RunStarted(1, 1.0, "start", {}), *events])


def gave(step: str, value: object, *, reused: bool = False) -> list[Event]:
    return [StepStarted(1, 1.0, step, {}), StepFinished(1, 1.0, step, {"output": value}, reused=reused)]


def test_what_differs_from_the_earlier_run_was_given_by_somebody() -> None:
    failed = [StepStarted(1, 1.0, "ask", {}), StepFailed(1, 1.0, "ask", Failure("It broke."))]
    earlier = run(*gave("start", 1), *gave("write", "Bob"), *failed)
    told = run(
        *gave("start", 1, reused=True),
        *gave("write", "Bobby", reused=True),
        *gave("ask", "yes", reused=True),
        *gave("answer", "new"),
    )
    assert given(told, earlier) == ["write", "ask"]
    mark(told, ["write", "ask", "of a step that is gone"])
    assert [step.given for step in told.whole.walk()] == [False, True, True, False]
