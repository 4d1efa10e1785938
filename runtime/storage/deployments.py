"""What the outside may call: immutable versions, the slugs they stand under, and the keys that open them."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

from sqlalchemy import ColumnElement, Update, and_, delete, func, select, update
from sqlmodel import col

from runtime.errors import AuthorError, ConflictError, NotFoundError
from runtime.graph.flow import Flow
from runtime.graph.schedule import Rule
from runtime.storage.database import Database
from runtime.storage.documents import load_flow
from runtime.storage.ids import new_id
from runtime.storage.schedules import clear_schedules, set_schedules
from runtime.storage.scope import EVERYWHERE, Scope
from runtime.storage.tables import DeploymentRow, FlowRow, KeyRow, VersionRow
from runtime.storage.tokens import digest, new_token

KEY_MARK = "cnv_"
NO_SCHEDULES: Mapping[str, Rule] = MappingProxyType({})
_SHOWN = len(KEY_MARK) + 6
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9])?\Z")
_DAY = 24 * 3600.0
_MOST = 256  # versions kept at hand
_NEWEST = 20  # versions in a list


@dataclass(frozen=True, slots=True)
class Version:
    """A flow as it was published. number: from 1, within its flow."""

    number: int
    flow: Flow
    author: str
    created: float


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """A version as a list shows it. created: when it was published."""

    number: int
    created: float


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of a flow under a slug. paused: since when it is, else None."""

    slug: str
    flow_id: str
    version: int
    created: float
    paused: float | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be known of a key. prefix: its first characters. used: the last day of use, as the moment it began."""

    id: str
    slug: str
    name: str
    prefix: str
    created: float
    used: float | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a public call needs. keys: id of a key by its digest. paused: since when nothing starts, else None."""

    workspace: str
    slug: str
    flow_id: str
    version: int
    flow: Flow
    keys: Mapping[str, str]
    paused: float | None = None

    def key(self, plaintext: str) -> str | None:
        """The id of the key that a caller presents, for `note_use`; None when it does not open this deployment."""
        return self.keys.get(digest(plaintext))


