"""The tables of servers that knew no migrations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them, where such a server has not done it."""
    op.create_table(
        "specs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("canonical_json", sa.Text, nullable=False),
        sa.Column("suggested_seed", sa.String(20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "digests",
        sa.Column("spec_id", sa.String(64), primary_key=True),
        sa.Column("seed", sa.String(20), primary_key=True),
        sa.Column("dtype", sa.String(16), primary_key=True),
        sa.Column("algorithm", sa.Integer, primary_key=True),
        sa.Column("digests_json", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
