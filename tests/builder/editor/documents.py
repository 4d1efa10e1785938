"""Flows and random edits that the editor's tests work on."""

from collections.abc import Callable
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
from runtime.graph.flowfile import write

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
    """The flow as its file: two flows are the same when these are, order included."""
    return write(flow)


def edits_of(flow: Flow, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Edit:
    """Draw an edit that may or may not fit the flow."""
    name = st.sampled_from([*NAMES, *flow.steps])
    place = st.none() | st.tuples(st.integers(-500, 500), st.integers(-500, 500)).map(lambda at: (at[0], at[1] / 2))
    wires = st.lists(st.builds("{}.{} -> {}.{}".format, name, st.sampled_from(["output", "error"]), name, name), max_size=3)
    there = st.lists(st.sampled_from([str(edge) for edge in flow.edges] or ["a.b -> c"]), min_size=1, max_size=3, unique=True)
    field, value, text = st.sampled_from(FIELDS), st.sampled_from(VALUES), st.text(max_size=5)
    note = st.sampled_from(["first", "second", "third"])
    corner = place.filter(lambda at: at is not None)
    one = st.one_of(
        st.builds(Add, name, st.sampled_from(["llm", "if"]), config=st.dictionaries(field, value), at=place),
        st.builds(Remove, st.lists(name, min_size=1, max_size=3).map(tuple)),
        st.builds(Move, st.dictionaries(name, place, max_size=3)),
        st.builds(Connect, wires.map(tuple)),
        st.builds(Disconnect, there.map(tuple)),
        st.builds(Set, name, field, value),
        st.builds(Unset, name, field),
        st.builds(SetStep, name, title=text, on_error=st.sampled_from(["fail", "port", {"default": [1]}])),
        st.builds(SetStep, name, retry=st.sampled_from([None, {"times": 3, "wait": 0.5}]), timeout=st.none() | st.just(3.0)),
        st.builds(Rename, name, name),
        st.builds(Describe, name=text, description=text),
        st.builds(AddNote, note, text, corner),
        st.builds(SetNote, note, at=corner),
        st.builds(RemoveNote, note),
    )
    return draw(st.one_of(one, one, one, st.builds(Batch, st.lists(one, max_size=3).map(tuple))))
