"""The lines of a file of specs, written and read back.

Format 1, in UTF-8, one JSON object a line, without spaces, keys in this order:

    {"format":"weightbank specs","version":1}
    {"spec":ID,"suggested_seed":"42" or null,"created_at":TIME,"document":{...}}
    {"name":"team/name","newest_version":3,"retired_version":1,"created_at":TIME}
    {"version":"team/name@2","spec":ID,"note":TEXT,"created_at":TIME}
    {"end":true,"specs":9,"names":1,"versions":2,"sha256":HASH}

Specs come first, by id; then names, by team and name, each followed by all its
versions that are not retired, ascending. A document is canonical JSON (RFC 8785), and
its SHA-256 is the id. Times are in UTC, with six digits of seconds. The last line has
the SHA-256 of all bytes before it: a file without it was cut.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.names.syntax import (
    MOST_VERSION,
    Name,
    Reference,
    is_id,
    parse_name,
    parse_note,
    parse_reference,
)
from services.spec_exchange.errors import InvalidImportError
from weightbank.errors import WeightbankError

FORMAT = "weightbank specs"
VERSION = 1

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_MOST_LINES = 2**53
_SPEC_LINE = re.compile(
    rb'\{"spec":"([0-9a-f]{64})","suggested_seed":(?:null|"([0-9]{1,20})"),'
    rb'"created_at":"([0-9TZ:.-]{27})","document":(?=\{)'
)


@dataclass(frozen=True, slots=True)
class SpecRecord:
    """A spec. ``document`` is its canonical JSON."""

    id: str
    suggested_seed: int | None
    created_at: datetime
    document: bytes

    def line(self) -> bytes:
        """Return it as a line."""
        seed = "null" if self.suggested_seed is None else f'"{self.suggested_seed}"'
        head = (
            f'{{"spec":"{self.id}","suggested_seed":{seed},'
            f'"created_at":"{_written(self.created_at)}","document":'
        )
        return head.encode() + self.document + b"}\n"


@dataclass(frozen=True, slots=True)
class NameRecord:
    """A name, and which numbers its versions have."""

    name: Name
    newest_version: int
    retired_version: int
    created_at: datetime

    def line(self) -> bytes:
        """Return it as a line."""
        return json_line(
            {
                "name": str(self.name),
                "newest_version": self.newest_version,
                "retired_version": self.retired_version,
                "created_at": _written(self.created_at),
            }
        )


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A version of a name."""

    name: Name
    version: int
    spec_id: str
    note: str
    created_at: datetime

    @property
    def reference(self) -> str:
        """As it is written."""
        return str(Reference(self.name, self.version))

    def line(self) -> bytes:
        """Return it as a line."""
        return json_line(
            {
                "version": self.reference,
                "spec": self.spec_id,
                "note": self.note,
                "created_at": _written(self.created_at),
            }
        )


@dataclass(frozen=True, slots=True)
class EndRecord:
    """What a whole file ends with."""

    specs: int
    names: int
    versions: int
    sha256: str

    def line(self) -> bytes:
        """Return it as a line."""
        return json_line(
            {
                "end": True,
                "specs": self.specs,
                "names": self.names,
                "versions": self.versions,
                "sha256": self.sha256,
            }
        )


_NO_RECORD = (
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
    WeightbankError,
)
"""What reading a line raises that is none of ours."""

Record = SpecRecord | NameRecord | VersionRecord | EndRecord

HEAD_LINE = b'{"format":"weightbank specs","version":1}\n'


def read_record(line: bytes, number: int) -> Record:
    """Return what a line says.

    Args:
        line: With its end.
        number: Of the line, for messages.

    Raises:
        InvalidImportError: If it is none, or not written as ``line`` writes it.
    """
    match = _SPEC_LINE.match(line)
    try:
        record = _spec(line, match) if match else _other(json.loads(line))
    except _NO_RECORD:
        raise InvalidImportError(number, "is not one of this format") from None
    if record.line() != line:
        raise InvalidImportError(number, "is not written as this format is")
    return record


def check_head(line: bytes) -> None:
    """Refuse a file that is not one of these.

    Raises:
        InvalidImportError: If its first line is another one.
    """
    if line == HEAD_LINE:
        return
    problem = "does not begin a file of specs"
    try:
        head = json.loads(line)
        if head["format"] == FORMAT:
            problem = f"has format version {str(head['version'])[:20]}, and {VERSION} is read here"
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise InvalidImportError(1, problem)


def json_line(document: Mapping[str, Any]) -> bytes:
    r"""Return a line.

    Examples:
        >>> json_line({"name": "vision/größe"})
        b'{"name":"vision/gr\xc3\xb6\xc3\x9fe"}\n'
    """
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _spec(line: bytes, match: re.Match[bytes]) -> SpecRecord:
    spec_id, seed, created_at = match.groups()
    return SpecRecord(
        id=spec_id.decode(),
        suggested_seed=None if seed is None else _number(int(seed), 0, 2**64 - 1),
        created_at=_read_time(created_at.decode()),
        document=line[match.end() : -len(b"}\n")],
    )


def _other(document: Any) -> Record:
    if "name" in document:
        newest_version = _number(document["newest_version"], 0, MOST_VERSION)
        return NameRecord(
            name=_read_name(document["name"]),
            newest_version=newest_version,
            retired_version=_number(document["retired_version"], 0, newest_version),
            created_at=_read_time(document["created_at"]),
        )
    if "version" in document:
        reference = parse_reference(document["version"], argument="version")
        if reference.version is None or not is_id(document["spec"]):
            raise ValueError(document)
        return VersionRecord(
            name=reference.name,
            version=reference.version,
            spec_id=document["spec"],
            note=parse_note(_text(document["note"])),
            created_at=_read_time(document["created_at"]),
        )
    return EndRecord(
        specs=_number(document["specs"], 0, _MOST_LINES),
        names=_number(document["names"], 0, _MOST_LINES),
        versions=_number(document["versions"], 0, _MOST_LINES),
        sha256=_text(document["sha256"]),
    )


def _read_name(text: str) -> Name:
    team, _, name = text.partition("/")
    return parse_name(team, name)


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(value)
    return value


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
