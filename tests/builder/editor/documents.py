"""Flows and random edits that the editor's tests work on."""

import json
from typing import Any

from hypothesis import strategies as st

from builder.editor.edits import Add, Batch, Edit, Move, Paste, Remove, Rename, Set, SetStep, Unset
from builder.editor.flow_edits import Configure, Describe
from builder.editor.nest_edits import Nest
from builder.editor.note_edits import AddNote, RemoveNote, SetNote
from builder.editor.wire_edits import Connect, Disconnect
from runtime.graph.flow import Flow

NAMES = ("start", "ask", "answer", "ghost", "fresh", "each", "guard")  # `ghost` is named below and is no step
FIELDS = ("prompt", "data", "limit")
VALUES = (
    "plain",
    "Hello {{ start.message }} and {{ ask.output['a'] }}",
    "{{ ghost.output + len([ask.x for x in ask.items]) }}",
    r"\{{ ask.output }} {{ f'{ask.output}' }}",
    {"list": ["{{ fresh.a }}", 3, None], "deep": {"x": "{{ ask.y }}"}},
    "{{ broken",
    7,
    None,
)


def flow_of(**said: Any) -> Flow:
    """A flow from plain values."""
    return Flow.model_validate({"name": "Test", **said})


def ordinary() -> Flow:
    """Three steps in a row, with expressions, an error port and a note."""
    return flow_of(
        steps={
            "start": {"kind": "chat_start"},
            "ask": {
                "kind": "llm",
                "version": 2,
                "title": "Ask",
                "config": {"prompt": "{{ start.message }}!", "limit": 5},
                "retry": {"times": 2},
                "on_error": "port",
            },
            "answer": {"kind": "answer", "config": {"data": {"x": "{{ ask.output }}"}}},
        },
        edges=["start.message -> ask", "ask.output -> answer.value", "ask.error -> answer"],
        layout={"start": [0, 0], "answer": [400, 20]},
        notes={"first": {"text": "Look", "at": [5, 6]}, "second": {"text": "here"}},
    )


def nested() -> Flow:
    """Steps for each item, in a frame in a frame, and one that mends what fails."""
    return flow_of(
        steps={
            "start": {"kind": "start"},
            "guard": {"kind": "guard"},
            "each": {"kind": "each", "within": "guard", "config": {"items": "{{ start.message }}"}},
            "ask": {
                "kind": "llm",
                "version": 2,
                "within": "each",
                "config": {"prompt": "{{ each.item }} of {{ start.message }}"},
            },
            "total": {"kind": "join", "within": "each"},
            "mend": {"kind": "join", "within": "guard.catch"},
            "answer": {"kind": "answer", "config": {"value": "{{ guard.output }}"}},
        },
        edges=[
            "start.message -> guard",
            "each.item -> ask.context",
            "ask.output -> total.texts",
            "ask.output -> each.result",
            "each.output -> guard.result",
            "guard.error -> mend",
            "guard.output -> answer",
        ],
        layout={
            "start": [0, 0],
            "guard": [344, 0],
            "each": [0, 8],
            "ask": [0, 0],
            "total": [344, 0],
            "mend": [0, 0],
            "answer": [1600, 0],
        },
    )


def broken() -> Flow:
    """A flow with everything that a file may get wrong and a person must still be able to mend."""
    whole = ordinary().model_dump(mode="json")
    whole["steps"] |= {
        "lost": {"kind": "llm", "version": 2, "within": "ghost.body"},
        "one": {"kind": "each", "within": "other"},
        "other": {"kind": "each", "within": "one"},
        "deep": {"kind": "join", "within": "other.nowhere"},
    }
    whole["edges"] += ["ghost.out -> ask", "ask.output -> ghost.x", "start.message -> ask", "answer.error -> ask.z"]
    return Flow.model_validate(whole)


def written(flow: Flow) -> str:
    """The flow as text: two flows are the same when these are, order included."""
    return json.dumps(flow.model_dump(mode="json"))


_name = st.sampled_from(NAMES)
_place = st.none() | st.tuples(st.integers(-500, 500), st.integers(-500, 500)).map(lambda at: (at[0], at[1] / 2))
_corner = st.tuples(st.integers(0, 99), st.integers(0, 99))
_new = st.builds("{}.{} -> {}.{}".format, _name, st.sampled_from(["output", "error"]), _name, _name)
_there = st.sampled_from([str(edge) for edge in broken().edges])
_field, _value, _text = st.sampled_from(FIELDS), st.sampled_from(VALUES), st.text(max_size=5)
_note = st.sampled_from(["first", "second", "third"])
_on_error = st.sampled_from(["fail", "port", {"default": [1]}])
_retry = st.sampled_from([None, {"times": 3, "wait": 0.5}])
_running = st.sampled_from([{}, {"durability": "step", "labels": ["gpu"]}, {"queue": "slow"}, {"queue": "No!"}])


_within = st.sampled_from(["", "each", "guard", "guard.catch", "ghost", "ask"])
_steps = st.lists(
    st.builds(Add, _name, st.sampled_from(["llm", "each"]), config=st.dictionaries(_field, _value), within=_within),
    min_size=1,
    max_size=3,
    unique_by=lambda step: step.step,
).map(tuple)


def _some(items: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, min_size=1, max_size=3).map(tuple)


_one = st.one_of(
    st.builds(
        Add, _name, st.sampled_from(["llm", "each"]), config=st.dictionaries(_field, _value), at=_place, within=_within
    ),
    st.builds(Paste, _steps, st.dictionaries(_name, st.sampled_from(["copy", "copy_2", "fresh"]), max_size=3)),
    st.builds(Nest, st.dictionaries(_name, _place, min_size=1, max_size=3), _within),
    st.builds(Remove, _some(_name)),
    st.builds(Move, st.dictionaries(_name, _place, max_size=3)),
    st.builds(Connect, _some(_new | _there)),
    st.builds(Disconnect, _some(_there)),
    st.builds(Set, _name, _field, _value),
    st.builds(Unset, _name, _field),
    st.builds(SetStep, _name, title=_text, on_error=_on_error),
    st.builds(SetStep, _name, retry=_retry, timeout=st.none() | st.just(3.0), once=st.booleans()),
    st.builds(Rename, _name, _name),
    st.builds(Describe, name=_text, description=_text),
    st.builds(Configure, running=_running, limits=st.fixed_dictionaries({}, optional={"steps": st.integers(0, 3)})),
    st.builds(Configure, running=_running),
    st.builds(AddNote, _note, _text, _corner),
    st.builds(SetNote, _note, at=_corner),
    st.builds(RemoveNote, _note),
)
# Edits that may or may not fit the flows above.
ANY_EDIT: st.SearchStrategy[Edit] = st.one_of(_one, _one, _one, st.builds(Batch, st.lists(_one, max_size=3).map(tuple)))
