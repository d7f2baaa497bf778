"""Names of teams, keys of callers, and what lists need of specs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    _create_facts()
    _create_names()
    _create_keys()


def _create_facts() -> None:
    op.create_table(
        "spec_facts",
        sa.Column(
            "spec_id",
            sa.String(64),
            sa.ForeignKey("specs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("tensors", sa.Integer, nullable=False),
        sa.Column("elements", sa.BigInteger, nullable=False),
        sa.Column("file_bytes", sa.BigInteger, nullable=False),
        sa.Column("dtype", sa.String(16), nullable=True),
        sa.Column("initializers_json", sa.Text, nullable=False),
        sa.Column("repositories_json", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "ix_spec_facts_in_time",
        "spec_facts",
        ["created_at", "spec_id", "tensors", "dtype", "initializers_json", "repositories_json"],
        if_not_exists=True,
    )
    op.create_index("ix_specs_seeds", "specs", ["id", "suggested_seed"], if_not_exists=True)


def _create_names() -> None:
    op.create_table(
        "names",
        sa.Column("team", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("newest_version", sa.Integer, nullable=False),
        sa.Column("retired_version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "name_versions",
        sa.Column("team", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("spec_id", sa.String(64), sa.ForeignKey("specs.id"), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_by", sa.String(64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_name_versions_spec_id", "name_versions", ["spec_id"], if_not_exists=True)


def _create_keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("teams", sa.Text, nullable=False),
        sa.Column("requests_per_second", sa.Float, nullable=True),
        sa.Column("bytes_per_day", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        if_not_exists=True,
    )
    op.create_table(
        "key_usage",
        sa.Column(
            "key_id",
            sa.String(64),
            sa.ForeignKey("keys.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
