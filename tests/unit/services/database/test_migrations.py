"""Migrations: they make what the models say, once, and keep what there was."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Engine, insert, inspect, select, text

from services.database import (
    connect_database,
    database_status,
    database_url,
    digests_table,
    metadata,
    open_database,
    specs_table,
)
from services.database.revisions import is_compatible, known_revisions, script_config
from services.errors import StartupError
from tests.databases import DATABASES, empty_database

HEAD = known_revisions()[-1]
SPEC_ID = "a" * 64
OLD_SPECS = """CREATE TABLE specs (
    id VARCHAR(64) NOT NULL PRIMARY KEY, canonical_json TEXT NOT NULL,
    suggested_seed VARCHAR(20), created_at {time} NOT NULL)"""
OLD_DIGESTS = """CREATE TABLE digests (
    spec_id VARCHAR(64) NOT NULL, seed VARCHAR(20) NOT NULL, dtype VARCHAR(16) NOT NULL,
    algorithm INTEGER NOT NULL, digests_json TEXT NOT NULL, created_at {time} NOT NULL,
    PRIMARY KEY (spec_id, seed, dtype, algorithm))"""
SECONDS = 60


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """The address of an empty database."""
    with empty_database(request.param, tmp_path) as address:
        yield address


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    """The same, connected, without tables."""
    connected = connect_database(url)
    yield connected
    connected.dispose()


def make_old_tables(engine: Engine) -> None:
    """What a server without migrations has made and filled."""
    kind = "TIMESTAMP WITH TIME ZONE" if engine.dialect.name == "postgresql" else "DATETIME"
    with engine.begin() as connection:
        for statement in (OLD_SPECS, OLD_DIGESTS):
            connection.execute(text(statement.format(time=kind)))
    fill(engine)


def fill(engine: Engine) -> None:
    """Put a spec and digests there, without what later revisions added."""
    values = {"id": SPEC_ID, "moment": "2026-01-31 12:00:00.000000"}
    specs = "INSERT INTO specs VALUES (:id, '{}', '7', :moment)"
    digests = "INSERT INTO digests VALUES (:id, '7', 'float32', 1, '{}', :moment)"
    with engine.begin() as connection:
        for statement in (specs, digests):
            connection.execute(text(statement), values)


def kept(engine: Engine) -> tuple[int, int]:
    """How many specs and digests there are."""
    with engine.connect() as connection:
        return (
            len(connection.execute(select(specs_table.c.id, specs_table.c.created_at)).all()),
            len(connection.execute(select(digests_table)).all()),
        )


def set_revision(engine: Engine, revision: str) -> None:
    """Say that the tables are of another revision."""
    with engine.begin() as connection:
        statement = text("UPDATE alembic_version SET version_num = :revision")
        connection.execute(statement, {"revision": revision})


def test_migrations_make_what_the_models_say(url: URL) -> None:
    """Every table, column, type and index."""
    engine = open_database(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    assert database_status(url).pending == ()


@pytest.mark.parametrize("revision", known_revisions())
def test_every_revision_goes_on_with_what_it_has(url: URL, engine: Engine, revision: str) -> None:
    """A populated database of each of them reaches the newest."""
    config = script_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    fill(engine)
    open_database(url).dispose()
    assert kept(engine) == (1, 1)
    assert database_status(url).revision == HEAD


def test_a_database_from_before_is_taken_over(url: URL, engine: Engine) -> None:
    """With all that is in it, and with the tables it lacks."""
    make_old_tables(engine)
    assert database_status(url).revision is None
    open_database(url).dispose()
    assert kept(engine) == (1, 1)
    assert set(metadata.tables) < set(inspect(engine).get_table_names())
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_tables_of_somebody_else_are_left_alone(url: URL, engine: Engine) -> None:
    """A database of its own is asked for, in one line."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE specs (id INTEGER PRIMARY KEY, price INTEGER)"))
    with pytest.raises(StartupError, match="'specs' is not one of weightbank's") as caught:
        open_database(url)
    assert "\n" not in str(caught.value)
    assert inspect(engine).get_table_names() == ["specs"]


