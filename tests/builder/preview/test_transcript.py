"""The preview's chat: what is asked, what streams, what is answered, and where and why it failed."""

from builder.preview.overlay import RunTrace
from builder.preview.transcript import Turn, answer, ask, asked_again, history, readable, recalled
from runtime.interpreter.events import (
    BodyStarted,
    Event,
    Failure,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepStarted,
)

BEGUN: list[Event] = [RunStarted(1, 100.0, "chat", {"message": "Hi"}), StepStarted(2, 100.1, "reply", {})]
WHY = Failure("There is no key for Anthropic.", "Add a secret.")


def after(*events: Event) -> Turn:
    """The flow's turn once these have happened in a run of the message Hi."""
    return answer(ask((), "Hi"), RunTrace().take_all([*BEGUN, *events]))[-1]


def test_a_question_waits_for_its_answer() -> None:
    assert ask((), "Hi") == (Turn("user", "Hi"), Turn("assistant", "", "streaming"))


def test_what_streams_stands_there_as_it_comes() -> None:
    turn = after(StepDelta("reply", "Hel"), StepDelta("reply", "lo"))
    assert (turn.text, turn.state) == ("Hello", "streaming")


def test_the_answer_takes_the_place_of_what_streamed() -> None:
    turn = after(
        StepDelta("reply", "Hel"), StepFinished(3, 100.2, "reply", {}, 1.0), RunFinished(4, 100.3, {"text": "Hello!"})
    )
    assert (turn.text, turn.state, turn.step) == ("Hello!", "done", "")


def test_a_failure_says_where_why_and_what_to_do() -> None:
    turn = after(StepFailed(3, 100.2, "reply", WHY), RunFailed(4, 100.3, "reply", WHY))
    assert (turn.state, turn.step, turn.text, turn.mend) == ("failed", "reply", WHY.what, WHY.mend)


def test_a_run_that_was_stopped_gave_no_answer() -> None:
    turn = after(RunCancelled(3, 100.2))
    assert (turn.state, turn.text) == ("failed", "")


def test_a_run_that_waits_says_so_until_it_goes_on() -> None:
    paused = StepPaused(3, 100.2, "reply", {"title": "Good?"})
    assert (after(paused).state, after(paused).text) == ("waiting", "")
    resumed = StepResumed(4, 100.3, "reply", {}, "Ada")
    assert after(paused, resumed, StepDelta("reply", "Hel")) == Turn("assistant", "Hel", "streaming")


def test_a_failure_inside_a_loop_names_the_step_alone() -> None:
    inside = Failure("It broke.", step="each[1]/write")
    events = [BodyStarted(3, 100.2, "each[1]", {}), StepStarted(4, 100.2, "each[1]/write", {})]
    loop = [StepStarted(2, 100.1, "each", {}), *events, StepFailed(5, 100.2, "each[1]/write", inside)]
    assert after(*loop, RunFailed(6, 100.3, "each", inside)).step == "write"


def test_the_last_question_is_answered_anew() -> None:
    turns = (Turn("user", "Hi"), Turn("assistant", "It broke.", "failed", step="reply"))
    assert asked_again(turns) == (Turn("user", "Hi"), Turn("assistant", "", "streaming"))
    assert asked_again(()) == ()


def test_only_turns_that_went_well_are_carried_on() -> None:
    turns = (Turn("user", "Hi"), Turn("assistant", WHY.what, "failed", step="reply"), Turn("user", "And now?"))
    assert history(turns) == [{"role": "user", "text": "Hi"}, {"role": "user", "text": "And now?"}]


def test_what_a_run_was_given_is_the_conversation_that_it_answers() -> None:
    before = (Turn("user", "Hi"), Turn("assistant", "Hello"))
    assert recalled({"message": "And now?", "history": history(before)}) == ask(before, "And now?")
    assert recalled({"message": "Hi", "history": "no list"}) == ask((), "Hi")


def test_an_answer_is_read_as_text_where_it_has_one() -> None:
    assert readable({"text": "Hello", "tokens": 3}) == "Hello"
    assert '"tokens"' in readable({"tokens": 3})
