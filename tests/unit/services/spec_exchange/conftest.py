"""Databases to export from, and to import into."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from services.database import (
    database_url,
    open_database,
)
from tests.databases import DATABASES, open_empty_database
from tests.exchange import ONE, TWO, add_name, add_spec


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Engine]:
    """A database with two specs and a name of two versions, the first one retired."""
    directory = tmp_path / "source"
    directory.mkdir()
    engine = open_database(database_url("", data_directory=directory))
    add_spec(engine, ONE, seed=2**64 - 1, seconds=5)
    add_spec(engine, TWO)
    add_name(engine, "vision/mlp", ONE.id, TWO.id, retired=1, note="größe")
    yield engine
    engine.dispose()


@pytest.fixture(params=DATABASES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    with open_empty_database(request.param, tmp_path) as engine:
        yield engine
