"""Which edits a flow's last save applied, so that the same edits sent again are known."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; of what is there nobody sends edits again."""
    op.add_column("flows", sa.Column("batch", sa.Text(), nullable=False, server_default=sa.text("''")))
