"""Large values, kept once beside the entries that refer to them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables; entries that are there hold their values whole and go on to."""
    op.create_table(
        "kept_values",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "digest", name="pk_kept_values"),
    )
    op.create_table(
        "kept_uses",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "run", "digest", name="pk_kept_uses"),
        sa.ForeignKeyConstraint(
            ["workspace", "run"], ["runs.workspace", "runs.id"], name="fk_kept_uses_runs", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace", "digest"], ["kept_values.workspace", "kept_values.digest"], name="fk_kept_uses_kept_values"
        ),
    )
    op.create_index("ix_kept_uses_digest", "kept_uses", ["workspace", "digest"])
