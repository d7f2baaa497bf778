"""Files of specs and names: from one database into another, or nothing of them."""

import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, update

from services.database import (
    database_url,
    name_versions_table,
    names_table,
    open_database,
    spec_facts_table,
    specs_table,
)
from services.spec_exchange.errors import ImportConflictError, InvalidImportError
from services.spec_exchange.exporting import Selection, export_specs
from services.spec_exchange.importing import ImportCounts, import_specs
from services.spec_exchange.reading import read_records
from services.spec_store import DamagedSpecError
from tests.databases import DATABASES, open_empty_database
from tests.exchange import add_name, add_spec, resolved_spec
from weightbank.limits import Limits

ONE, TWO, THREE = (resolved_spec(width) for width in (1, 2, 3))


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


def exported(engine: Engine, **selection: Any) -> bytes:
    """A file of a database."""
    file = io.BytesIO()
    export_specs(engine, file, Selection(**selection))
    return file.getvalue()


def imported(engine: Engine, content: bytes, **limits: int) -> ImportCounts:
    """What comes of a file."""
    return import_specs(
        engine,
        io.BytesIO(content),
        limits=Limits(**limits),
        directory=Path(tempfile.gettempdir()),
    )


def signed(lines: list[bytes]) -> bytes:
    """Lines with an end that has their hash and counts."""
    kinds = [line.split(b'"')[1].decode() for line in lines[1:]]
    end = {
        "end": True,
        **{f"{kind}s": kinds.count(kind) for kind in ("spec", "name", "version")},
        "sha256": hashlib.sha256(b"".join(lines)).hexdigest(),
    }
    return b"".join(lines) + json.dumps(end, separators=(",", ":")).encode() + b"\n"


def rows(engine: Engine) -> list[int]:
    """How many rows the tables have."""
    tables = (specs_table, spec_facts_table, names_table, name_versions_table)
    with engine.connect() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        ]


def test_a_file_brings_everything(source: Engine, target: Engine) -> None:
    """Ids, seeds, times, names and notes; a file of the copy has the same bytes."""
    content = exported(source)
    assert imported(target, content) == ImportCounts(new_specs=2, new_names=1, new_versions=2)
    assert exported(target) == content
    assert rows(target) == rows(source) == [2, 2, 1, 2]


def test_a_second_time_nothing_is_new(source: Engine, target: Engine) -> None:
    """All is counted as known."""
    content = exported(source)
    imported(target, content)
    assert imported(target, content) == ImportCounts(known_specs=2, known_names=1, known_versions=2)
    assert exported(target) == content


def test_keys_stay_where_they_are(source: Engine, target: Engine) -> None:
    """Their ids mean nothing on another server."""
    content = exported(source)
    assert b"a-key" not in content
    imported(target, content)
    with target.connect() as connection:
        assert set(connection.execute(select(name_versions_table.c.created_by)).scalars()) == {None}


def test_a_seed_is_filled_in_but_not_replaced(source: Engine, target: Engine) -> None:
    """As when a spec is posted again."""
    add_spec(target, ONE)
    add_spec(target, TWO, seed=9)
    imported(target, exported(source))
    with target.connect() as connection:
        found = dict(
            connection.execute(select(specs_table.c.id, specs_table.c.suggested_seed)).all()
        )
    assert found == {ONE.id: str(2**64 - 1), TWO.id: "9"}


def test_a_team_or_some_specs_alone(source: Engine, target: Engine) -> None:
    """With what they need, and nothing else."""
    add_spec(source, THREE)
    add_name(source, "audio/tts", THREE.id)
    assert imported(target, exported(source, team="audio")) == ImportCounts(
        new_specs=1, new_names=1, new_versions=1
    )
    assert imported(target, exported(source, ids=[TWO.id, "0" * 64])) == ImportCounts(new_specs=1)


