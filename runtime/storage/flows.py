"""The flows people draw: list, load, save without overwriting anybody, delete and bring back."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from runtime.errors import ConflictError, NotFoundError
from runtime.graph.flow import Flow
from runtime.interpreter.events import RunState
from runtime.storage.database import Database
from runtime.storage.documents import load_flow, to_text
from runtime.storage.ids import new_id
from runtime.storage.scope import EVERYWHERE, Query, Scope
from runtime.storage.tables import DeploymentRow, FlowRow, RunRow, UseRow, ValueRow

KEPT_DELETED = 30 * 24 * 3600.0  # seconds that a deleted flow can be brought back


@dataclass(frozen=True, slots=True)
class FlowEntry:
    """One line of the list of flows. created, updated, last_run_at: seconds since the epoch.

    slug, version: where the flow is deployed (the newest, if at several places), None when nowhere.
    """

    id: str
    name: str
    description: str
    revision: int
    steps: int
    created: float
    updated: float
    slug: str | None = None
    version: int | None = None
    last_run: RunState | None = None
    last_run_at: float | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A flow as it stands. revision: rises by one with every save; updated: seconds since the epoch."""

    flow: Flow
    revision: int
    updated: float


class FlowStore:
    """The drafts of every workspace."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    async def entries(self, workspace: str) -> list[FlowEntry]:
        """All flows, the last touched first."""
        async with self._database.reading(workspace) as scope:
            return [FlowEntry(*found) for found in await scope.rows(_ENTRIES)]

    async def create(self, workspace: str, flow: Flow, author: str) -> FlowEntry:
        """Keep a new flow. author: id of the person."""
        id, now = new_id(), self._now()
        row = {"id": id, **_derived(flow), "revision": 1, "author": author, "created": now, "updated": now}
        async with self._database.writing(workspace) as scope:
            await scope.add(FlowRow, row)
        return FlowEntry(id, flow.name, flow.description, 1, len(flow.steps), now, now)

    async def load(self, workspace: str, id: str) -> Stored:
        """The flow as it was last saved. Raises NotFoundError."""
        wanted = select(col(FlowRow.document), col(FlowRow.revision), col(FlowRow.updated)).where(*_standing(id))
        async with self._database.reading(workspace) as scope:
            found = await scope.first(wanted)
        if found is None:
            raise _unknown(id)
        return Stored(await load_flow(found.document, id), found.revision, found.updated)

    async def save(self, workspace: str, id: str, flow: Flow, base: int, batch: str = "") -> int:
        """Keep an edited flow and give its new revision; what was acknowledged survives kill -9.

        base: the revision that the edits were made on. batch: an id of the edits, for `last_batch`.
        Raises: ConflictError when somebody saved meanwhile, NotFoundError.
        """
        values = {**_derived(flow), "revision": base + 1, "updated": self._now(), "batch": batch}
        change = update(FlowRow).where(*_standing(id), col(FlowRow.revision) == base).values(values)
        async with self._database.writing(workspace) as scope:
            if await scope.change(change) == 0:
                await _explain(scope, id, base)
        return base + 1

    async def last_batch(self, workspace: str, id: str) -> str:
        """The batch of the last save, empty when that had none. Raises NotFoundError."""
        async with self._database.reading(workspace) as scope:
            found = await scope.first(select(col(FlowRow.batch)).where(*_standing(id)))
        if found is None:
            raise _unknown(id)
        return str(found.batch)

    async def delete(self, workspace: str, id: str) -> None:
        """Take the flow off the list and its deployments down; it can be restored for thirty days. NotFoundError."""
        now = self._now()
        gone = update(FlowRow).where(*_standing(id)).values(deleted=now)
        down = update(DeploymentRow).where(col(DeploymentRow.flow) == id, col(DeploymentRow.ended).is_(None))
        async with self._database.writing(workspace) as scope:
            if await scope.change(gone) == 0:
                raise _unknown(id)
            await scope.change(down.values(ended=now))

    async def restore(self, workspace: str, id: str) -> None:
        """Undo a deletion; its deployments stand again unless somebody has taken their slug. NotFoundError."""
        try:
            await self._restore(workspace, id, deployments=True)
        except ConflictError:
            await self._restore(workspace, id, deployments=False)

    async def _restore(self, workspace: str, id: str, *, deployments: bool) -> None:
        deleted = select(col(FlowRow.deleted)).where(col(FlowRow.id) == id, col(FlowRow.deleted).is_not(None))
        async with self._database.writing(workspace) as scope:
            found = await scope.first(deleted.with_for_update())
            if found is None:
                raise _unknown(id)
            await scope.change(update(FlowRow).where(col(FlowRow.id) == id).values(deleted=None))
            if deployments:
                # Those that the deletion took down, and no earlier ones.
                down = col(DeploymentRow.flow) == id, col(DeploymentRow.ended) == found.deleted
                await scope.change(update(DeploymentRow).where(*down).values(ended=None))

    async def duplicate(self, workspace: str, id: str, name: str, author: str) -> FlowEntry:
        """A copy under another name, which deploys nothing. Raises NotFoundError."""
        stored = await self.load(workspace, id)
        return await self.create(workspace, stored.flow.model_copy(update={"name": name[:200]}), author)

    async def purge(self) -> int:
        """Remove for good, with versions, keys and runs, what was deleted more than thirty days ago: how many.

        A large value goes with the last run that refers to it.
        """
        old = col(FlowRow.deleted) < self._now() - KEPT_DELETED
        async with self._database.writing(EVERYWHERE) as scope:
            await scope.wait_alone()  # for runs that are being written and rely on a value that is there
            gone = await scope.rows(delete(FlowRow).where(old).returning(col(FlowRow.workspace), col(FlowRow.id)))
            for workspace, flow in gone:
                await scope.change(delete(RunRow).where(col(RunRow.workspace) == workspace, col(RunRow.flow) == flow))
            if gone:
                await scope.change(delete(ValueRow).where(~_USED))
        return len(gone)


def _derived(flow: Flow) -> dict[str, str | int]:
    """The columns that say again what the document says, so that lists need not read documents."""
    return {
        "name": flow.name,
        "description": flow.description,
        "steps": len(flow.steps),
        "document": to_text(flow),
    }


def _standing(id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(FlowRow.id) == id, col(FlowRow.deleted).is_(None)


async def _explain(scope: Scope, id: str, base: int) -> None:
    found = await scope.first(select(col(FlowRow.revision)).where(*_standing(id)))
    if found is None:
        raise _unknown(id)
    raise ConflictError(
        f"Somebody saved this flow meanwhile (revision {found.revision}, yours began at {base})",
        id,
        "Load the newer one, or keep yours as a copy.",
    )


def _unknown(id: str) -> NotFoundError:
    return NotFoundError("No such flow in this workspace", id, "Look at the list of flows; it may have been deleted.")


def _entries() -> Query:
    """The list in one query: for each flow the newest of its standing deployments and of its runs."""
    deployed, ran = aliased(DeploymentRow), aliased(RunRow)
    newest_deployment = (
        select(col(DeploymentRow.id))
        .where(
            col(DeploymentRow.workspace) == col(FlowRow.workspace),
            col(DeploymentRow.flow) == col(FlowRow.id),
            col(DeploymentRow.ended).is_(None),
        )
        .order_by(col(DeploymentRow.created).desc(), col(DeploymentRow.id).desc())
    )
    newest_run = (
        select(col(RunRow.id))
        .where(col(RunRow.workspace) == col(FlowRow.workspace), col(RunRow.flow) == col(FlowRow.id))
        .order_by(col(RunRow.started).desc())
    )
    return (
        select(
            *(col(c) for c in (FlowRow.id, FlowRow.name, FlowRow.description, FlowRow.revision, FlowRow.steps)),
            *(col(c) for c in (FlowRow.created, FlowRow.updated, deployed.slug, deployed.version)),
            *(col(c) for c in (ran.state, ran.started)),
        )
        .select_from(FlowRow)
        .outerjoin(deployed, _is_newest(deployed, newest_deployment))
        .outerjoin(ran, _is_newest(ran, newest_run))
        .where(col(FlowRow.deleted).is_(None))
        .order_by(col(FlowRow.updated).desc(), col(FlowRow.id))
    )


def _is_newest(joined: Any, newest: Query) -> ColumnElement[bool]:
    chosen = newest.limit(1).correlate(FlowRow).scalar_subquery()
    return and_(joined.workspace == col(FlowRow.workspace), joined.id == chosen)


_ENTRIES = _entries()
_USED = exists().where(col(UseRow.workspace) == col(ValueRow.workspace), col(UseRow.digest) == col(ValueRow.digest))
