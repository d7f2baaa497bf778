"""A database for names, on SQLite and on PostgreSQL where one is to be had."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from services.names.sql_store import SqlNameStore
from services.spec_store import SqlSpecStore, StoredSpec
from tests.databases import DATABASES, open_empty_database


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    with open_empty_database(request.param, tmp_path) as found:
        yield found


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
