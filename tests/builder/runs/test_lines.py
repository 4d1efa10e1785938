"""What the list says of runs that have not ended: where they run, what they wait for, in which queue."""

from typing import Any

from builder.runs.lines import line, machine
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.waits import Wait


def record(**said: Any) -> RunRecord:
    given = {"id": "r", "workspace": "w", "flow": "f", "flow_name": "F", "source": "schedule", "started": 10.0, **said}
    return RunRecord(**given)


def test_a_process_is_named_by_its_machine_and_number() -> None:
    assert machine("node-7:4711:a1b2c3") == "node-7 · 4711"
    assert (machine("elsewhere"), machine("")) == ("elsewhere", "")


def test_a_run_that_goes_on_says_where_and_since_when() -> None:
    running = line(record(state="running", worker="node-7:4711:a1b2c3", since=12.0))
    assert (running["worker"], running["since"], running["until"], running["asks"]) == ("node-7 · 4711", 12.0, 0.0, "")
    assert line(record(state="running"))["since"] == 10.0
    assert line(record(state="done", since=12.0, ended=13.0))["since"] == 0.0


def test_a_run_that_waits_says_for_what() -> None:
    asks = tuple(Wait(f"ask_{number}", 11.0, {"title": f"Question {number}"}) for number in range(3))
    waiting = line(record(state="waiting", waits=(Wait("later", 11.0, None, 99.0), *asks), wake=99.0))
    assert (waiting["asks"], waiting["more"], waiting["until"]) == ("Question 0", 2, 99.0)
    gone_on = line(record(state="running", waits=asks, wake=99.0))
    assert (gone_on["asks"], gone_on["more"], gone_on["until"]) == ("", 0, 0.0)


def test_a_queued_run_says_in_which_queue_until_when_and_why_nobody_takes_it() -> None:
    queued = line(record(state="queued", queue="slow", due=50.0, error="A newer Canevas began it: x"))
    assert (queued["queue"], queued["until"], queued["error"]) == ("slow", 50.0, "A newer Canevas began it: x")
    assert line(record(state="done", queue="slow", ended=11.0))["queue"] == ""
