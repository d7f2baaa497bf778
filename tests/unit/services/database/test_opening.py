"""How databases are connected to."""

from typing import Any

import pytest
from sqlalchemy import event, make_url

from services.database import connect_database


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
