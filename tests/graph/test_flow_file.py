"""Flow files: what is written is read back, in one order; what cannot be read is said precisely and never raises."""

import json
from difflib import unified_diff
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.graph import markup
from runtime.graph.flow import MAX_STEPS, Default, Edge, Flow, Note, Retry, Step
from runtime.graph.flowfile import MAX_PROBLEMS, from_document, read, write
from runtime.graph.problems import MESSAGES, Problem
from tests.graph.documents import WORDS, anything, flows, json_values, many, nearly_flows


def read_well(text: str | bytes) -> Flow:
    flow, problems = read(text)
    assert problems == []
    assert flow is not None
    return flow


# --- what is written is read back ----------------------------------------------------------------------------------


@many
@given(flow=flows())
def test_file_holds_the_whole_flow(flow: Flow) -> None:
    text = write(flow)
    assert read_well(text) == flow
    assert read_well(text.encode()) == flow
    assert write(read_well(text)) == text


@many
@given(flow=flows())
def test_json_holds_the_whole_flow(flow: Flow) -> None:
    assert Flow.model_validate_json(flow.model_dump_json()) == flow
    assert read_well(flow.model_dump_json()) == flow
    assert read_well(json.dumps(flow.model_dump(mode="json"), indent="\t")) == flow
    assert from_document(flow.model_dump(mode="json")) == (flow, [])


@many
@given(value=st.dictionaries(st.text(max_size=5), json_values, max_size=5))
def test_markup_gives_every_json_value_back(value: dict[str, Any]) -> None:
    made = markup.parse(markup.dump(value))
    assert made == value
    assert _types(made) == _types(value)


def _types(value: Any) -> Any:
    """The kinds inside a value; 3.0 is written as 3."""
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_types(item) for item in value]
    return "number" if type(value) in (int, float) else type(value)


@pytest.mark.parametrize("word", WORDS)
def test_texts_stay_texts(word: str) -> None:
    assert markup.parse(markup.dump({word: [word]})) == {word: [word]}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("Yes", "Yes"), ("on", "on"), ("True", "True"), ("NULL", "NULL"),
        ("2026-11-21", "2026-11-21"), ("12:30:45", "12:30:45"), ("0x1F", "0x1F"), ("0o17", "0o17"), ("017", "017"),
        ("1_000", "1_000"), (".inf", ".inf"), (".nan", ".nan"), ("+1", "+1"), (".5", ".5"), ("1.", "1."),
        ("<<", "<<"), ("=", "="),
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("7", 7), ("-7", -7), ("1.50", 1.5), ("1e5", 1e5), ("-1.5E-3", -0.0015), ("18446744073709551616", 2**64),
        ("'1e5'", "1e5"), ('"no"', "no"), ('"\\u00e9"', "é"),
    ],
)  # fmt: skip
def test_words_without_quotes_are_read_as_json_would(written: str, value: Any) -> None:
    made = markup.parse(f"key: {written}")["key"]
    assert (made, type(made)) == (value, type(value))


def test_keys_are_texts() -> None:
    assert markup.parse("{1: a, true: b, null: c, 1e5: d, 2026-11-21: e, '': f}") == {
        "1": "a", "true": "b", "null": "c", "1e5": "d", "2026-11-21": "e", "": "f",
    }  # fmt: skip


def test_other_yaml_readers_see_the_same_texts() -> None:
    assert yaml.safe_load(markup.dump({"a": ["no", "2026-11-21", "1e5", "0x1F"]})) == {
        "a": ["no", "2026-11-21", "1e5", "0x1F"]
    }


DESK = Flow(
    name="Desk",
    description="Answers.",
    steps={
        "start": Step(kind="chat_start"),
        "classify": Step(
            kind="classify",
            version=2,
            title="What is it about?",
            config={"labels": ["order", "other"], "text": "{{ start.message }}\nand more"},
            retry=Retry(times=2),
            timeout=30,
            on_error="port",
        ),
        "reply": Step(kind="answer", config={"status": 503}, on_error=Default(default="Later, please.")),
    },
    edges=(
        Edge("start", "message", "classify", "text"),
        Edge("classify", "order", "reply"),
        Edge("classify", "error", "reply", "value"),
    ),
    layout={"start": (0, 0), "classify": (320.0, 40.5), "reply": (640, 0)},
    notes={"todo": Note(text="Ask Zoé.", at=(10, 20))},
)
DESK_FILE = """\
canevas: 1
name: Desk
description: Answers.

steps:
  start:
    kind: chat_start
    version: 1
  classify:
    kind: classify
    version: 2
    title: What is it about?
    config:
      labels:
      - order
      - other
      text: |-
        {{ start.message }}
        and more
    retry:
      times: 2
    timeout: 30
    on_error: port
  reply:
    kind: answer
    version: 1
    config:
      status: 503
    on_error:
      default: Later, please.

edges:
- start.message -> classify.text
- classify.order -> reply
- classify.error -> reply.value

layout:
  start: [0, 0]
  classify: [320, 40.5]
  reply: [640, 0]

notes:
  todo:
    text: Ask Zoé.
    at: [10, 20]
"""


