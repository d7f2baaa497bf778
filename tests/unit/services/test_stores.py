"""Stores on SQLite, and on PostgreSQL where one is to be had."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from services.database import check, database_url, open_database, specs_table
from services.digest_store import Digests, FileKey, SqlDigestStore
from services.errors import StartupError, StoreUnavailableError
from services.spec_store import DamagedSpecError, SqlSpecStore, StoredSpec
from tests.databases import DATABASES, drop_everything, open_empty_database


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    with open_empty_database(request.param, tmp_path) as found:
        yield found


def spec(text: str, seed: int | None = None) -> StoredSpec:
    """A spec of some JSON."""
    content = text.encode()
    return StoredSpec(hashlib.sha256(content).hexdigest(), content, seed)


def test_a_spec_is_stored_once(engine: Engine) -> None:
    """And comes back as it was."""
    store = SqlSpecStore(engine)
    one = spec('{"name":"größe ✓"}', 2**64 - 1)
    assert store.find(one.id) is None
    assert store.add(one) is True
    assert store.add(one) is False
    assert store.find(one.id) == one


def test_the_first_seed_stays(engine: Engine) -> None:
    """None is filled in, another one is not replaced."""
    store = SqlSpecStore(engine)
    bare = spec("{}")
    for seed, expected in ((None, None), (3, 3), (4, 3), (None, 3)):
        store.add(spec("{}", seed))
        found = store.find(bare.id)
        assert found is not None
        assert found.suggested_seed == expected


def test_one_of_many_at_once_is_new(engine: Engine) -> None:
    """Whoever comes first; nobody fails."""
    store = SqlSpecStore(engine)
    barrier = threading.Barrier(8)
    news: list[bool] = []

    def add(index: int) -> None:
        barrier.wait()
        news.append(store.add(spec('{"a":1}', index)))

    threads = [threading.Thread(target=add, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(news) == [False] * 7 + [True]


def test_two_servers_make_the_tables_at_once(engine: Engine) -> None:
    """Neither fails."""
    drop_everything(engine)
    failures: list[Exception] = []
    barrier = threading.Barrier(4)

    def open_it() -> None:
        barrier.wait()
        try:
            open_database(engine.url).dispose()
        except Exception as error:  # noqa: BLE001 - counted below
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_damaged_spec_is_noticed(engine: Engine) -> None:
    """Before anybody gets bytes of it."""
    store = SqlSpecStore(engine)
    one = spec('{"std":0.01}')
    store.add(one)
    with engine.begin() as connection:
        connection.execute(update(specs_table).values(canonical_json='{"std":0.02}'))
    with pytest.raises(DamagedSpecError, match=one.id):
        store.find(one.id)


def test_times_are_kept(engine: Engine) -> None:
    """For those who look after the database."""
    SqlSpecStore(engine).add(spec("{}"))
    with engine.connect() as connection:
        assert connection.execute(select(specs_table.c.created_at)).scalar_one().year >= 2026


def test_digests_are_kept_by_file(engine: Engine) -> None:
    """A second server that computed the same does no harm."""
    store = SqlDigestStore(engine)
    key = FileKey("a" * 64, 2**64 - 1, "float32")
    digests = Digests(10, "h", 67108864, ("b", "c"), "s")
    assert store.find(key) is None
    store.add(key, digests)
    store.add(key, digests)
    assert store.find(key) == digests
    assert store.find(FileKey("a" * 64, 1, "float32")) is None
    assert store.find(FileKey("a" * 64, 2**64 - 1, "float16")) is None


def test_a_database_that_is_gone_is_our_own_error(tmp_path: Path) -> None:
    """Whatever the driver calls it."""
    engine = open_database(database_url("", data_directory=tmp_path))
    check(engine)
    engine.dispose()
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "weightbank.sqlite3").mkdir()
    with pytest.raises(StoreUnavailableError):
        check(engine)
    with pytest.raises(StoreUnavailableError):
        SqlSpecStore(engine).find("a" * 64)
    engine.dispose()


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    """In one line with its path."""
    (tmp_path / "weightbank.sqlite3").write_text("something else, and long enough" * 10)
    with pytest.raises(StartupError, match="is not a database") as caught:
        open_database(database_url("", data_directory=tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "oracle://h/d", "::", "x"])
def test_other_databases_are_refused(url: str) -> None:
    """An unnamed one in memory would be another for each connection."""
    with pytest.raises(StartupError, match="postgresql"):
        database_url(url, data_directory=Path())
