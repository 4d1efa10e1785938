"""The page of a run: the steps in the order in which they ran, and the run as a whole."""

from builder.editor.view import view
from builder.preview.overlay import RunTrace
from builder.preview.repeated import mark
from builder.preview.shown import nest_of
from builder.runs.lines import line
from builder.runs.report import StepLine, inspect_run, step_lines
from nodes.catalog import builtin
from runtime.graph.flowfile import read
from runtime.graph.reading import read_flow
from runtime.interpreter.events import (
    BodyStarted,
    Event,
    Failure,
    RunFailed,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
)
from runtime.interpreter.journal import RunRecord

FLOW = """
canevas: 1
steps:
  start: {kind: api_start, version: 1}
  asks: {kind: if, version: 1, title: Is it long?, config: {condition: '{{ start.text }}'}}
  short: {kind: template, version: 1, config: {template: short}}
  long: {kind: template, version: 1, config: {template: long}}
edges: [start.text -> asks, asks.true -> long, asks.false -> short]
"""
RAN = [
    RunStarted(1, 100.0, "start", {"text": "hello"}),
    StepStarted(2, 100.1, "start", {}),
    StepFinished(3, 100.2, "start", {"text": "hello"}, 1.5),
    StepStarted(4, 100.2, "asks", {"condition": "hello"}),
    StepFinished(5, 100.3, "asks", {"true": None}, 2.0),
    StepSkipped(6, 100.3, "short"),
    StepStarted(7, 100.3, "long", {}),
]


def lines_of(trace: RunTrace, text: str = FLOW, chosen: dict[str, str] | None = None) -> list[StepLine]:
    flow, problems = read(text)
    assert flow is not None, problems
    reading = read_flow(flow, builtin())
    return step_lines(view(reading, []), trace, nest_of(reading), chosen or {})


def test_steps_stand_in_the_order_in_which_they_ran() -> None:
    lines = lines_of(RunTrace().take_all(RAN[:5]))
    assert [(one["id"], one["state"]) for one in lines[:2]] == [("start", "done"), ("asks", "done")]
    assert {one["id"]: one["state"] for one in lines[2:]} == {"short": "idle", "long": "idle"}
    assert lines[1]["title"] == "Is it long?"


def test_steps_that_are_called_alike_say_which_one_they_are() -> None:
    lines = {one["id"]: one for one in lines_of(RunTrace())}
    assert {name for name, one in lines.items() if one["several"]} == {"short", "long"}
    assert (lines["asks"]["title"], lines["short"]["title"], lines["short"]["kind"]) == (
        "Is it long?",
        "",
        "Text template",
    )


def test_the_whole_run_that_answered() -> None:
    trace = RunTrace().take_all([*RAN, StepFinished(8, 100.4, "long", {}, 1.0), RunFinished(9, 100.5, {"a": 1})])
    whole = inspect_run(trace)
    assert whole["state"] == "done"
    assert [(value["name"], value["text"]) for value in whole["input"]] == [("text", "hello")]
    assert whole["output"][0]["text"] == '{\n  "a": 1\n}'


def test_the_whole_run_that_failed_says_how_to_mend_it() -> None:
    why = Failure("No such key", "Add it in Settings.")
    trace = RunTrace().take_all([*RAN, StepFailed(8, 100.4, "long", why), RunFailed(9, 100.5, "long", why)])
    whole = inspect_run(trace)
    assert (whole["error"], whole["mend"], whole["output"]) == ("No such key", "Add it in Settings.", [])


def record(state: str, ended: float | None, error: str = "") -> RunRecord:
    return RunRecord(id="r", workspace="w", flow="f", flow_name="F", source="preview", started=10.0, state=state,
                     ended=ended, error=error)  # fmt: skip


def test_the_list_says_why_a_run_failed_in_words_of_the_catalogue() -> None:
    failed = record("failed", 12.5, "long: The template needs a value.")
    assert line(failed)["error"] == "The template needs a value."


def test_the_list_says_how_long_a_run_took_once_it_has_ended() -> None:
    done, running = line(record("done", 12.5)), line(record("running", None))
    assert (done["ms"], running["ms"]) == (2500.0, 0.0)


NESTED = """
canevas: 1
steps:
  start: {kind: api_start, version: 1}
  each: {kind: for_each, version: 1, config: {items: '{{ start.list }}'}}
  write: {kind: template, version: 1, within: each, config: {template: '{{ each.item }}'}}
  polish: {kind: template, version: 1, within: each, config: {template: '{{ write.output }}'}}
  call: {kind: run_flow, version: 1, config: {flow: other}}
"""


def test_steps_inside_others_stand_after_them_as_the_shown_pass_went() -> None:
    events: list[Event] = [RunStarted(1, 1.0, "start", {}), StepStarted(2, 1.0, "each", {})]
    for key in "01":
        events += [BodyStarted(3, 1.0, f"each[{key}]", {}), StepStarted(4, 1.0, f"each[{key}]/write", {})]
    events += [StepFinished(5, 1.0, "each[0]/write", {}, 7.0, reused=True), StepStarted(6, 1.0, "call", {})]
    events += [BodyStarted(7, 1.0, "call", {}), StepStarted(8, 1.0, "call/write", {})]
    lines = lines_of(RunTrace().take_all(events), NESTED, {"each": "0"})
    assert [(one["id"], one["depth"], one["state"], one["calls"]) for one in lines] == [
        ("each", 0, "running", 2),
        ("write", 1, "done", 0),
        ("polish", 1, "idle", 0),
        ("call", 0, "running", 1),
        ("call/write", 1, "running", 0),
        ("start", 0, "idle", 0),
    ]
    assert (lines[1]["reused"], lines[4]["name"], lines[4]["kind"]) == (True, "write", "")
    assert lines_of(RunTrace().take_all(events), NESTED)[1]["state"] == "running"


def test_what_somebody_gave_is_told_from_what_the_earlier_run_gave() -> None:
    taken = [StepFinished(at, 1.0, name, {}, 1.0, reused=True) for at, name in enumerate(("start", "asks"), 2)]
    trace = RunTrace().take_all([RAN[0], *taken])
    mark(trace, ["asks"])
    lines = {one["id"]: (one["reused"], one["given"]) for one in lines_of(trace)}
    assert (lines["start"], lines["asks"], lines["long"]) == ((True, False), (True, True), (False, False))


def test_the_list_says_that_a_run_waits_and_repeats_another() -> None:
    waits = RunRecord(id="r", workspace="w", flow="f", flow_name="F", source="preview", started=10.0, state="waiting",
                      parent="q")  # fmt: skip
    assert (line(waits)["state"], line(waits)["ms"], line(waits)["parent"]) == ("waiting", 0.0, "q")
    assert line(record("failed", 12.5, "each[2]/guard.catch/tell: It broke."))["error"] == "It broke."
