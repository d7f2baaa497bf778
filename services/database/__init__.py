"""The database: tables, migrations, and an engine for them on SQLite or PostgreSQL."""

from services.database.opening import (
    BUSY_TIMEOUT_SECONDS,
    check,
    connect_database,
    database_status,
    database_url,
    open_database,
    unavailable_as_error,
)
from services.database.revisions import DatabaseStatus
from services.database.tables import (
    digests_table,
    key_usage_table,
    keys_table,
    metadata,
    name_versions_table,
    names_table,
    spec_facts_table,
    specs_table,
)
from services.database.times import in_utc
from services.database.writing import only_writer

__all__ = [
    "BUSY_TIMEOUT_SECONDS",
    "DatabaseStatus",
    "check",
    "connect_database",
    "database_status",
    "database_url",
    "digests_table",
    "in_utc",
    "key_usage_table",
    "keys_table",
    "metadata",
    "name_versions_table",
    "names_table",
    "only_writer",
    "open_database",
    "spec_facts_table",
    "specs_table",
    "unavailable_as_error",
]
