"""The first tables: flows, versions, deployments, keys, runs, secrets, people and what they chose."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _whole(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _moment(name: str, *, known: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=not known)


def _table(name: str, key: list[str], *parts: sa.Column[Any] | sa.Constraint) -> None:
    op.create_table(name, _text("workspace"), *parts, sa.PrimaryKeyConstraint("workspace", *key, name=f"pk_{name}"))


def _refers(name: str, columns: list[str], table: str, key: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace", *columns],
        [f"{table}.{column}" for column in ["workspace", *key]],
        name=f"fk_{name}_{table}",
        ondelete="CASCADE",
    )


def upgrade() -> None:
    """Create them."""
    _flows()
    _runs()
    _people()


def _flows() -> None:
    _table(
        "flows",
        ["id"],
        _text("id"),
        _text("name"),
        _text("description"),
        _whole("steps"),
        _text("document"),
        _whole("revision"),
        _text("author"),
        _moment("created"),
        _moment("updated"),
        _moment("deleted", known=False),
    )
    op.create_index("ix_flows_updated", "flows", ["workspace", "updated"])
    _table(
        "versions",
        ["flow", "number"],
        _text("flow"),
        _whole("number"),
        _text("document"),
        _text("author"),
        _moment("created"),
        _refers("versions", ["flow"], "flows", ["id"]),
    )
    _table(
        "deployments",
        ["id"],
        _text("id"),
        _text("slug"),
        _text("flow"),
        _whole("version"),
        _moment("created"),
        _moment("ended", known=False),
        _refers("deployments", ["flow", "version"], "versions", ["flow", "number"]),
    )
    op.create_index("ix_deployments_flow", "deployments", ["workspace", "flow"])
    standing = sa.text("ended IS NULL")
    op.create_index(
        "uq_deployments_slug", "deployments", ["slug"], unique=True, sqlite_where=standing, postgresql_where=standing
    )
    _table(
        "api_keys",
        ["id"],
        _text("id"),
        _text("slug"),
        _text("flow"),
        _text("name"),
        _text("prefix"),
        _text("digest"),
        _moment("created"),
        _moment("used", known=False),
        _refers("api_keys", ["flow"], "flows", ["id"]),
    )
    op.create_index("ix_api_keys_slug", "api_keys", ["slug"])


def _runs() -> None:
    _table(
        "runs",
        ["id"],
        _text("id"),
        _text("flow"),
        _text("flow_name"),
        _text("source"),
        _moment("started"),
        _whole("version"),
        _text("state"),
        _moment("ended", known=False),
        _whole("steps"),
        _text("error"),
        _text("document"),
    )
    op.create_index("ix_runs_started", "runs", ["workspace", "started"])
    op.create_index("ix_runs_flow_started", "runs", ["workspace", "flow", "started"])
    running = sa.text("state = 'running'")
    op.create_index("ix_runs_running", "runs", ["started"], sqlite_where=running, postgresql_where=running)
    _table(
        "entries",
        ["run", "first"],
        _text("run"),
        _whole("first"),
        _whole("last"),
        _bytes("body"),
        _refers("entries", ["run"], "runs", ["id"]),
    )


def _people() -> None:
    _table("people", ["id"], _text("id"), _text("name"), _moment("created"))
    of_person = ["person"], "people", ["id"]
    _table("links", ["digest"], _text("digest"), _text("person"), _moment("expires"), _refers("links", *of_person))
    op.create_index("ix_links_digest", "links", ["digest"], unique=True)
    _table(
        "sessions",
        ["digest"],
        _text("digest"),
        _text("person"),
        _moment("created"),
        _moment("expires"),
        _refers("sessions", *of_person),
    )
    op.create_index("ix_sessions_digest", "sessions", ["digest"], unique=True)
    _table(
        "preferences",
        ["person", "key"],
        _text("person"),
        _text("key"),
        _text("value"),
        _refers("preferences", *of_person),
    )
    _table("secrets", ["name"], _text("name"), _bytes("sealed"), _moment("created"), _moment("updated"))
    _table("settings", ["key"], _text("key"), _text("value"))