def test_file_reads_like_this() -> None:
    assert write(DESK) == DESK_FILE
    assert read_well(DESK_FILE) == DESK


def test_empty_flow() -> None:
    assert write(Flow()) == "canevas: 1\nname: Untitled\n\nsteps: {}\n"
    assert read_well("canevas: 1") == Flow()


@pytest.mark.parametrize(
    "changed",
    [
        DESK.model_copy(update={"layout": {**DESK.layout, "classify": (330.0, 40.5)}}),
        DESK.model_copy(update={"notes": {"todo": Note(text="Ask Zoé.", at=(11, 20))}}),
        DESK.model_copy(update={"name": "Support desk"}),
        DESK.model_copy(update={"edges": (*DESK.edges[:2], Edge("classify", "other", "reply", "value"))}),
    ],
    ids=["moved node", "moved note", "new name", "rewired"],
)
def test_small_change_is_a_one_line_diff(changed: Flow) -> None:
    lines = unified_diff(DESK_FILE.splitlines(), write(changed).splitlines(), lineterm="", n=0)
    assert [line[0] for line in lines][3:] == ["-", "+"]


def test_order_is_that_of_the_drawing_and_not_of_the_file() -> None:
    turned = "\n".join(reversed(write(DESK).replace("\n\n", "\n\n\f").split("\f"))).replace("canevas: 1\n", "")
    flow = read_well("canevas: 1\n" + turned)
    assert flow == DESK
    assert write(flow) == DESK_FILE


@pytest.mark.parametrize("flow", [DESK, Flow()])
def test_byte_order_mark_and_windows_lines_do_not_matter(flow: Flow) -> None:
    assert read_well("\ufeff" + write(flow)) == flow
    assert read_well(b"\xef\xbb\xbf" + write(flow).replace("\n", "\r\n").encode()) == flow


def test_what_json_writers_do_to_an_emoji_is_read() -> None:
    assert read_well('{"canevas": 1, "name": "\\ud83d\\ude00 \\/"}').name == "😀 /"


# --- what cannot be read -------------------------------------------------------------------------------------------


def begin(more: str) -> str:
    return f"canevas: 1\n{more}"


