"""A database for names, on SQLite and on PostgreSQL where one is to be had."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from services.database import database_url, metadata, open_database
from services.names.sql_store import SqlNameStore
from services.spec_store import SqlSpecStore, StoredSpec

POSTGRES = "WB_TEST_POSTGRES_URL"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    url = ""
    if request.param == "postgres":
        url = os.environ.get(POSTGRES, "")
        if not url:
            pytest.skip(f"{POSTGRES} is not set to a database that may be emptied")
    engine = open_database(database_url(url, data_directory=tmp_path))
    yield engine
    metadata.drop_all(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> SqlNameStore:
    """Names in it."""
    return SqlNameStore(engine, team_names=3, name_versions=1_000)


@pytest.fixture
def spec_ids(engine: Engine) -> tuple[str, str]:
    """Two specs that are stored."""
    ids = []
    for content in (b'{"a":1}', b'{"a":2}'):
        spec = StoredSpec(hashlib.sha256(content).hexdigest(), content, None)
        SqlSpecStore(engine).add(spec)
        ids.append(spec.id)
    return ids[0], ids[1]
