"""When a deployed flow starts by itself; pure."""

from collections.abc import Mapping
from itertools import islice
from typing import TypedDict

from runtime.graph.reading import Reading
from runtime.graph.schedule import Rule

SHOWN = 3  # ticks of each schedule


class TickLine(TypedDict):
    """One time at which a schedule comes. title: of its start. at: seconds since the epoch. zone: of its clock."""

    title: str
    at: float
    zone: str


def schedules(reading: Reading) -> dict[str, Rule]:
    """When a flow starts by itself, by the steps at which it does."""
    rules = ((name, step.node.schedule()) for name, step in reading.steps.items() if step.node is not None)
    return {name: rule for name, rule in rules if rule is not None}


def next_ticks(rules: Mapping[str, Rule], now: float) -> list[TickLine]:
    """The next times at which a flow starts by itself, schedule by schedule. rules: by title. now: since the epoch."""
    return [
        TickLine(title=title, at=at, zone=rule.zone)
        for title, rule in rules.items()
        for at in islice(rule.after(now), SHOWN)
    ]
