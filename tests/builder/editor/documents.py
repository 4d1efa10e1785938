"""Flows and random edits that the editor's tests work on."""

import json
from typing import Any

from hypothesis import strategies as st

from builder.editor.edits import (
    Add,
    AddNote,
    Batch,
    Connect,
    Describe,
    Disconnect,
    Edit,
    Move,
    Remove,
    RemoveNote,
    Rename,
    Set,
    SetNote,
    SetStep,
    Unset,
)
from runtime.graph.flow import Flow

NAMES = ("start", "ask", "answer", "ghost", "fresh")  # `ghost` is wired in the flow below and is no step
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


def broken() -> Flow:
    """A flow with everything that a file may get wrong and a person must still be able to mend."""
    whole = ordinary().model_dump(mode="json")
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


def _some(items: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, min_size=1, max_size=3).map(tuple)


_one = st.one_of(
    st.builds(Add, _name, st.sampled_from(["llm", "if"]), config=st.dictionaries(_field, _value), at=_place),
    st.builds(Remove, _some(_name)),
    st.builds(Move, st.dictionaries(_name, _place, max_size=3)),
    st.builds(Connect, _some(_new | _there)),
    st.builds(Disconnect, _some(_there)),
    st.builds(Set, _name, _field, _value),
    st.builds(Unset, _name, _field),
    st.builds(SetStep, _name, title=_text, on_error=_on_error),
    st.builds(SetStep, _name, retry=_retry, timeout=st.none() | st.just(3.0)),
    st.builds(Rename, _name, _name),
    st.builds(Describe, name=_text, description=_text),
    st.builds(AddNote, _note, _text, _corner),
    st.builds(SetNote, _note, at=_corner),
    st.builds(RemoveNote, _note),
)
# Edits that may or may not fit the flows above.
ANY_EDIT: st.SearchStrategy[Edit] = st.one_of(_one, _one, _one, st.builds(Batch, st.lists(_one, max_size=3).map(tuple)))
