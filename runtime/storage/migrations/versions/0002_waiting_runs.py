"""Runs that wait, what for and until when, and which run another one repeats."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; what is there waits for nothing and repeats nothing."""
    op.add_column("runs", sa.Column("parent", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("runs", sa.Column("waits", sa.Text(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("runs", sa.Column("wake", sa.Double(), nullable=True))
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_runs_waiting", "runs", ["workspace", "started"], sqlite_where=waiting, postgresql_where=waiting)
