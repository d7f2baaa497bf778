"""Names in a database: versions, races, retirement, what is near."""

import contextlib
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import IntegrityError

from services.database import names_table, open_database, specs_table
from services.errors import UnknownSpecError
from services.names.sql_store import SqlNameStore
from services.names.store import NameState
from services.names.syntax import Name, Reference, parse_version
from weightbank.errors import LimitExceededError

NAME = Name("vision", "resnet50")
THREADS = 8
PUTS = 6
SECONDS = 60


def agree(newest: int | None) -> None:
    """Take any version."""
    del newest


def put(store: SqlNameStore, spec_id: str, name: Name = NAME, **options: Any) -> tuple[int, bool]:
    """The version that stands after a PUT, and whether it is new."""
    given = {"note": None, "created_by": None, "agree": agree, **options}
    found, is_new = store.put(name, spec_id=spec_id, **given)
    return found.version, is_new


def test_versions_count_from_one(store: SqlNameStore, spec_ids: tuple[str, str]) -> None:
    """And are found by number, and as the newest."""
    one, two = spec_ids
    assert store.find(Reference(NAME, 1)) is None
    assert put(store, one, note="é", created_by="k1") == (1, True)
    assert put(store, two) == (2, True)
    assert put(store, two) == (2, False)
    assert put(store, one) == (3, True)
    first, latest = store.find(Reference(NAME, 1)), store.find(Reference(NAME, None))
    assert first is not None
    assert (first.spec_id, first.note, first.created_by) == (one, "é", "k1")
    assert first.created_at.utcoffset() is not None
    assert latest is not None
    assert (latest.version, latest.spec_id, latest.note) == (3, one, "")
    assert store.state(NAME) == NameState(3, 0)
    assert [found.version for found in store.versions(NAME, before=3, limit=9)] == [2, 1]


def test_a_spec_that_is_not_stored_leaves_no_name(store: SqlNameStore, engine: Engine) -> None:
    """All of it is taken back."""
    del engine
    with pytest.raises(UnknownSpecError):
        put(store, "f" * 64)
    assert store.state(NAME) is None


def test_who_does_not_agree_changes_nothing(store: SqlNameStore, spec_ids: tuple[str, str]) -> None:
    """Asked with the newest version, before anything is made or retired."""
    told: list[int | None] = []

    def refuse(newest: int | None) -> None:
        told.append(newest)
        raise KeyError(newest)

    with pytest.raises(KeyError):
        put(store, spec_ids[0], agree=refuse)
    assert store.state(NAME) is None
    put(store, spec_ids[0])
    with pytest.raises(KeyError):
        put(store, spec_ids[1], agree=refuse)
    with pytest.raises(KeyError):
        store.retire(NAME, agree=refuse)
    assert told == [None, 1, 1]
    assert store.state(NAME) == NameState(1, 0)
    assert put(store, spec_ids[0]) == (1, False)


def test_a_retired_name_lets_its_specs_go(
    store: SqlNameStore, spec_ids: tuple[str, str], engine: Engine
) -> None:
    """They could not be deleted before; its numbers are kept."""
    one, two = spec_ids
    put(store, one)
    put(store, two)

    def remove() -> None:
        with engine.begin() as connection:
            connection.execute(delete(specs_table).where(specs_table.c.id == one))

    with pytest.raises(IntegrityError):
        remove()
    assert store.retire(NAME, agree=agree) == NameState(2, 0)
    assert store.state(NAME) == NameState(2, 2)
    assert store.find(Reference(NAME, None)) is None
    assert store.newest(team=None, search="", after=None, limit=9) == []
    remove()
    assert put(store, two) == (3, True)
    assert store.state(NAME) == NameState(3, 2)
    assert store.retire(Name("vision", "x"), agree=agree) is None


def test_names_of_a_team_are_bounded(store: SqlNameStore, spec_ids: tuple[str, str]) -> None:
    """Retired ones are counted: their rows stay."""
    for name in ("a", "b", "c"):
        put(store, spec_ids[0], Name("vision", name))
    store.retire(Name("vision", "a"), agree=agree)
    with pytest.raises(LimitExceededError, match="3 names already"):
        put(store, spec_ids[0], Name("vision", "d"))
    assert put(store, spec_ids[0], Name("vision", "a")) == (2, True)
    assert put(store, spec_ids[0], Name("text", "d")) == (1, True)


