"""Schedules in the database: when deployed flows start by themselves, and the runs that are queued then."""

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import and_, delete, func, select, tuple_, update
from sqlmodel import col

from runtime.errors import CanevasError
from runtime.graph.schedule import MOST, Rule, due
from runtime.interpreter.events import RunStarted
from runtime.interpreter.journal import RunRecord
from runtime.storage.changes import Place, write
from runtime.storage.database import Database
from runtime.storage.journal import change_of, row_of
from runtime.storage.scope import EVERYWHERE, Found, Query, Scope
from runtime.storage.tables import DeploymentRow, RunRow, ScheduleRow

log = logging.getLogger(__name__)

_AT_ONCE = 50  # schedules in one transaction


@dataclass(frozen=True, slots=True)
class Schedule:
    """A start of a deployed flow. next: the tick to come, None when none does; last: the one that ran last.

    paused: since when its deployment is; what comes meanwhile is missed.
    """

    workspace: str
    flow: str
    step: str
    slug: str
    version: int
    rule: Rule
    next: float | None
    last: float | None
    paused: float | None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from all others."""
        return self.workspace, self.flow, self.step


@dataclass(frozen=True, slots=True)
class Tick:
    """One time at which a schedule starts a run."""

    schedule: Schedule
    at: float

    @property
    def run(self) -> str:
        """The id of its run, the same for whoever asks; it sorts by age among those of `new_run_id`."""
        which = json.dumps([*self.schedule.key, self.at]).encode()
        return f"{int(self.at * 1000):011x}{blake2b(which, digest_size=8).hexdigest()}"

    @property
    def given(self) -> dict[str, Any]:
        """What the run is started with."""
        return {"at": self.schedule.rule.written(self.at)}


Make = Callable[[Tick], Awaitable[tuple[RunRecord, RunStarted]]]
"""The run of a tick, queued under the tick's id, and its first event.

It is awaited while the database is held for writing: it may read there, and must not write.
"""


class ScheduleStore:
    """The schedules of every workspace; a deployment sets and clears them."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    async def schedules(self, workspace: str) -> list[Schedule]:
        """Those of what is deployed, the next to come first."""
        async with self._database.reading(workspace) as scope:
            found = await scope.rows(_SCHEDULES.order_by(col(ScheduleRow.next), col(ScheduleRow.step)))
        return [_schedule(row) for row in found]

    async def next(self) -> float | None:
        """When the next one of all workspaces comes, also when that is past; None: no schedule waits for a time."""
        async with self._database.reading(EVERYWHERE) as scope:
            found = await scope.first(_NEXT)
        return None if found is None else found[0]

    async def fire(self, make: Make) -> list[RunRecord]:
        """Queue the runs that are due, and give their records: each tick once, however many processes do this at once.

        A run, its first event and the schedule's next tick are one transaction. A schedule whose run cannot be made
        stays due, is logged, and keeps no other from firing. Raises OperatorError when the database fails.
        """
        now, queued = self._now(), list[RunRecord]()
        failed: list[tuple[str, str, str]] = []
        while True:
            async with self._database.writing(EVERYWHERE) as scope:
                fired = await _fire(scope, make, now, failed)
            if fired is None:
                return queued
            queued += fired


async def set_schedules(
    scope: Scope, flow: str, slug: str, version: int, rules: Mapping[str, Rule], now: float
) -> None:
    """Let a deployment that is made in this transaction start at these steps by itself, and at no others.

    A rule whose times stay as they were goes on where it stood, with what it has missed; one whose times have changed
    begins anew. A flow's step has one schedule, which the address has that it was deployed to last.
    """
    this = col(ScheduleRow.flow) == flow
    columns = col(ScheduleRow.step), col(ScheduleRow.rule), col(ScheduleRow.next), col(ScheduleRow.last)
    found = {row.step: row for row in await scope.rows(select(*columns).where(this).with_for_update())}
    await scope.change(
        delete(ScheduleRow).where(this, col(ScheduleRow.slug) == slug, col(ScheduleRow.step).not_in(list(rules)))
    )
    for step, rule in rules.items():
        row = {"flow": flow, "step": step, "slug": slug, "version": version, "rule": msgspec.to_builtins(rule)}
        known = found.get(step)
        if known is not None and _times(msgspec.convert(known.rule, Rule)) == _times(rule):
            row |= {"next": known.next, "last": known.last}
        else:
            last = known.last if known is not None else None
            row |= {"next": rule.next(max(now, last or now)), "last": last}
        await scope.put(ScheduleRow, row)