def step(more: str) -> str:
    return begin(f"steps: {{a: {{kind: x, {more}}}}}")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (b"\xff\xfe", "not_text", "UTF-8"),
        ("name: \ud800", "not_text", "UTF-8"),
        ("x" * (markup.MAX_BYTES + 1), "too_large", "10000001 bytes"),
        ("[" * 100_000, "too_deep", "64 levels, at line 1"),
        (begin("x: " + "{a: " * 70), "too_deep", "line 2"),
        ('{"a":' * 70, "too_deep", "line 1"),
        ("[" + "1," * markup.MAX_VALUES + "1]", "too_many_values", "500000"),
        (begin("name: 'x"), "not_yaml", "unexpected end"),
        (begin("\tname: x"), "not_yaml", "Line 2: found a tab"),
        (begin("name: \x00"), "not_yaml", "#x0000"),
        ("@", "not_yaml", "Line 1"),
        (begin("--- 2"), "not_yaml", "Line 2: a second document begins"),
        ("? [a, b]\n: 1", "not_yaml", "Line 1: a key is a text"),
        (step("config: {n: 1e999}"), "not_yaml", "the number 1e999 is too large"),
        (step(f"config: {{n: {'9' * 5000}}}"), "not_yaml", "the number 9999999999999999999… is too large"),
        (begin("name: &a x"), "alias", "Line 2"),
        (begin("name: x\ndescription: *a"), "alias", "Line 3"),
        (begin("name: !!python/object/apply:os.system [ls]"), "tag", "`!!python/object/apply:os.system`"),
        (begin("name: !!timestamp 2026-11-21"), "tag", "`!!timestamp`"),
        (begin("name: !x y"), "tag", "`!x`"),
        (begin("name: a\nname: b"), "duplicate_key", "Line 3: `name`"),
        ('{"canevas": 1,\n"canevas": 1}', "duplicate_key", "Line 2: `canevas`"),
        (begin("steps: {a: {kind: x}, b: {kind: x},\n a: {kind: x}}"), "duplicate_key", "Line 3: `a`"),
        ("", "not_a_flow", "nothing"),
        ("just words", "not_a_flow", "a text"),
        ("[1, 2]", "not_a_flow", "a list"),
        ("5", "not_a_flow", "a number"),
        ("name: x", "no_format", "does not say its format"),
        ("canevas: 2", "newer_format", "format 2; this version of Canevas reads up to 1"),
        (f"canevas: {'9' * 400}", "newer_format", "format 9999999999999999999…"),
        ("canevas: one", "bad_document", "`canevas`: the format is a whole number"),
        ("canevas: true", "bad_document", "`canevas`"),
        ("canevas: 0", "bad_document", "`canevas`"),
        ("canevas: 1.0", "bad_document", "`canevas`"),
        (begin("steps: [a]"), "bad_document", "`steps`"),
        (begin("stepz: {}"), "bad_document", "`stepz`"),
        (begin("name: ''"), "bad_document", "`name`"),
        (begin("name: [x]"), "bad_document", "`name`"),
        (begin("steps: {a: 5}"), "bad_document", "`steps.a`"),
        (begin("steps: {a: {}}"), "bad_document", "`steps.a.kind`"),
        (begin("steps: {Abc: {kind: x}}"), "bad_document", "'Abc' cannot name a step"),
        (begin("steps: {if: {kind: x}}"), "bad_document", "'if' cannot name a step"),
        (begin("steps: {'a b': {kind: x}}"), "bad_document", "'a b' cannot name a step"),
        (step("color: red"), "bad_document", "`steps.a.color`"),
        (step("config: [1]"), "bad_document", "`steps.a.config`"),
        (step("config: {x: " + "[" * 55 + "]" * 55 + "}"), "bad_document", "is nested too deeply"),
        (step("timeout: -1"), "bad_document", "`steps.a.timeout`"),
        (step("timeout: soon"), "bad_document", "`steps.a.timeout`"),
        (step("version: 0"), "bad_document", "`steps.a.version`"),
        (step("retry: {times: 99}"), "bad_document", "`steps.a.retry.times`"),
        (step("retry: 3"), "bad_document", "`steps.a.retry`"),
        (step("on_error: maybe"), "bad_document", "`steps.a.on_error`"),
        (begin("edges: [a to b]"), "bad_document", "`edges.0`: 'a to b' is no wire; write `step.output -> step.input`"),
        (begin("edges: [5]"), "bad_document", "`edges.0`"),
        (begin("edges: {a: b}"), "bad_document", "`edges`"),
        (begin("layout: {a: [1, 2]}"), "bad_document", "no step is called 'a'"),
        (begin("steps: {a: {kind: x}}\nlayout: {a: [1]}"), "bad_document", "`layout.a.1`"),
        (begin("steps: {a: {kind: x}}\nlayout: {a: [.inf, 1]}"), "bad_document", "`layout.a.0`"),
        (begin("notes: {n: {text: 5}}"), "bad_document", "`notes.n.text`"),
        (begin("steps:\n" + "".join(f"  a{n}: 1\n" for n in range(MAX_STEPS + 1))), "too_many_steps", "20001 steps"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_bad_file_is_explained(text: str | bytes, code: str, says: str) -> None:
    flow, problems = read(text)
    assert flow is None
    assert problems[0].code == code
    assert says in problems[0].what
    assert_well_said(problems)


def test_problems_of_a_step_name_the_step() -> None:
    _, problems = read(begin("steps: {a: {kind: x}, b: {kind: 5, version: x}}"))
    assert [problem.step for problem in problems] == ["b", "b"]


def test_thousands_of_problems_are_not_all_told() -> None:
    flow, problems = from_document({"canevas": 1, "steps": {f"a{n}": 5 for n in range(5000)}})
    assert flow is None
    assert len(problems) == MAX_PROBLEMS


def test_circular_and_bottomless_documents_are_refused() -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for config in (loop, {"x": deep}):
        flow, problems = from_document({"canevas": 1, "steps": {"a": {"kind": "x", "config": config}}})
        assert flow is None
        assert "nested too deeply" in problems[0].what
    assert from_document(loop) == (None, [Problem("no_format")])


def test_ten_thousand_steps_are_read() -> None:
    names = [f"step_{number}" for number in range(10_000)]
    flow = Flow(
        steps={name: Step(kind="template", config={"template": "x" * 50}) for name in names},
        edges=tuple(Edge(a, "output", b) for a, b in pairwise(names)),
        layout={name: (float(number), 0.5) for number, name in enumerate(names)},
    )
    assert read_well(write(flow)) == flow


def assert_well_said(problems: list[Problem]) -> None:
    """A problem is a full sentence with no hole in it, of bearable length, and can be written down."""
    for problem in problems:
        for sentence in problem.say(lambda text: text):
            assert 5 < len(sentence) < 1500
            assert "Traceback" not in sentence
            sentence.encode()
        assert problem.code in MESSAGES
        problem.step.encode()


@many
@given(raw=st.text() | st.binary() | st.lists(st.sampled_from([*WORDS, "\n", "  ", ": ", "- ", ","])).map("".join))
@example(raw="canevas: 1\nsteps: {a: {kind: x, config: {? : }}}")
def test_no_text_makes_it_raise(raw: str | bytes) -> None:
    flow, problems = read(raw)
    assert (flow is None) == bool(problems)
    assert_well_said(problems)


@many
@given(text=flows().map(write), data=st.data())
def test_no_damaged_file_makes_it_raise(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    upto = data.draw(st.integers(at, min(at + 20, len(text))))
    flow, problems = read(text[:at] + data.draw(st.sampled_from(WORDS)) + text[upto:])
    assert (flow is None) == bool(problems)
    assert_well_said(problems)


@many
@given(raw=anything | nearly_flows())
def test_no_document_makes_it_raise(raw: Any) -> None:
    flow, problems = from_document(raw)
    assert (flow is None) == bool(problems)
    assert_well_said(problems)
    if flow is not None:
        assert read_well(write(flow)) == flow
