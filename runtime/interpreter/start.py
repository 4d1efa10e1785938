"""What a run is started with."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import CallerError
from runtime.graph.flow import Priority
from runtime.graph.plan import Plan
from runtime.graph.values import NotJson, plain, take_object
from runtime.interpreter.events import Durable
from runtime.interpreter.journal import Durability, RunRecord, Source

_STEP_BY_STEP: frozenset[Source] = frozenset({"webhook", "schedule"})
_PRIORITIES: dict[Priority, int] = {"lowest": -2, "low": -1, "normal": 0, "high": 1, "highest": 2}


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. version: 0 for a draft, whose document is then kept with the run.

    pins: the versions of other flows that it runs. parent: the run that it repeats. past: the events that it takes
    over from there (see `replay`); without them it begins anew. durability, priority: instead of what the flow says.
    id: of the run, else a new one. slug: the deployment by which it comes. key: of its caller's, for one run. due: not
    before, in seconds since the epoch.
    """

    plan: Plan
    given: dict[str, Any]
    workspace: str
    flow: str
    source: Source
    version: int = 0
    trigger: str = ""
    document: str = ""
    pins: Mapping[str, int] = field(default_factory=dict)
    parent: str = ""
    past: Sequence[Durable] = ()
    durability: Durability | None = None
    id: str = ""
    slug: str = ""
    key: str = ""
    due: float | None = None
    priority: int | None = None


def input_of(given: dict[str, Any] | None) -> dict[str, Any]:
    """The input of a run, copied. Raises: CallerError when it is no JSON object."""
    try:
        made: dict[str, Any] = take_object(plain({} if given is None else given))
    except NotJson as error:
        raise CallerError(f"The input of a run is a JSON object; {error}", mend="Send plain JSON.") from None
    return made


def new_run_id() -> str:
    """A run's id: the milliseconds since the epoch, then chance; ids sort by age, and open nothing by themselves."""
    return f"{int(time.time() * 1000):011x}{random.getrandbits(48):012x}"


def durability_of(plan: Plan, source: Source) -> Durability:
    """How a run is kept: as its flow says, else step by step when nobody waits for it, or it may wait for long."""
    if source == "cli":
        return "result"  # nothing outlives the process
    said = plan.flow.running.durability
    return said or ("step" if plan.pauses or source in _STEP_BY_STEP else "result")


def record_of(start: Start, now: float, providers: tuple[str, ...] = ()) -> RunRecord:
    """The record of a run as it starts. providers: of the models that it uses."""
    running = start.plan.flow.running
    return RunRecord(
        id=start.id or new_run_id(),
        workspace=start.workspace,
        flow=start.flow,
        flow_name=start.plan.flow.name,
        source=start.source,
        started=now,
        version=start.version,
        document=start.document,
        parent=start.parent,
        durability=start.durability or durability_of(start.plan, start.source),
        slug=start.slug,
        queue=running.queue,
        priority=_PRIORITIES[running.priority] if start.priority is None else start.priority,
        labels=running.labels,
        providers=providers,
        due=start.due,
    )
