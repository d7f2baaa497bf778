"""Keys and their bytes on SQLite, and on PostgreSQL where one is to be had."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from services.database import (
    keys_table,
)
from services.errors import StoreUnavailableError
from services.keys.store import SqlKeyStore
from services.keys.usage_store import Lease, SqlUsageStore, UncertainError
from tests.databases import DATABASES, open_empty_database
from tests.keys import NOON, new_key

DAY = "2026-01-31"


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    with open_empty_database(request.param, tmp_path) as found:
        yield found


def test_a_key_comes_back_as_it_was(engine: Engine) -> None:
    """With its times in UTC, and without its secret."""
    store = SqlKeyStore(engine)
    text, key = new_key(
        label="größe ✓",
        scopes=("write", "checkpoints"),
        teams=("vision", "nlp"),
        requests_per_second=0.5,
        bytes_per_day=2**60,
        expires_at=NOON + timedelta(days=90),
    )
    assert store.find(key.id) is None
    assert store.add(key) is True
    assert store.add(replace(key, label="other")) is False
    assert store.find(key.id) == key
    assert store.all() == [key]
    with engine.connect() as connection:
        row = connection.execute(keys_table.select()).one()
    assert text.secret not in str(row)
    assert text.reveal() not in str(row)


def test_scopes_of_a_newer_release_open_nothing(engine: Engine) -> None:
    """And take nothing from those beside them, after a rollback."""
    store = SqlKeyStore(engine)
    _, key = new_key(scopes=("write", "deletion"))
    store.add(key)
    found = store.find(key.id)
    assert found is not None
    assert found.caller.scopes == {"read", "write"}


def test_a_revoked_key_stays_revoked_since_then(engine: Engine) -> None:
    """And is no key that counts."""
    store = SqlKeyStore(engine)
    _, key = new_key()
    assert store.revoke(key.id, NOON) is None
    store.add(key)
    assert store.has_any(NOON)
    revoked = store.revoke(key.id, NOON)
    assert revoked == replace(key, revoked_at=NOON)
    assert store.revoke(key.id, NOON + timedelta(days=1)) == revoked
    assert not store.has_any(NOON)


def test_an_expired_key_does_not_count(engine: Engine) -> None:
    """From its very second on."""
    store = SqlKeyStore(engine)
    _, key = new_key(expires_at=NOON)
    store.add(key)
    assert store.has_any(NOON - timedelta(seconds=1))
    assert not store.has_any(NOON)


def test_the_latest_use_is_kept(engine: Engine) -> None:
    """Whichever server says it first."""
    store = SqlKeyStore(engine)
    _, key = new_key()
    store.add(key)
    for minutes in (2, 1, 3):
        store.mark_used({key.id: NOON + timedelta(minutes=minutes), "unknown": NOON})
    found = store.find(key.id)
    assert found is not None
    assert found.used_at == NOON + timedelta(minutes=3)


def test_bytes_are_leased_up_to_the_quota(engine: Engine) -> None:
    """The most, or else the least, or none."""
    _, key = new_key()
    SqlKeyStore(engine).add(key)
    usage = SqlUsageStore(engine)

    def lease(least_bytes: int, most_bytes: int) -> Lease:
        return usage.lease(
            key.id, DAY, least_bytes=least_bytes, most_bytes=most_bytes, quota_bytes=1000
        )

    assert lease(100, 600) == Lease(600, 600)
    assert lease(100, 600) == Lease(100, 700)
    assert lease(301, 600) == Lease(0, 700)
    usage.add(key.id, DAY, -200)
    assert lease(301, 301) == Lease(301, 801)
    assert usage.used(DAY) == {key.id: 801}
    assert usage.used("2026-02-01") == {}


def test_bytes_that_owe_are_counted_without_a_lease(engine: Engine) -> None:
    """Of keys without a quota; of keys that are gone nothing is counted."""
    _, key = new_key()
    SqlKeyStore(engine).add(key)
    usage = SqlUsageStore(engine)
    usage.add(key.id, DAY, 2**40)
    usage.add("gone", DAY, 5)
    assert usage.used(DAY) == {key.id: 2**40}


def test_servers_at_once_never_lease_more_than_there_is(engine: Engine) -> None:
    """Each looks and takes in one step."""
    _, key = new_key()
    SqlKeyStore(engine).add(key)
    barrier = threading.Barrier(8)
    granted: list[int] = []

    def take() -> None:
        usage = SqlUsageStore(engine)
        barrier.wait()
        for _ in range(10):
            lease = usage.lease(key.id, DAY, least_bytes=7, most_bytes=30, quota_bytes=1000)
            granted.append(lease.granted_bytes)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 80
    assert 1000 - 7 < sum(granted) <= 1000
    assert SqlUsageStore(engine).used(DAY) == {key.id: sum(granted)}


def test_a_count_that_may_be_kept_is_told_apart(engine: Engine) -> None:
    """The database is lost while it keeps it, not before."""
    _, key = new_key()
    SqlKeyStore(engine).add(key)
    usage = SqlUsageStore(engine)
    usage.add(key.id, DAY, 100)

    def lose(_connection: Connection) -> None:
        raise OperationalError("COMMIT", None, OSError("gone"))

    event.listen(engine, "commit", lose)
    try:
        with pytest.raises(UncertainError):
            usage.add(key.id, DAY, -60)
    finally:
        event.remove(engine, "commit", lose)
    usage.add(key.id, DAY, -1)
    assert usage.used(DAY) == {key.id: 99}


def test_a_database_that_is_away_is_an_error_of_ours(tmp_path: Path) -> None:
    """Whatever is asked of it."""
    engine = create_engine(f"sqlite:///{tmp_path}/none/x.sqlite3")
    keys, usage = SqlKeyStore(engine), SqlUsageStore(engine)
    _, key = new_key()
    for call in (
        lambda: keys.find("x"),
        lambda: keys.add(key),
        keys.all,
        lambda: keys.mark_used({"x": NOON}),
        lambda: usage.add("x", DAY, 1),
        lambda: usage.used(DAY),
        lambda: usage.lease("x", DAY, least_bytes=1, most_bytes=1, quota_bytes=1),
    ):
        with pytest.raises(StoreUnavailableError):
            call()
    engine.dispose()
