"""The tables. What changes them is a migration, beside this file."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

_SEED_DIGITS = 20
"""Seeds reach 2**64 - 1, more than a signed 64-bit column holds: they are stored as text."""

_ID_CHARACTERS = 64
_NAME_CHARACTERS = 64
_DTYPE_CHARACTERS = 16
_DAY_CHARACTERS = 10

metadata = MetaData()

specs_table = Table(
    "specs",
    metadata,
    Column("id", String(_ID_CHARACTERS), primary_key=True),
    Column("canonical_json", Text, nullable=False),
    Column("suggested_seed", String(_SEED_DIGITS), nullable=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # So that lists read nothing behind the JSON, which may have megabytes.
    Index("ix_specs_seeds", "id", "suggested_seed"),
)

spec_facts_table = Table(
    "spec_facts",
    metadata,
    Column("spec_id", ForeignKey("specs.id", ondelete="CASCADE"), primary_key=True),
    Column("tensors", Integer, nullable=False),
    Column("elements", BigInteger, nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    Column("dtype", String(_DTYPE_CHARACTERS), nullable=True),
    # Sorted lists in JSON: types of initializers, and repositories of checkpoints.
    Column("initializers_json", Text, nullable=False),
    Column("repositories_json", Text, nullable=False),
    # That of the spec.
    Column("created_at", DateTime(timezone=True), nullable=False),
    # In the order of lists, with all that they look for.
    Index(
        "ix_spec_facts_in_time",
        *("created_at", "spec_id", "tensors", "dtype", "initializers_json", "repositories_json"),
    ),
)
"""What lists and searches need of a spec. Derived: a row that is missing can be made again."""

digests_table = Table(
    "digests",
    metadata,
    Column("spec_id", String(_ID_CHARACTERS), primary_key=True),
    Column("seed", String(_SEED_DIGITS), primary_key=True),
    Column("dtype", String(_DTYPE_CHARACTERS), primary_key=True),
    Column("algorithm", Integer, primary_key=True),
    Column("digests_json", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

names_table = Table(
    "names",
    metadata,
    Column("team", String(_NAME_CHARACTERS), primary_key=True),
    Column("name", String(_NAME_CHARACTERS), primary_key=True),
    # The newest version there ever was: a number is never given twice.
    Column("newest_version", Integer, nullable=False),
    # Versions up to this one are retired, and gone from name_versions.
    Column("retired_version", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

name_versions_table = Table(
    "name_versions",
    metadata,
    Column("team", String(_NAME_CHARACTERS), primary_key=True),
    Column("name", String(_NAME_CHARACTERS), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("spec_id", ForeignKey("specs.id"), nullable=False, index=True),
    Column("note", Text, nullable=False),
    # Id of the key that made it; null where keys are off.
    Column("created_by", String(_ID_CHARACTERS), nullable=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

keys_table = Table(
    "keys",
    metadata,
    Column("id", String(_ID_CHARACTERS), primary_key=True),
    Column("secret_sha256", String(64), nullable=False),
    Column("label", Text, nullable=False),
    # Words between spaces; no teams means every team.
    Column("scopes", Text, nullable=False),
    Column("teams", Text, nullable=False),
    # Null takes what the settings say.
    Column("requests_per_second", Float, nullable=True),
    Column("bytes_per_day", BigInteger, nullable=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=True),
    Column("revoked_at", DateTime(timezone=True), nullable=True),
    Column("used_at", DateTime(timezone=True), nullable=True),
)

key_usage_table = Table(
    "key_usage",
    metadata,
    Column("key_id", ForeignKey("keys.id", ondelete="CASCADE"), primary_key=True),
    # The day in UTC, as 2026-01-31.
    Column("day", String(_DAY_CHARACTERS), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
)
