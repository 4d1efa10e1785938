"""Undo and redo: names, what counts as one thing, and what somebody else changed meanwhile."""

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.editor.document import EditError
from builder.editor.edits import Add, Batch, Move, Remove, Set, apply
from builder.editor.history import LONGEST, PAUSE, History
from builder.editor.wire_edits import Connect
from runtime.graph.flow import Flow
from tests.builder.editor.documents import ANY_EDIT, ordinary, written


def do(history: History, flow: Flow, edit, at: float = 0.0) -> tuple[History, Flow]:
    return history.record(flow, edit, at), apply(flow, edit)


def test_typing_is_one_thing_to_undo_until_a_pause() -> None:
    history, flow = History(), ordinary()
    for number, text in enumerate(["h", "he", "hel"]):
        history, flow = do(history, flow, Set("ask", "prompt", text), at=number * PAUSE / 2)
    history, flow = do(history, flow, Set("ask", "prompt", "hello"), at=60.0)
    assert len(history.done) == 2
    history, back = history.undo(flow)
    flow = apply(flow, back)
    assert flow.steps["ask"].config["prompt"] == "hel"
    history, back = history.undo(flow)
    assert written(apply(flow, back)) == written(ordinary())
    assert history.undone[-1].edit == Set("ask", "prompt", "hel")


def test_other_steps_and_settings_are_things_of_their_own() -> None:
    history, flow = History(), ordinary()
    for edit in (
        Set("ask", "prompt", "a"),
        Set("ask", "limit", 1),
        Move({"ask": (1, 1)}),
        Move({"ask": (2, 1)}),
        Move({"answer": (3, 1)}),
    ):
        history, flow = do(history, flow, edit, at=1.0)
    assert [entry.name[0] for entry in history.done] == ["Change {field} of {step}"] * 2 + ["Move"] * 2


def test_a_new_edit_ends_what_could_be_redone() -> None:
    history, flow = do(History(), ordinary(), Add("extra", "if"))
    history, back = history.undo(flow)
    flow = apply(flow, back)
    assert history.undone
    history, flow = do(history, flow, Set("ask", "limit", 9), at=5.0)
    assert history.undone == ()
    assert history.redo(flow) is None


def test_what_no_longer_fits_is_forgotten_and_the_next_is_undone() -> None:
    history, flow = do(History(), ordinary(), Set("ask", "limit", 9), at=1.0)
    history, flow = do(history, flow, Set("answer", "data", 1), at=2.0)
    flow = apply(flow, Remove(("answer",)))  # by somebody else
    history, back = history.undo(flow)
    assert back == Set("ask", "limit", 5)
    assert history.done == ()


def test_the_longest_ago_is_forgotten() -> None:
    history, flow = History(), ordinary()
    for number in range(LONGEST + 5):
        history, flow = do(history, flow, Set("ask", "limit", number), at=number * 10.0)
    assert len(history.done) == LONGEST


def test_a_batch_is_named_by_its_first_edit() -> None:
    batch = Batch((Add("extra", "if"), Connect(("start.message -> extra",))))
    history, _ = do(History(), ordinary(), batch)
    assert history.done[0].name == ("Add {kind}", {"kind": "if"})


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_walking_back_and_forth_ends_where_it_was(data: st.DataObject) -> None:
    history, flow = History(), ordinary()
    states = [written(flow)]
    for number in range(data.draw(st.integers(1, 6))):
        edit = data.draw(ANY_EDIT)
        try:
            history, flow = do(history, flow, edit, at=number * 10.0)
        except EditError:
            continue
        states.append(written(flow))
    at = len(states) - 1
    for back in data.draw(st.lists(st.booleans(), max_size=12)):
        step = history.undo(flow) if back else history.redo(flow)
        assert (step is None) == (at == 0 if back else at == len(states) - 1)
        if step is not None:
            history, edit = step
            flow, at = apply(flow, edit), at + (-1 if back else 1)
        assert written(flow) == states[at]
