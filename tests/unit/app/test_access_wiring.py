"""What a server says at its start of who can get in."""

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.access_wiring import wire_access
from app.logs import make_logger
from app.settings import Settings
from services.bounded_executor import Unobserved
from services.database import database_url, open_database
from services.keys.store import SqlKeyStore
from tests.keys import new_key

ANYWHERE = "0.0.0.0"  # noqa: S104 - an address that others reach, on which nothing is opened


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """One without keys."""
    opened = open_database(database_url("", data_directory=tmp_path))
    yield opened
    opened.dispose()


def events_of(settings: Settings, database: Engine) -> list[str]:
    """What is logged until requests can come."""
    log = io.StringIO()
    logger = make_logger("info", stream=log)

    async def begin() -> None:
        async with wire_access(settings, store=database, logger=logger, observer=Unobserved()):
            pass

    asyncio.run(begin())
    return [json.loads(line)["event"] for line in log.getvalue().splitlines()]


def test_a_server_that_anybody_can_use_says_so(database: Engine) -> None:
    """Once, at its start: it could be a mistake."""
    (event,) = events_of(Settings(host=ANYWHERE, keys="off"), database)
    assert event == "others can reach this server, and nobody needs a key"


def test_a_server_that_nobody_can_use_says_so(database: Engine) -> None:
    """Until there is a key."""
    settings = Settings(host=ANYWHERE, keys="required")
    assert events_of(settings, database) == ["no key counts yet: nobody can get in"]
    assert SqlKeyStore(database).add(new_key()[1])
    assert events_of(settings, database) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_server_for_this_machine_says_nothing(host: str, database: Engine) -> None:
    """Nobody else reaches it."""
    assert events_of(Settings(host=host), database) == []
