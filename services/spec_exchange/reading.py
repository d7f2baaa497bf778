"""A file of specs, read line by line: in order, whole, and as it was written."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from services.names.syntax import Name
from services.spec_exchange.errors import InvalidImportError
from services.spec_exchange.records import (
    EndRecord,
    NameRecord,
    Record,
    SpecRecord,
    VersionRecord,
    check_head,
    read_record,
)

LINE_BYTES = 2**27
"""Longest line: a spec of a hundred thousand tensors has less."""


def read_records(file: BinaryIO) -> Iterator[tuple[int, Record]]:
    """Yield the records of a file with the numbers of their lines; the end is none.

    What was yielded counts only if nothing is raised until the end.

    Raises:
        InvalidImportError: If a line is wrong, out of order or missing, the file was
            cut, or its hash is another one.
    """
    file.seek(0)
    hashed = hashlib.sha256()
    order = _Order()
    number = 0
    while line := file.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES:
            raise InvalidImportError(number, f"has more than {LINE_BYTES:,} bytes")
        if not line.endswith(b"\n"):
            raise InvalidImportError(number, "was cut")
        if number == 1:
            check_head(line)
            hashed.update(line)
            continue
        record = read_record(line, number)
        if isinstance(record, EndRecord):
            order.check_end(record, number)
            if record.sha256 != hashed.hexdigest():
                raise InvalidImportError(number, "has another hash than the lines before it")
            if file.read(1):
                raise InvalidImportError(number + 1, "stands behind the end")
            return
        hashed.update(line)
        order.check(record, number)
        yield number, record
    raise InvalidImportError(number + 1, "is missing: the file was cut")


@dataclass(slots=True)
class _Order:
    """Specs by id, then names, each with all its versions; and how many of each."""

    spec_id: str = ""
    name: Name | None = None
    next_version: int = 0
    newest_version: int = -1
    counts: dict[str, int] = field(default_factory=lambda: {"specs": 0, "names": 0, "versions": 0})

    def check(self, record: Record, number: int) -> None:
        if isinstance(record, SpecRecord):
            is_next = self.name is None and record.id > self.spec_id
            self.spec_id = record.id
            self.counts["specs"] += 1
        elif isinstance(record, NameRecord):
            is_next = self.is_name_whole() and (self.name is None or record.name > self.name)
            self.name = record.name
            self.next_version = record.retired_version + 1
            self.newest_version = record.newest_version
            self.counts["names"] += 1
        else:
            assert isinstance(record, VersionRecord)
            is_next = (
                record.name == self.name
                and record.version == self.next_version <= self.newest_version
            )
            self.next_version += 1
            self.counts["versions"] += 1
        if not is_next:
            raise InvalidImportError(number, "is not in order, or stands there twice")

    def check_end(self, record: EndRecord, number: int) -> None:
        counts = {"specs": record.specs, "names": record.names, "versions": record.versions}
        if not self.is_name_whole() or counts != self.counts:
            raise InvalidImportError(number, "counts other lines than stand before it")

    def is_name_whole(self) -> bool:
        """Whether all versions of the name have been there."""
        return self.name is None or self.next_version == self.newest_version + 1