def test_no_version_is_made_that_cannot_be_written(
    store: SqlNameStore, engine: Engine, spec_ids: tuple[str, str]
) -> None:
    """A file of names can have brought the last number that a path takes."""
    put(store, spec_ids[0])
    last = parse_version("9" * 9)
    with engine.begin() as connection:
        connection.execute(update(names_table).values(newest_version=last, retired_version=last))
    with pytest.raises(LimitExceededError, match="version 999,999,999, the last one"):
        put(store, spec_ids[0])
    assert store.state(NAME) == NameState(999_999_999, 999_999_999)


def test_names_are_listed_in_pages(store: SqlNameStore, spec_ids: tuple[str, str]) -> None:
    """In one order, whatever is searched for; wildcards stand for themselves."""
    names = [Name("a", "x"), Name("a", "y_z"), Name("b", "x"), Name("b", "yxz")]
    for name in names:
        put(store, spec_ids[0], name)
        put(store, spec_ids[1], name)

    def listed(**options: Any) -> list[Name]:
        given = {"team": None, "search": "", "after": None, "limit": 9, **options}
        found = store.newest(**given)
        assert {version.version for version in found} <= {2}
        return [version.name for version in found]

    assert listed() == names
    assert listed(limit=2) == names[:2]
    assert listed(after=names[1]) == names[2:]
    assert listed(team="b") == names[2:]
    assert listed(search="y_z") == [names[1]]
    assert listed(search="%") == []
    assert listed(search="b/") == names[2:]


def test_near_names_begin_with_the_team(store: SqlNameStore, spec_ids: tuple[str, str]) -> None:
    """Those with the same beginning first, then the same name of other teams."""
    for name in (Name("a", "vit"), Name("a", "net"), Name("b", "nut"), Name("c", "other")):
        put(store, spec_ids[0], name)
    assert store.near_names(Name("a", "nut")) == ["a/net", "a/vit", "b/nut"]
    assert store.near_teams("bb") == ["b", "a", "c"]


def test_threads_that_put_at_once_each_get_a_version(
    engine: Engine, spec_ids: tuple[str, str]
) -> None:
    """A new name too; no number is left out or given twice, and nobody fails."""
    barrier = threading.Barrier(THREADS)
    versions: list[int] = []

    def work(index: int) -> None:
        own = open_database(engine.url)
        store = SqlNameStore(own, team_names=9, name_versions=1_000)
        barrier.wait(SECONDS)
        for turn in range(PUTS):
            found = put(store, spec_ids[turn % 2], note=f"{index} {turn}")
            versions.append(found[0])
        own.dispose()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(versions) == list(range(1, THREADS * PUTS + 1))
    store = SqlNameStore(engine, team_names=9, name_versions=1_000)
    kept = store.versions(NAME, before=None, limit=1_000)
    assert len({found.note for found in kept}) == THREADS * PUTS


def test_one_of_many_that_expect_one_version_gets_the_next(
    engine: Engine, store: SqlNameStore, spec_ids: tuple[str, str]
) -> None:
    """Compare and swap: the others are told of the newer one."""
    put(store, spec_ids[0])
    barrier = threading.Barrier(THREADS)
    made: list[int] = []
    refused: list[int | None] = []

    class StaleError(Exception):
        pass

    def expect_first(newest: int | None) -> None:
        if newest != 1:
            refused.append(newest)
            raise StaleError

    def work(index: int) -> None:
        own = SqlNameStore(engine, team_names=9, name_versions=1_000)
        barrier.wait(SECONDS)
        with contextlib.suppress(StaleError):
            made.append(put(own, spec_ids[1], note=str(index), agree=expect_first)[0])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert (made, refused) == ([2], [2] * (THREADS - 1))


def test_processes_that_put_at_once_each_get_a_version(
    engine: Engine, spec_ids: tuple[str, str]
) -> None:
    """Two servers with one database lose nothing of each other's."""
    url = engine.url.render_as_string(hide_password=False)
    script = Path(__file__).with_name("naming_process.py")
    processes = [
        subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(script), url, *order, "20"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[4],
            env={"PYTHONPATH": str(Path(__file__).parents[4])},
        )
        for order in (spec_ids, spec_ids[::-1])
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        versions = []
        for process in processes:
            output, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0
            versions += [int(line) for line in output.split()]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert sorted(versions) == list(range(1, 41))
