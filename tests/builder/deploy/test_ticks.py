"""When a deployed flow starts by itself, as the dialog tells it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from builder.deploy.ticks import next_ticks, schedules
from nodes.catalog import builtin
from runtime.graph.flowfile import read
from runtime.graph.reading import read_flow

FLOW = """
canevas: 1
steps:
  start: {kind: api_start, version: 1}
  nightly: {kind: schedule_start, version: 1, title: Each night, config: {time: "02:30", zone: Europe/Paris}}
"""


def test_the_next_ticks_on_the_clock_of_the_schedule() -> None:
    flow, problems = read(FLOW)
    assert flow is not None, problems
    rules = schedules(read_flow(flow, builtin()))
    assert list(rules) == ["nightly"]
    now = datetime(2026, 3, 27, 12, tzinfo=ZoneInfo("Europe/Paris")).timestamp()
    ticks = next_ticks({"Each night": rules["nightly"]}, now)
    assert {(tick["title"], tick["zone"]) for tick in ticks} == {("Each night", "Europe/Paris")}
    shown = [datetime.fromtimestamp(tick["at"], ZoneInfo(tick["zone"])).strftime("%d %H:%M") for tick in ticks]
    assert shown == ["28 02:30", "29 03:00", "30 02:30"]  # on the 29th the clock jumps over 02:30