async def clear_schedules(scope: Scope, slug: str) -> None:
    """Let what stood under a slug start no more by itself."""
    await scope.change(delete(ScheduleRow).where(col(ScheduleRow.slug) == slug))


_KEY = col(ScheduleRow.workspace), col(ScheduleRow.flow), col(ScheduleRow.step)
_STANDING = and_(
    col(DeploymentRow.workspace) == col(ScheduleRow.workspace),
    col(DeploymentRow.flow) == col(ScheduleRow.flow),
    col(DeploymentRow.slug) == col(ScheduleRow.slug),
    col(DeploymentRow.ended).is_(None),
)
_FIRES = and_(_STANDING, col(DeploymentRow.paused).is_(None))
_SCHEDULES: Query = (
    select(*_KEY)
    .add_columns(*(col(c) for c in (ScheduleRow.slug, ScheduleRow.version, ScheduleRow.rule)))
    .add_columns(*(col(c) for c in (ScheduleRow.next, ScheduleRow.last)), col(DeploymentRow.paused))
    .join(DeploymentRow, _STANDING)
)
_NEXT = select(func.min(col(ScheduleRow.next))).join(DeploymentRow, _FIRES)


async def _fire(scope: Scope, make: Make, now: float, failed: list[tuple[str, str, str]]) -> list[RunRecord] | None:
    """Some of the due schedules; None when there are no others. failed: is added to, and left alone."""
    wanted = _SCHEDULES.where(col(ScheduleRow.next) <= now, col(DeploymentRow.paused).is_(None))
    if failed:
        wanted = wanted.where(tuple_(*_KEY).not_in(failed))
    # One that another process holds is being fired there.
    held = wanted.order_by(col(ScheduleRow.next)).limit(_AT_ONCE).with_for_update(skip_locked=True, of=ScheduleRow)
    if not (found := await scope.rows(held)):
        return None
    made: dict[Place, tuple[RunRecord, RunStarted]] = {}
    for schedule in map(_schedule, found):
        if len(made) >= MOST:
            break  # the others stay due, for the next transaction
        assert schedule.next is not None
        ticks, following = due(schedule.rule, schedule.next, now)
        try:
            runs = [await make(Tick(schedule, tick)) for tick in ticks]
        except CanevasError as error:
            failed.append(schedule.key)
            log.error("the schedule `%s` of `%s` cannot start a run: %s", schedule.step, schedule.slug, error)
            continue
        made |= {(record.workspace, record.id): (record, first) for record, first in runs}
        last = ticks[-1] if ticks else schedule.last
        this = tuple_(*_KEY) == schedule.key
        await scope.change(update(ScheduleRow).where(this).values(next=following, last=last))
    return await _queue(scope, made)


async def _queue(scope: Scope, made: Mapping[Place, tuple[RunRecord, RunStarted]]) -> list[RunRecord]:
    """Write the runs that are not there yet: a schedule that was taken down may come back to a tick that ran."""
    if not made:
        return []
    place = col(RunRow.workspace), col(RunRow.id)
    found = await scope.rows(select(*place).where(tuple_(*place).in_(list(made))))
    there = {tuple(row) for row in found}
    fresh = [one for key, one in made.items() if key not in there]
    refused = await write(scope, [change_of((run.workspace, run.id), [first], row_of(run)) for run, first in fresh])
    for error in refused.values():
        raise error
    return [record for record, _ in fresh]


def _times(rule: Rule) -> Rule:
    return msgspec.structs.replace(rule, missed="latest")


def _schedule(found: Found) -> Schedule:
    return Schedule(**{**found._mapping, "rule": msgspec.convert(found.rule, Rule)})
