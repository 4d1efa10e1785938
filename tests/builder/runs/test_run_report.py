"""The page of a run: the steps in the order in which they ran, and the run as a whole."""

from builder.editor.view import FlowView, view
from builder.preview.overlay import RunTrace
from builder.runs.lines import LATER, SOON, every, line
from builder.runs.report import inspect_run, step_lines
from nodes.catalog import builtin
from runtime.graph.flowfile import read
from runtime.graph.reading import read_flow
from runtime.interpreter.events import (
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


def flow() -> FlowView:
    found, problems = read(FLOW)
    assert found is not None, problems
    return view(read_flow(found, builtin()), [])


def test_steps_stand_in_the_order_in_which_they_ran() -> None:
    lines = step_lines(flow(), RunTrace().take_all(RAN[:5]))
    assert [(one["id"], one["state"]) for one in lines[:2]] == [("start", "done"), ("asks", "done")]
    assert {one["id"]: one["state"] for one in lines[2:]} == {"short": "idle", "long": "idle"}
    assert lines[1]["title"] == "Is it long?"


def test_steps_that_are_called_alike_say_which_one_they_are() -> None:
    lines = {one["id"]: one for one in step_lines(flow(), RunTrace())}
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


def test_the_list_looks_sooner_while_something_runs() -> None:
    done, running = line(record("done", 12.5)), line(record("running", None))
    assert (done["ms"], running["ms"]) == (2500.0, 0.0)
    assert every([done]) == every([]) == LATER
    assert every([done, running]) == SOON
