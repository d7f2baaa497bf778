"""Servers that ask for keys."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from services.database import database_url, open_database
from services.keys.key import Key
from services.keys.store import SqlKeyStore
from services.keys.usage_store import SqlUsageStore
from tests.api.conftest import Api, LiveServer
from tests.keys import new_key

SCOPES = ("read", "write", "checkpoints", "admin")


class KeyRing:
    """Makes keys in the database of a server.

    Attributes:
        keys: Where they are.
        usage: Where their bytes are counted.
    """

    def __init__(self, database: Engine) -> None:
        self.keys = SqlKeyStore(database)
        self.usage = SqlUsageStore(database)

    def make(self, *scopes: str, **fields: Any) -> tuple[dict[str, str], Key]:
        """Return headers with a new key, and the key."""
        text, key = new_key(scopes=scopes or ("read",), **fields)
        assert self.keys.add(key)
        return {"Authorization": f"Bearer {text.reveal()}"}, key

    def headers(self, *scopes: str, **fields: Any) -> dict[str, str]:
        """Return headers with a new key."""
        return self.make(*scopes, **fields)[0]


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    """Keys in the database of this test's servers."""
    database = open_database(database_url("", data_directory=tmp_path))
    yield KeyRing(database)
    database.dispose()


@pytest.fixture
def make_keyed_api(make_api: Callable[..., Api]) -> Callable[..., Api]:
    """Builds apps that ask for keys."""
    return lambda **overrides: make_api(**{"keys": "required", **overrides})


@pytest.fixture
def keyed_api(make_keyed_api: Callable[..., Api]) -> Api:
    """An app that asks for keys."""
    return make_keyed_api()


@pytest.fixture
def make_keyed_server(make_server: Callable[..., LiveServer]) -> Callable[..., LiveServer]:
    """Builds servers that ask for keys."""
    return lambda **overrides: make_server(**{"keys": "required", **overrides})