def test_tables_of_a_newer_release_are_worked_with(url: URL, engine: Engine) -> None:
    """Steps on one line only add: a release that was rolled back goes on."""
    open_database(url).dispose()
    set_revision(engine, "0999")
    opened = open_database(url)
    with opened.begin() as connection:
        connection.execute(
            insert(digests_table).values(
                spec_id=SPEC_ID,
                seed="1",
                dtype="float32",
                algorithm=1,
                digests_json="{}",
                created_at=text("CURRENT_TIMESTAMP"),
            )
        )
    opened.dispose()
    status = database_status(url)
    assert (status.revision, status.is_newer, status.pending) == ("0999", True, ())


@pytest.mark.parametrize("revision", ["1001", "abc", "0000", "00031"])
def test_tables_that_nobody_here_knows_are_refused(url: URL, engine: Engine, revision: str) -> None:
    """In one line that says what to do; nothing is changed."""
    open_database(url).dispose()
    set_revision(engine, revision)
    with pytest.raises(StartupError, match=f"'{revision}'.* start the release") as caught:
        open_database(url)
    assert "\n" not in str(caught.value)


def test_lines_are_told_apart() -> None:
    """An older revision that was skipped is no newer one."""
    assert is_compatible("0004", head="0003")
    assert not is_compatible("1004", head="0003")
    assert not is_compatible("0002", head="0003")


def test_asking_for_the_status_makes_nothing(tmp_path: Path) -> None:
    """Not even a file."""
    address = database_url("", data_directory=tmp_path)
    assert database_status(address).pending == known_revisions()
    assert list(tmp_path.iterdir()) == []


def test_threads_migrate_at_once(url: URL, engine: Engine) -> None:
    """One does it, the others wait."""
    make_old_tables(engine)
    failures: list[Exception] = []
    barrier = threading.Barrier(4)

    def open_it() -> None:
        barrier.wait(SECONDS)
        try:
            open_database(url).dispose()
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert failures == []
    assert kept(engine) == (1, 1)


def test_processes_migrate_at_once(url: URL, engine: Engine) -> None:
    """Several servers of one database, started by one command."""
    make_old_tables(engine)
    code = (
        "import sys; from sqlalchemy import make_url; from services.database import open_database;"
        "print('ready', flush=True); sys.stdin.readline();"
        "open_database(make_url(sys.argv[1])).dispose()"
    )
    address = url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", code, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
    assert kept(engine) == (1, 1)
    assert database_status(url).revision == HEAD


@pytest.mark.parametrize("statement", [1, 7, 13])
def test_a_server_that_is_killed_while_it_migrates_leaves_nothing_half_done(
    url: URL, engine: Engine, statement: int
) -> None:
    """Whichever statement was its last one; the next server does all of it."""
    make_old_tables(engine)
    before = inspect(engine).get_table_names()
    code = (
        "import os, sys; from sqlalchemy import Engine, event, make_url;"
        "from services.database import open_database;"
        "left = [int(sys.argv[2])];"
        "changes = lambda text: text.split()[0] in {'CREATE', 'INSERT', 'UPDATE'};"
        "count = lambda text: left.append(left.pop() - changes(text)) or left[0] or os._exit(9);"
        "event.listen(Engine, 'after_cursor_execute', lambda _c, _k, text, *_: count(text));"
        "open_database(make_url(sys.argv[1])).dispose()"
    )
    address = url.render_as_string(hide_password=False)
    killed = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code, address, str(statement)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert killed.returncode == 9, killed.stderr
    assert inspect(engine).get_table_names() == before
    assert kept(engine) == (1, 1)
    open_database(url).dispose()
    assert kept(engine) == (1, 1)
    assert database_status(url).revision == HEAD
