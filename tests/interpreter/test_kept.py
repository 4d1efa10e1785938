"""Large values in written events: what goes by reference, what stays, and that all of it comes back."""

import json
from hashlib import sha256
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.graph.messages import ModelCall
from runtime.interpreter.events import (
    BodyStarted,
    Durable,
    Failure,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFailed,
    StepFinished,
    StepLogged,
    StepPaused,
    StepResumed,
    StepStarted,
    encode,
    encode_all,
)
from runtime.interpreter.kept import LARGE, NOTHING, VALUE_OF, abridged, brief, fill, large_value, read

FAILURE = Failure("It broke")
BIG = "x" * 100_000


def written(*events: Durable) -> tuple[list[Any], dict[str, bytes]]:
    """What was written of events, after a look at whether it can be read as they were."""
    body, values = abridged(events, encode_all(list(events)))
    again, gaps = read(body)
    fill(gaps, values)
    assert again == list(events)
    assert {sha256(value).hexdigest(): value for value in values.values()} == values
    return json.loads(body), dict(values)


def reference(value: Any) -> dict[str, Any]:
    """What stands for a value."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    kind = {str: "text", list: "list", dict: "object"}[type(value)]
    begins = (value if isinstance(value, str) else body.decode())[:200]
    return {"sha256": sha256(body).hexdigest(), "bytes": len(body), "kind": kind, "begins": begins}


def test_every_event_with_values_is_known():
    assert {event for event in get_args(Durable) if "Any" in str(event.__annotations__)} == VALUE_OF.keys()


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (RunStarted(1, 1.0, "start", {"text": BIG}, pins={"f": 1}), ["input", "text"]),
        (StepStarted(1, 1.0, "a", {"text": BIG}), ["input", "text"]),
        (StepFinished(1, 1.0, "a", {"text": BIG}, 2.5, (ModelCall("m", "p", 1, 2),)), ["output", "text"]),
        (StepFailed(1, 1.0, "a", FAILURE, {"error": BIG}), ["output", "error"]),
        (BodyStarted(1, 1.0, "a[1]", {"item": BIG}), ["given", "item"]),
        (StepPaused(1, 1.0, "a", {"title": "t", "shown": BIG}, 9.0), ["request", "shown"]),
        (StepResumed(1, 1.0, "a", BIG, "Ada"), ["value"]),
        (StepResumed(1, 1.0, "a", {"text": [BIG]}, "Ada"), ["value", "text", 0]),
        (RunFinished(1, 1.0, BIG, 201, "a"), ["output"]),
    ],
)
def test_every_place_of_an_event(event: Durable, path: list[Any]):
    (told,), values = written(event)
    assert told["kept"] == [path]
    for key in path:
        told = told[key]
    assert told == reference(BIG)
    assert values == {told["sha256"]: json.dumps(BIG).encode()}
    assert json.loads(brief(event)) == json.loads(abridged([event], encode_all([event]))[0])[0]


def test_what_is_small_is_written_as_ever():
    events: list[Durable] = [StepFinished(seq, 1.0, "a", {"output": "x" * 60_000}) for seq in range(1, 9)]
    body = encode_all(events)
    assert len(body) > LARGE
    assert abridged(events, body) == (body, NOTHING)
    assert read(body) == (events, [])


@pytest.mark.parametrize("character", ["x", "é", "€", "🦜", '"', "\x00"])
@pytest.mark.parametrize(("more", "kept"), [(0, []), (1, [["output"]])])
def test_the_bound_is_65536_bytes_of_json(character: str, more: int, kept: list[Any]):
    size = len(json.dumps(character, ensure_ascii=False).encode()) - 2
    text = character * (65_534 // size) + "x" * (65_534 % size + more)
    (told,), _ = written(RunFinished(1, 1.0, text, step="answer"))
    assert told.get("kept", []) == kept


def test_the_innermost_value_that_is_large_goes_by_reference():
    documents = [f"{number} {BIG}" for number in range(100)]
    rows = [{"n": number} for number in range(10_000)]
    (told,), values = written(RunStarted(1, 1.0, "start", {"documents": documents, "rows": rows, "n": 1}))
    assert told["input"]["documents"] == [reference(document) for document in documents]
    assert told["input"]["rows"] == reference(rows)
    assert told["input"]["n"] == 1
    assert told["kept"] == [*(["input", "documents", number] for number in range(100)), ["input", "rows"]]
    assert len(values) == 101


def test_many_references_go_by_one_and_nothing_is_kept_in_vain():
    documents = [f"{number} {BIG}" for number in range(300)]
    (told,), values = written(RunStarted(1, 1.0, "start", {"documents": documents}))
    assert told["input"] == {"documents": reference(documents)}
    assert list(values) == [reference(documents)["sha256"]]


def test_an_event_of_many_small_values_is_one_reference():
    given = {f"name_{number}": "x" * 900 for number in range(100)}
    (told,), _ = written(StepStarted(1, 1.0, "a", given))
    assert told["input"] == reference(given)
    assert told["kept"] == [["input"]]


def test_a_long_log_is_no_value():
    events: list[Durable] = [StepLogged(1, 1.0, "a", BIG), StepFailed(2, 1.0, "a", Failure(BIG), {"error": 1})]
    told, values = written(*events)
    assert (told, values) == (json.loads(encode_all(events)), {})


def test_the_same_value_is_kept_once():
    events: list[Durable] = [RunStarted(1, 1.0, "start", {"text": BIG})]
    given = {"text": BIG, "list": [BIG, {"deep": BIG + ""}]}
    events += [StepFinished(seq, 1.0, f"step_{seq}", given) for seq in range(2, 12)]
    told, values = written(*events)
    assert len(values) == 1
    assert len(json.dumps(told)) < 20_000


def test_what_looks_like_a_reference_is_none():
    fake = reference(BIG)
    paths = {"kept": [["output", "fake"]], "fake": fake}
    (told,), values = written(StepFinished(1, 1.0, "a", {"fake": fake, "text": BIG, "kept": paths}))
    assert told["output"]["fake"] == told["output"]["text"] == fake
    assert told["output"]["kept"] == paths
    assert told["kept"] == [["output", "text"]]
    assert len(values) == 1
    body = encode_all([StepFinished(1, 1.0, "a", paths)])
    assert read(body) == ([StepFinished(1, 1.0, "a", paths)], [])


def test_the_beginning_is_never_half_a_character():
    rows = ["🦜" * 50] * 1000
    (told,), _ = written(StepFinished(1, 1.0, "a", {"rows": rows, "text": "é" * BIG.count("x")}))
    assert told["output"]["rows"]["begins"] == json.dumps(rows, ensure_ascii=False, separators=(",", ":"))[:200]
    assert told["output"]["text"]["begins"] == "é" * 200


def test_a_value_by_its_hash():
    events = [StepDelta("a", BIG), StepFinished(1, 1.0, "a", {"text": BIG}), RunFinished(2, 1.0, {"small": 1})]
    assert large_value(events, reference(BIG)["sha256"]) == json.dumps(BIG).encode()
    assert large_value(events, reference({"small": 1})["sha256"]) is None
    assert large_value([], "") is None


JSON = st.recursive(
    st.none()
    | st.integers(-9, 9)
    | st.builds(str.__mul__, st.sampled_from("x🦜"), st.sampled_from([0, 20_000, 65_534])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["kept", "sha256", "0", "é", ""]), inner, max_size=4)
        | st.builds(
            lambda item: [item] * 500, inner.filter(lambda item: len(encode(StepResumed(1, 1.0, "", item))) < 999)
        )
    ),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_values_come_back_and_no_event_is_large(values: list[Any]):
    events: list[Durable] = [StepFinished(seq, 1.0, "a", {"v": each}) for seq, each in enumerate(values, 1)]
    told, _ = written(*events, RunFinished(len(values) + 1, 1.0, values))
    assert all(len(json.dumps(event, ensure_ascii=False).encode()) < LARGE + 40_000 for event in told)
