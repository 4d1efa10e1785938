"""Runs that survive: how they are kept, what they wait in, who drives them; and what brings them about."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_EMPTY, _NONE, _ZERO = sa.text("''"), sa.text("'[]'"), sa.text("0")


def upgrade() -> None:
    """Add the columns and tables; what is there was kept at its end, and waits in no queue."""
    _of_runs()
    op.add_column("deployments", sa.Column("paused", sa.Double(), nullable=True))
    _signals()
    _run_keys()
    _schedules()


def _of_runs() -> None:
    for name, default in (("durability", sa.text("'result'")), ("slug", _EMPTY), ("queue", _EMPTY), ("worker", _EMPTY)):
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=False, server_default=default))
    for name in ("labels", "providers"):
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=False, server_default=_NONE))
    op.add_column("runs", sa.Column("priority", sa.Integer(), nullable=False, server_default=_ZERO))
    op.add_column("runs", sa.Column("due", sa.Double(), nullable=True))
    op.add_column("runs", sa.Column("since", sa.Double(), nullable=True))
    queued = sa.text("state = 'queued'")
    op.create_index("ix_runs_queued", "runs", ["due"], sqlite_where=queued, postgresql_where=queued)
    op.drop_index("ix_runs_waiting", table_name="runs")  # the next one finds these, too, and counts every state
    op.create_index("ix_runs_state", "runs", ["workspace", "state", "started"])
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_runs_wake", "runs", ["wake"], sqlite_where=waiting, postgresql_where=waiting)


def _signals() -> None:
    op.create_table(
        "signals",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "run", "name", name="pk_signals"),
        sa.ForeignKeyConstraint(
            ["workspace", "run"], ["runs.workspace", "runs.id"], name="fk_signals_runs", ondelete="CASCADE"
        ),
    )


def _run_keys() -> None:
    op.create_table(
        "run_keys",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "flow", "key", name="pk_run_keys"),
    )
    op.create_index("ix_run_keys_at", "run_keys", ["at"])


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("next", sa.Double(), nullable=True),
        sa.Column("last", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "flow", "step", name="pk_schedules"),
        sa.ForeignKeyConstraint(
            ["workspace", "flow"], ["flows.workspace", "flows.id"], name="fk_schedules_flows", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_schedules_next", "schedules", ["next"])
