"""Which calls are shown, and the ways to the others."""

import pytest

from builder.preview.inspected import inspect
from builder.preview.overlay import RunTrace
from builder.preview.shown import Nest, Picker, cards, choosing, pickers, place, shown_step, shown_steps
from runtime.interpreter.events import (
    BodyStarted,
    Event,
    Failure,
    RunStarted,
    StepFailed,
    StepFinished,
    StepStarted,
)

# The flow: each(write, again(polish)), guard(call), and guard.catch(tell); `call` runs another flow with a `write`.
NEST = Nest({"start": "", "each": "", "write": "each", "again": "each", "polish": "again", "guard": "",
         "call": "guard.body", "tell": "guard.catch"}, {"guard": "body"})  # fmt: skip
WHY = Failure("It broke.")


def ran(*paths: str) -> list[Event]:
    """Steps that finished with their path; a body opens where a path ends with a slash."""
    made: list[Event] = []
    for path in paths:
        if path.endswith("/"):
            made.append(BodyStarted(1, 1.0, path[:-1], {}))
        else:
            made += [StepStarted(1, 1.0, path, {}), StepFinished(1, 1.0, path, {"output": path})]
    return made


def trace(*events: Event) -> RunTrace:
    return RunTrace().take_all([RunStarted(1, 1.0, "start", {}), *events])


def started(path: str) -> Event:
    return StepStarted(1, 1.0, path, {})


LOOP = trace(
    started("each"),
    *ran("each[0]/", "each[0]/write"),
    started("each[0]/again"),
    *ran("each[0]/again[1]/", "each[0]/again[1]/polish", "each[0]/again[2]/", "each[0]/again[2]/polish"),
    *ran("each[1]/", "each[1]/write", "each[2]/"),
)


@pytest.mark.parametrize(
    ("chosen", "paths"),
    [
        ({}, {"each": "each"}),  # the third call has come to nothing yet
        ({"each": "1"}, {"each": "each", "write": "each[1]/write"}),
        ({"each": "9"}, {"each": "each"}),  # a call that is no more
        (
            {"each": "0"},
            {
                "each": "each",
                "write": "each[0]/write",
                "again": "each[0]/again",
                "polish": "each[0]/again[2]/polish",
            },
        ),
        (
            {"each": "0", "each[0]/again": "1"},
            {
                "each": "each",
                "write": "each[0]/write",
                "again": "each[0]/again",
                "polish": "each[0]/again[1]/polish",
            },
        ),
    ],
)
def test_steps_inside_show_the_call_that_is_chosen_else_the_latest(
    chosen: dict[str, str], paths: dict[str, str]
) -> None:
    assert {name: step.path for name, step in shown_steps(LOOP, NEST, chosen).items()} == paths


GUARD = trace(
    started("guard"),
    *ran("guard/"),
    started("guard/call"),
    *ran("guard/call/", "guard/call/start", "guard/call/write", "guard.catch/", "guard.catch/tell"),
)


def test_steps_of_another_flow_are_no_steps_of_this_one() -> None:
    assert list(shown_steps(GUARD, NEST, {})) == ["guard", "call", "tell"]
    inner = shown_step(GUARD, NEST, {}, "guard/call/write")
    assert inspect(inner)["output"][0]["text"] == "guard/call/write"


def brief(found: list[Picker]) -> list[tuple[str, str]]:
    return [(one["body"], f"{one['place']} of {one['count']}") for one in found]


@pytest.mark.parametrize(
    ("chosen", "selected", "ways"),
    [
        ({}, "", []),
        ({}, "start", []),
        ({}, "each", [("each", "3 of 3")]),
        ({}, "write", [("each", "3 of 3")]),
        ({"each": "0"}, "polish", [("each", "1 of 3"), ("each[0]/again", "2 of 2")]),
        ({"each": "0", "each[0]/again": "1"}, "again", [("each", "1 of 3"), ("each[0]/again", "1 of 2")]),
        ({"each": "1"}, "polish", [("each", "2 of 3")]),
        ({"each": "0"}, "each/again/polish", [("each", "1 of 3"), ("each[0]/again", "2 of 2")]),
    ],
)
def test_the_ways_to_other_calls_of_a_step(chosen: dict[str, str], selected: str, ways: list[tuple[str, str]]) -> None:
    assert brief(pickers(LOOP, NEST, chosen, selected)) == ways


def test_a_picker_knows_the_neighbours_and_marks_what_failed() -> None:
    told = trace(
        started("each"),
        *ran("each[0]/", "each[0]/write", "each[1]/"),
        started("each[1]/write"),
        StepFailed(1, 1.0, "each[1]/write", WHY),
        *ran("each[2]/", "each[2]/write"),
    )
    (found,) = pickers(told, NEST, {"each": "1"}, "write")
    assert (found["before"], found["after"], found["failed"]) == ("0", "2", 1)
    assert [(call["place"], call["state"]) for call in found["calls"]] == [(1, "done"), (2, "failed"), (3, "done")]


def test_of_very_many_calls_the_near_ones_and_the_failed_ones_are_listed() -> None:
    many: list[Event] = [started("each")]
    for number in range(1000):
        many += ran(f"each[{number}]/", f"each[{number}]/write")
    many.insert(4, StepFailed(1, 1.0, "each[0]/write", WHY))
    (found,) = pickers(trace(*many), NEST, {"each": "500"}, "write")
    assert (found["count"], len(found["calls"])) == (1000, 100)
    assert found["calls"][0] == {"key": "0", "place": 1, "state": "failed"}


def test_a_path_says_what_to_choose_and_where_it_stands() -> None:
    assert choosing("each[0]/again[2]/polish") == {"each": "0", "each[0]/again": "2"}
    assert choosing("guard.catch/tell") == {}
    assert place("each[0]/guard.catch/call/write") == "each/guard.catch/call/write"


def test_the_canvas_is_told_the_shown_passes_by_path_and_how_far_a_loop_is() -> None:
    given = {"item": "a", "total": 10}
    told = trace(
        started("each"),
        BodyStarted(1, 1.0, "each[0]", given),
        *ran("each[0]/write"),
        BodyStarted(1, 1.0, "each[1]", given),
        started("each[1]/write"),
        started("guard"),
        *ran("guard/", "guard.catch/"),
    )
    drawn = cards(told, NEST, {"each": "0"})
    assert list(drawn) == ["each", "each[0]/write", "guard"]
    assert drawn["each"]["calls"] == {"body": {"keys": ["0", "1"], "ended": 1, "total": 10}}
    assert list(drawn["guard"]["calls"]) == ["body", "catch"]
    assert list(cards(told, NEST, {})) == ["each", "each[1]/write", "guard"]
