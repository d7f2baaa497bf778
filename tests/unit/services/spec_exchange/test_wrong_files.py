"""Files that are wrong bring nothing, and specs that are wrong go into none."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from services.database import (
    database_url,
    open_database,
    specs_table,
)
from services.spec_exchange.errors import InvalidImportError
from services.spec_exchange.reading import read_records
from services.spec_store import DamagedSpecError
from tests.exchange import (
    exported,
    imported,
    resolved_spec,
    rows,
    signed,
)

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