def test_a_version_that_stands_for_another_spec_is_a_conflict(
    source: Engine, target: Engine
) -> None:
    """It is named, and nothing at all is imported."""
    add_spec(target, THREE)
    add_name(target, "vision/mlp", THREE.id, THREE.id)
    before = exported(target)
    with pytest.raises(ImportConflictError, match="vision/mlp@2 "):
        imported(target, exported(source))
    assert exported(target) == before


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        # (retired, versions) here; the file has version 1 retired, and 2 and 3.
        ((0, 0), (3, 1, 2)),
        ((1, 0), (3, 1, 2)),
        ((0, 1), (3, 0, 3)),
        ((2, 0), (3, 2, 1)),
        ((3, 0), (3, 3, 0)),
        ((7, 0), (7, 7, 0)),
        ((3, 2), (5, 3, 2)),
    ],
)
def test_numbers_of_versions_are_never_given_twice(
    source: Engine, target: Engine, here: tuple[int, int], expected: tuple[int, int, int]
) -> None:
    """Retired ones stay retired; the rest is without gaps."""
    retired, versions = here
    add_spec(target, THREE)
    add_name(target, "vision/mlp", *[THREE.id] * versions, retired=retired)
    imported(target, exported(source))
    with target.connect() as connection:
        name = connection.execute(select(names_table)).one()
        found = sorted(connection.execute(select(name_versions_table.c.version)).scalars())
    assert (name.newest_version, name.retired_version, len(found)) == expected
    assert found == list(range(name.retired_version + 1, name.newest_version + 1))


def test_a_gap_between_versions_is_a_conflict(source: Engine, target: Engine) -> None:
    """Versions in use here that end before those of the file begin."""
    content = exported(source).replace(b'"retired_version":1', b'"retired_version":4')
    lines = content.replace(b'"newest_version":3', b'"newest_version":6').splitlines(keepends=True)[
        :-1
    ]
    text = b"".join(lines).replace(b"mlp@2", b"mlp@5").replace(b"mlp@3", b"mlp@6")
    add_spec(target, ONE)
    add_name(target, "vision/mlp", ONE.id)
    with pytest.raises(ImportConflictError, match="vision/mlp "):
        imported(target, signed(text.splitlines(keepends=True)))


CHANGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "order": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 3 is not in order"),
    "duplicate": (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 3 is not in order"),
    "version without name": (lambda lines: [*lines[:3], *lines[4:]], "line 4 is not in order"),
    "version missing": (lambda lines: [*lines[:4], lines[5]], "line 5 is not in order"),
    "last version missing": (lambda lines: lines[:5], "line 6 counts other lines"),
    "name before specs": (
        lambda lines: [lines[0], lines[3], *lines[4:6], *lines[1:3]],
        "line 5 is not in order",
    ),
    "another spec's id": (
        lambda lines: [lines[0], lines[1].replace(lines[1][9:73], b"0" * 64, 1), *lines[2:]],
        "has another hash",
    ),
    "no head": (lambda lines: [b"{}\n", *lines[1:]], "does not begin a file of specs"),
    "another format": (
        lambda lines: [lines[0].replace(b":1}", b":2}"), *lines[1:]],
        "has format version 2, and 1 is read here",
    ),
    "spaces": (
        lambda lines: [*lines[:3], lines[3].replace(b",", b", "), *lines[4:]],
        "line 4 is not written as this format is",
    ),
    "another key": (
        lambda lines: [*lines[:3], lines[3].replace(b'{"name"', b'{"a":1,"name"'), *lines[4:]],
        "line 4 is not written as this format is",
    ),
    "a note that is none": (
        lambda lines: [*lines[:4], lines[4].replace("größe".encode(), b"\\u0007"), lines[5]],
        "line 5 is not one of this format",
    ),
    "a name that is none": (
        lambda lines: [*lines[:3], *(line.replace(b"vision/", b"../") for line in lines[3:])],
        "line 4 is not one of this format",
    ),
    "a spec that is nowhere": (
        lambda lines: [*lines[:2], *lines[3:]],
        "which is neither in the file nor here",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_wrong_is_refused(source: Engine, tmp_path: Path, change: str) -> None:
    """By its line, although its own hash is right; nothing is imported."""
    target = open_database(database_url("", data_directory=tmp_path))
    lines = exported(source).splitlines(keepends=True)[:-1]
    changed, message = CHANGES[change]
    with pytest.raises(InvalidImportError, match=message):
        imported(target, signed(changed(lines)))
    assert rows(target) == [0, 0, 0, 0]
    target.dispose()


@pytest.mark.parametrize(
    "document",
    [
        b"{}",
        b'{"algorithm":1,"tensors":[]}',
        b'{"algorithm":2,"tensors":[]}',
        b'{"algorithm":1,"tensors":{"a":1}}',
        b'{"tensors":[1],"algorithm":1}',
        b"{" + b'"a":{' * 5000 + b"}" * 5001,
    ],
)
def test_what_is_no_spec_is_refused(source: Engine, document: bytes) -> None:
    """Whatever its hash is."""
    refuse_document(source, document)


def refuse_document(engine: Engine, document: bytes) -> None:
    """See that a document with its right hash is not imported."""
    spec_id = hashlib.sha256(document).hexdigest().encode()
    head = b'{"spec":"' + spec_id + b'","suggested_seed":null,'
    line = head + b'"created_at":"2026-01-31T12:00:00.000000Z","document":' + document + b"}\n"
    with pytest.raises(InvalidImportError, match="line 2 has "):
        imported(engine, signed([exported(engine).splitlines(keepends=True)[0], line]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"shape":[2]', '"shape":[-2]'),
        ('"shape":[2]', '"shape":["2"]'),
        ('"shape":[2]', '"shape":[true]'),
        ('"shape":[2]', '"shape":[9223372036854775807,9]'),
        ('"shape":[2]', '"shape":[1,1,1,1,1,1,1,1,1]'),
        ('"dtype_fixed":false', '"dtype_fixed":0'),
        ('"dtype":"float32"', '"dtype":"float31"'),
        ('"name":"fc.bias"', '"name":"fc.weight"'),
        ('"name":"fc.bias"', '"name":"zz"'),
        ('"name":"fc.bias"', '"name":7'),
        ('"name":"fc.bias"', '"name":"__metadata__"'),
        ('"type":"constant","value":0.0', '"type":"constant","value":1e308'),
        ('"type":"constant","value":0.0', '"type":"tie","to":"none"'),
        ('"type":"constant","value":0.0', '"type":"nothing"'),
    ],
)
def test_a_spec_that_nobody_could_have_resolved_is_refused(
    source: Engine, old: str, new: str
) -> None:
    """A right hash says nothing about what is hashed."""
    document = resolved_spec(4, init="zeros").canonical_json().decode()
    document = document.replace('"value":0', '"value":0.0').replace("0.0.0", "0.0")
    assert old in document, document
    refuse_document(source, document.replace(old, new, 1).encode())


def test_a_spec_beyond_a_limit_is_refused(source: Engine, tmp_path: Path) -> None:
    """As when it is posted."""
    target = open_database(database_url("", data_directory=tmp_path))
    with pytest.raises(InvalidImportError, match="8 bytes or fewer"):
        imported(target, exported(source), file_bytes=8)
    target.dispose()


def test_a_damaged_spec_is_not_exported(source: Engine) -> None:
    """A file that nobody can import is no copy."""
    with source.begin() as connection:
        connection.execute(update(specs_table).values(canonical_json="{}"))
    with pytest.raises(DamagedSpecError):
        exported(source)


class TestAnyDamage:
    """Every cut, and every changed byte."""

    content: bytes = b""

    @pytest.fixture(autouse=True)
    def _content(self, source: Engine) -> None:
        type(self).content = exported(source)

    @given(place=st.integers(0, 10**6))
    def test_a_cut_file_is_refused(self, place: int) -> None:
        """Wherever it was cut."""
        cut = self.content[: place % len(self.content)]
        with pytest.raises(InvalidImportError):
            list(read_records(io.BytesIO(cut)))

    @given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
    def test_a_changed_bit_is_noticed(self, place: int, bit: int) -> None:
        """Whichever it is."""
        changed = bytearray(self.content)
        changed[place % len(changed)] ^= 1 << bit
        with pytest.raises(InvalidImportError):
            list(read_records(io.BytesIO(bytes(changed))))

    @given(junk=st.binary(max_size=200))
    def test_anything_behind_the_end_is_refused(self, junk: bytes) -> None:
        """And any junk in place of a file."""
        for content in (junk, self.content + junk):
            if content != self.content:
                with pytest.raises(InvalidImportError):
                    list(read_records(io.BytesIO(content)))