class DeploymentStore:
    """Versions, deployments and keys of every workspace."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now
        self._flows: dict[tuple[str, str, int], Flow] = {}  # versions never change
        self._noted: dict[str, float] = {}

    async def publish(self, workspace: str, id: str, author: str) -> Version:
        """The draft as it stands, as a new version that never changes. Raises NotFoundError."""
        draft = select(col(FlowRow.document)).where(col(FlowRow.id) == id, col(FlowRow.deleted).is_(None))
        last = select(func.max(col(VersionRow.number))).where(col(VersionRow.flow) == id)
        async with self._database.writing(workspace) as scope:
            # Locked, so that two who publish at once get two numbers.
            found = await scope.first(draft.with_for_update())
            if found is None:
                raise NotFoundError("No such flow in this workspace", id, "Look at the list of flows.")
            highest = await scope.first(last)
            number = 1 + (highest[0] if highest and highest[0] else 0)
            row = {"flow": id, "number": number, "document": found.document, "author": author, "created": self._now()}
            await scope.add(VersionRow, row)
        return Version(number, await load_flow(found.document, id), author, row["created"])

    async def version(self, workspace: str, id: str, number: int) -> Version:
        """One version of a flow, deleted or not. Raises NotFoundError."""
        wanted = select(col(VersionRow.document), col(VersionRow.author), col(VersionRow.created)).where(
            col(VersionRow.flow) == id, col(VersionRow.number) == number
        )
        async with self._database.reading(workspace) as scope:
            found = await scope.first(wanted)
        if found is None:
            raise NotFoundError(f"The flow has no version {number}", id, "Look at the list of its versions.")
        flow = await load_flow(found.document, f"{id}, version {number}")
        return Version(number, flow, found.author, found.created)

    async def versions(self, workspace: str, flow_id: str) -> list[VersionEntry]:
        """The last twenty versions of a flow, deleted or not, the newest first."""
        wanted = select(col(VersionRow.number), col(VersionRow.created)).where(col(VersionRow.flow) == flow_id)
        newest = wanted.order_by(col(VersionRow.number).desc()).limit(_NEWEST)
        async with self._database.reading(workspace) as scope:
            return [VersionEntry(*found) for found in await scope.rows(newest)]

    async def deploy(
        self, workspace: str, flow_id: str, slug: str, version: int, schedules: Mapping[str, Rule] = NO_SCHEDULES
    ) -> Deployment:
        """Let a version answer under the slug, in place of the flow's version that did so before, in one moment.

        schedules: by the steps at which it starts by itself from then on, see `set_schedules`. What was paused stays
        so. Slugs are unique over all workspaces.
        Raises: ConflictError when another flow has the slug, AuthorError for a slug that cannot stand in an address,
        NotFoundError.
        """
        if not _SLUG.match(slug):
            raise AuthorError(
                f"{slug[:80]!r} cannot be an address", "slug", "Use up to 100 small letters, digits, - and _."
            )
        made = Deployment(slug, flow_id, version, self._now())
        try:
            async with self._database.writing(workspace) as scope:
                made = await _deploy(scope, made)
                await set_schedules(scope, flow_id, slug, version, schedules, made.created)
        except ConflictError:
            raise ConflictError(f"Another flow answers under `{slug}`", "slug", "Choose another slug.") from None
        return made

    async def undeploy(self, workspace: str, slug: str) -> None:
        """Let nothing answer under the slug; its keys open it again when the same flow comes back. NotFoundError."""
        async with self._database.writing(workspace) as scope:
            if await scope.change(_ended(slug, self._now())) == 0:
                raise _not_deployed(slug)
            await clear_schedules(scope, slug)

    async def pause(self, workspace: str, slug: str) -> None:
        """Let what stands under the slug start nothing until `resume`. Raises NotFoundError."""
        since = func.coalesce(col(DeploymentRow.paused), self._now())
        await self._set_paused(workspace, slug, since)

    async def resume(self, workspace: str, slug: str) -> None:
        """Let what stands under the slug go on; its schedules make up for what they missed. Raises NotFoundError."""
        await self._set_paused(workspace, slug, None)

    async def _set_paused(self, workspace: str, slug: str, paused: ColumnElement[float] | None) -> None:
        change = update(DeploymentRow).where(col(DeploymentRow.slug) == slug, _STANDING).values(paused=paused)
        async with self._database.writing(workspace) as scope:
            if await scope.change(change) == 0:
                raise _not_deployed(slug)

    async def deployments(self, workspace: str, flow_id: str) -> list[Deployment]:
        """Where a flow stands now, the newest first."""
        wanted = (
            select(*(col(c) for c in (DeploymentRow.slug, DeploymentRow.flow, DeploymentRow.version)))
            .add_columns(col(DeploymentRow.created), col(DeploymentRow.paused))
            .where(col(DeploymentRow.flow) == flow_id, _STANDING)
            .order_by(col(DeploymentRow.created).desc())
        )
        async with self._database.reading(workspace) as scope:
            return [Deployment(*found) for found in await scope.rows(wanted)]

    async def deployment(self, slug: str) -> Deployed | None:
        """What answers under the slug, in whatever workspace, as it is now; None when nothing does, nor can."""
        if not _SLUG.match(slug):
            return None
        async with self._database.reading(EVERYWHERE) as scope:
            found = await scope.rows(_DEPLOYED.where(col(DeploymentRow.slug) == slug))
        if not found:
            return None
        workspace, flow_id, version = found[0][:3]
        keys = {row.digest: row.id for row in found if row.id is not None}
        flow = await self.flow(workspace, flow_id, version)
        return Deployed(workspace, slug, flow_id, version, flow, keys, found[0].paused)

    async def flow(self, *place: *tuple[str, str, int]) -> Flow:
        """The flow of a version, by workspace, id and number; the same object while it is at hand. NotFoundError."""
        flow = self._flows.get(place)
        if flow is None:
            flow = (await self.version(*place)).flow
            if len(self._flows) >= _MOST:
                self._flows.clear()
            self._flows[place] = flow
        return flow

    async def create_key(self, workspace: str, slug: str, name: str) -> tuple[ApiKey, str]:
        """A new key for what stands under the slug, and its text, which is told this once. Raises NotFoundError."""
        plaintext = new_token(KEY_MARK)
        key = ApiKey(new_id(), slug, name[:200], plaintext[:_SHOWN], self._now())
        wanted = select(col(DeploymentRow.flow)).where(col(DeploymentRow.slug) == slug, _STANDING)
        async with self._database.writing(workspace) as scope:
            found = await scope.first(wanted)
            if found is None:
                raise _not_deployed(slug)
            await scope.add(KeyRow, {**asdict(key), "flow": found.flow, "digest": digest(plaintext)})
        return key, plaintext

    async def keys(self, workspace: str, slug: str) -> list[ApiKey]:
        """The keys that open what stands under the slug, the oldest first."""
        wanted = (
            select(*(col(c) for c in (KeyRow.id, KeyRow.slug, KeyRow.name)))
            .add_columns(*(col(c) for c in (KeyRow.prefix, KeyRow.created, KeyRow.used)))
            .join(DeploymentRow, and_(_OPENS, _STANDING))
            .where(col(KeyRow.slug) == slug)
            .order_by(col(KeyRow.created), col(KeyRow.id))
        )
        async with self._database.reading(workspace) as scope:
            return [ApiKey(*found) for found in await scope.rows(wanted)]

    async def revoke(self, workspace: str, key: str) -> None:
        """Let a key open nothing any more, from the next call on. Raises NotFoundError."""
        async with self._database.writing(workspace) as scope:
            if await scope.change(delete(KeyRow).where(col(KeyRow.id) == key)) == 0:
                raise NotFoundError("No such key in this workspace", key, "Look at the list of keys.")

    async def note_use(self, workspace: str, key: str) -> None:
        """A key was used today; writes at most once a day and costs nothing after that."""
        day = self._now() // _DAY * _DAY
        if self._noted.get(key) == day:
            return
        self._noted[key] = day
        change = update(KeyRow).where(col(KeyRow.id) == key).values(used=day)
        async with self._database.writing(workspace) as scope:
            await scope.change(change)


_STANDING = col(DeploymentRow.ended).is_(None)
_OPENS = and_(
    col(KeyRow.workspace) == col(DeploymentRow.workspace),
    col(KeyRow.slug) == col(DeploymentRow.slug),
    # A key was given for a flow: another one that takes the slug later does not inherit it.
    col(KeyRow.flow) == col(DeploymentRow.flow),
)
_DEPLOYED = (
    select(*(col(c) for c in (DeploymentRow.workspace, DeploymentRow.flow, DeploymentRow.version)))
    .add_columns(col(DeploymentRow.paused), col(KeyRow.id), col(KeyRow.digest))
    .outerjoin(KeyRow, _OPENS)
    .where(_STANDING)
)


async def _deploy(scope: Scope, made: Deployment) -> Deployment:
    # Locked, so that two who deploy the same flow at once take turns.
    standing = select(col(FlowRow.id)).where(col(FlowRow.id) == made.flow_id, col(FlowRow.deleted).is_(None))
    version = select(col(VersionRow.number)).where(
        col(VersionRow.flow) == made.flow_id, col(VersionRow.number) == made.version
    )
    if await scope.first(standing.with_for_update()) is None or await scope.first(version) is None:
        raise NotFoundError(f"The flow has no version {made.version}", made.flow_id, "Publish it, then deploy that.")
    earlier = _ended(made.slug, made.created).where(col(DeploymentRow.flow) == made.flow_id)
    for found in await scope.rows(earlier.returning(col(DeploymentRow.paused))):
        made = replace(made, paused=found.paused)
    row = {"id": new_id(), "slug": made.slug, "flow": made.flow_id, "version": made.version, "created": made.created}
    await scope.add(DeploymentRow, {**row, "paused": made.paused})
    return made


def _ended(slug: str, now: float) -> Update:
    return update(DeploymentRow).where(col(DeploymentRow.slug) == slug, _STANDING).values(ended=now)


def _not_deployed(slug: str) -> NotFoundError:
    return NotFoundError("Nothing is deployed under this name", slug, "Check the address, or deploy a flow there.")
