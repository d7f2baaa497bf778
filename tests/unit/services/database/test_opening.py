"""How databases are connected to."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, make_url

from services.database import connect_database, database_url, open_database
from services.database.upgrading import upgrade
from services.errors import StartupError


class _NotConnectedError(Exception):
    """Nothing was connected to."""


def options_of(address: str) -> dict[str, Any]:
    """What the driver is told for an address."""
    engine = connect_database(make_url(address))
    told: list[dict[str, Any]] = []

    def refuse(_dialect: Any, _record: Any, _given: Any, options: dict[str, Any]) -> None:
        told.append(dict(options))
        raise _NotConnectedError

    event.listen(engine, "do_connect", refuse)
    with pytest.raises(_NotConnectedError):
        engine.connect()
    engine.dispose()
    return told[0]


def test_a_database_whose_machine_is_gone_is_noticed_within_half_a_minute() -> None:
    """Whether a question is on its way to it, or its answer is waited for."""
    options = options_of("postgresql+psycopg://user@127.0.0.1/weights")
    assert options["connect_timeout"] <= 30
    assert options["tcp_user_timeout"] <= 30_000
    probes_seconds = options["keepalives_interval"] * options["keepalives_count"]
    assert options["keepalives_idle"] + probes_seconds <= 30


def test_what_an_address_says_counts() -> None:
    """Whoever knows the network better may say so."""
    options = options_of("postgresql+psycopg://user@127.0.0.1/weights?keepalives_idle=60")
    assert str(options["keepalives_idle"]) == "60"


def test_a_server_that_changes_the_tables_for_too_long_is_named(tmp_path: Path) -> None:
    """Another one waits for it, and does not start; it can once that one is done."""
    engine = connect_database(database_url("", data_directory=tmp_path))
    with engine.connect() as busy:
        busy.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(StartupError, match="another server has been changing its tables"):
            upgrade(engine, lock_timeout_seconds=1)
    assert upgrade(engine).pending
    assert not upgrade(engine).pending
    engine.dispose()


def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    """What was revoked stays so when the power fails: SQLite waits for the disk."""
    engine = open_database(database_url("", data_directory=tmp_path))
    with engine.connect() as connection:
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    engine.dispose()
    assert level == 2


def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """It says who may, and what stands for what; so are the files beside it."""
    engine = open_database(database_url("", data_directory=tmp_path))
    with engine.connect():
        modes = {path.stat().st_mode & 0o777 for path in tmp_path.glob("weightbank.sqlite3*")}
    engine.dispose()
    assert modes == {0o600}
