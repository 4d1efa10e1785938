"""The tables: every row belongs to a workspace, and no row leaves runtime/storage."""

from typing import ClassVar

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, MetaData, Text, text
from sqlalchemy.types import Double
from sqlmodel import Field, SQLModel

from runtime.storage.columns import AnyText, Json

# Names that a later migration can rely on, on every database.
_NAMES = {"fk": "fk_%(table_name)s_%(referred_table_name)s", "pk": "pk_%(table_name)s"}


class Row(SQLModel):
    """What every table has. Moments are seconds since the epoch."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=_NAMES)

    workspace: str = Field(primary_key=True, sa_type=AnyText)


class FlowRow(Row, table=True):
    """A flow as it stands in the editor; name, description and steps derive from the document on save.

    batch: the id of the edits that its last save applied, empty when it was no such save.
    """

    __tablename__ = "flows"
    __table_args__ = (Index("ix_flows_updated", "workspace", "updated"),)

    id: str = Field(primary_key=True, sa_type=AnyText)
    name: str = Field(sa_type=AnyText)
    description: str = Field(sa_type=AnyText)
    steps: int
    document: str = Field(sa_type=Text)
    revision: int
    author: str = Field(sa_type=AnyText)
    created: float = Field(sa_type=Double)
    updated: float = Field(sa_type=Double)
    deleted: float | None = Field(default=None, sa_type=Double)
    batch: str = Field(default="", sa_type=AnyText, sa_column_kwargs={"server_default": text("''")})


def _of_flow() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace", "flow"], ["flows.workspace", "flows.id"], ondelete="CASCADE")


class VersionRow(Row, table=True):
    """A flow as it was published; never changes."""

    __tablename__ = "versions"
    __table_args__ = (_of_flow(),)

    flow: str = Field(primary_key=True, sa_type=AnyText)
    number: int = Field(primary_key=True)
    document: str = Field(sa_type=Text)
    author: str = Field(sa_type=AnyText)
    created: float = Field(sa_type=Double)


class DeploymentRow(Row, table=True):
    """A version that stands, or stood until `ended`, under a slug. paused: since when its runs wait, else null."""

    __tablename__ = "deployments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace", "flow", "version"],
            ["versions.workspace", "versions.flow", "versions.number"],
            ondelete="CASCADE",
        ),
        # One flow at a time answers under a slug, over all workspaces, whoever comes at the same moment.
        Index(
            "uq_deployments_slug",
            "slug",
            unique=True,
            sqlite_where=text("ended IS NULL"),
            postgresql_where=text("ended IS NULL"),
        ),
        Index("ix_deployments_flow", "workspace", "flow"),
    )

    id: str = Field(primary_key=True, sa_type=AnyText)
    slug: str = Field(sa_type=AnyText)
    flow: str = Field(sa_type=AnyText)
    version: int
    created: float = Field(sa_type=Double)
    ended: float | None = Field(default=None, sa_type=Double)
    paused: float | None = Field(default=None, sa_type=Double)


class KeyRow(Row, table=True):
    """A key that opens one flow under one slug. used: the start of the last day (UTC) it was used."""

    __tablename__ = "api_keys"
    __table_args__ = (_of_flow(), Index("ix_api_keys_slug", "slug"))

    id: str = Field(primary_key=True, sa_type=AnyText)
    slug: str = Field(sa_type=AnyText)
    flow: str = Field(sa_type=AnyText)
    name: str = Field(sa_type=AnyText)
    prefix: str = Field(sa_type=AnyText)
    digest: str = Field(sa_type=AnyText)
    created: float = Field(sa_type=Double)
    used: float | None = Field(default=None, sa_type=Double)


class RunRow(Row, table=True):
    """One line of the list of runs. flow: may be none that is stored, such as a file on the command line."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_started", "workspace", "started"),
        Index("ix_runs_flow_started", "workspace", "flow", "started"),
        Index("ix_runs_state", "workspace", "state", "started"),
        Index(
            "ix_runs_running",
            "started",
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index(
            "ix_runs_wake",
            "wake",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_runs_queued",
            "due",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
    )

    id: str = Field(primary_key=True, sa_type=AnyText)
    flow: str = Field(sa_type=AnyText)
    flow_name: str = Field(sa_type=AnyText)
    source: str = Field(sa_type=Text)
    started: float = Field(sa_type=Double)
    version: int
    state: str = Field(sa_type=Text)
    ended: float | None = Field(default=None, sa_type=Double)
    steps: int
    error: str = Field(sa_type=AnyText)
    document: str = Field(sa_type=AnyText)
    parent: str = Field(sa_type=AnyText, sa_column_kwargs={"server_default": text("''")})
    waits: object = Field(sa_type=Json, sa_column_kwargs={"server_default": text("'[]'")})
    wake: float | None = Field(default=None, sa_type=Double)
    durability: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'result'")})
    slug: str = Field(sa_type=AnyText, sa_column_kwargs={"server_default": text("''")})
    queue: str = Field(sa_type=AnyText, sa_column_kwargs={"server_default": text("''")})
    priority: int = Field(sa_column_kwargs={"server_default": text("0")})
    labels: object = Field(sa_type=Json, sa_column_kwargs={"server_default": text("'[]'")})
    providers: object = Field(sa_type=Json, sa_column_kwargs={"server_default": text("'[]'")})
    due: float | None = Field(default=None, sa_type=Double)
    since: float | None = Field(default=None, sa_type=Double)
    worker: str = Field(sa_type=AnyText, sa_column_kwargs={"server_default": text("''")})


class SignalRow(Row, table=True):
    """What somebody wants of a run that another process drives, until that one has read it.

    name: `cancel`, or the path of the step that is answered and when it asked. One that is read goes in the
    transaction that writes what came of it.
    """

    __tablename__ = "signals"
    __table_args__ = (ForeignKeyConstraint(["workspace", "run"], ["runs.workspace", "runs.id"], ondelete="CASCADE"),)

    run: str = Field(primary_key=True, sa_type=AnyText)
    name: str = Field(primary_key=True, sa_type=AnyText)
    value: object = Field(sa_type=Json)
    by: str = Field(sa_type=AnyText)
    at: float = Field(sa_type=Double)


class RunKeyRow(Row, table=True):
    """The run that was started with a key of its caller's; who comes with the same key gets that one. at: when."""

    __tablename__ = "run_keys"
    __table_args__ = (Index("ix_run_keys_at", "at"),)

    flow: str = Field(primary_key=True, sa_type=AnyText)
    key: str = Field(primary_key=True, sa_type=AnyText)
    run: str = Field(sa_type=AnyText)
    at: float = Field(sa_type=Double)


class ScheduleRow(Row, table=True):
    """When a start of a deployed flow comes next. rule: its settings; next: null once it comes no more."""

    __tablename__ = "schedules"
    __table_args__ = (_of_flow(), Index("ix_schedules_next", "next"))

    flow: str = Field(primary_key=True, sa_type=AnyText)
    step: str = Field(primary_key=True, sa_type=AnyText)
    slug: str = Field(sa_type=AnyText)
    version: int
    rule: object = Field(sa_type=Json)
    next: float | None = Field(default=None, sa_type=Double)
    last: float | None = Field(default=None, sa_type=Double)


class EntryRow(Row, table=True):
    """Consecutive events of a run, `first` to `last`, as one JSON list."""

    __tablename__ = "entries"
    __table_args__ = (ForeignKeyConstraint(["workspace", "run"], ["runs.workspace", "runs.id"], ondelete="CASCADE"),)

    run: str = Field(primary_key=True, sa_type=AnyText)
    first: int = Field(primary_key=True)
    last: int
    body: bytes = Field(sa_type=LargeBinary)


class ValueRow(Row, table=True):
    """A large value of a workspace's runs as JSON, by its SHA-256; kept once, however many runs refer to it."""

    __tablename__ = "kept_values"

    digest: str = Field(primary_key=True, sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)


class UseRow(Row, table=True):
    """An entry of this run refers to this value; a value that no run refers to goes with the last that did."""

    __tablename__ = "kept_uses"
    __table_args__ = (
        ForeignKeyConstraint(["workspace", "run"], ["runs.workspace", "runs.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["workspace", "digest"], ["kept_values.workspace", "kept_values.digest"]),
        Index("ix_kept_uses_digest", "workspace", "digest"),
    )

    run: str = Field(primary_key=True, sa_type=AnyText)
    digest: str = Field(primary_key=True, sa_type=Text)


class SecretRow(Row, table=True):
    """A secret, sealed with the master key that lives outside the database."""

    __tablename__ = "secrets"

    name: str = Field(primary_key=True, sa_type=AnyText)
    sealed: bytes = Field(sa_type=LargeBinary)
    created: float = Field(sa_type=Double)
    updated: float = Field(sa_type=Double)


class PersonRow(Row, table=True):
    """Somebody who may sign in."""

    __tablename__ = "people"

    id: str = Field(primary_key=True, sa_type=AnyText)
    name: str = Field(sa_type=AnyText)
    created: float = Field(sa_type=Double)


def _of_person() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace", "person"], ["people.workspace", "people.id"], ondelete="CASCADE")


class LinkRow(Row, table=True):
    """A one-time link that signs somebody in, by the hash of its token."""

    __tablename__ = "links"
    __table_args__ = (_of_person(), Index("ix_links_digest", "digest", unique=True))

    digest: str = Field(primary_key=True, sa_type=Text)
    person: str = Field(sa_type=AnyText)
    expires: float = Field(sa_type=Double)


class SessionRow(Row, table=True):
    """Somebody who is signed in, by the hash of the session's token."""

    __tablename__ = "sessions"
    __table_args__ = (_of_person(), Index("ix_sessions_digest", "digest", unique=True))

    digest: str = Field(primary_key=True, sa_type=Text)
    person: str = Field(sa_type=AnyText)
    created: float = Field(sa_type=Double)
    expires: float = Field(sa_type=Double)


class PreferenceRow(Row, table=True):
    """What one person chose: theme, language and the like."""

    __tablename__ = "preferences"
    __table_args__ = (_of_person(),)

    person: str = Field(primary_key=True, sa_type=AnyText)
    key: str = Field(primary_key=True, sa_type=AnyText)
    value: object = Field(sa_type=Json)


class SettingRow(Row, table=True):
    """What holds for a whole workspace, such as the private hosts that its flows may call."""

    __tablename__ = "settings"

    key: str = Field(primary_key=True, sa_type=AnyText)
    value: object = Field(sa_type=Json)
