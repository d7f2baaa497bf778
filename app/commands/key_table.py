"""Keys as they are listed: for people and for programs, never their secrets."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ByteSize

from services.keys.key import Key

_HEAD = ("ID", "STATE", "SCOPES", "TEAMS", "TODAY", "PER DAY", "PER SECOND", "USED", "EXPIRES")
_LAST = "LABEL"


def state_of(key: Key, now: datetime) -> str:
    """Return whether a key counts, in a word."""
    if key.revoked_at is not None:
        return "revoked"
    return "active" if key.counts_at(now) else "expired"


def key_document(key: Key, *, now: datetime, used_bytes: int) -> dict[str, Any]:
    """Return a key for programs."""
    return {
        "id": key.id,
        "label": key.label,
        "state": state_of(key, now),
        "scopes": list(key.scopes),
        "teams": list(key.teams),
        "requests_per_second": key.requests_per_second,
        "bytes_per_day": key.bytes_per_day,
        "bytes_today": used_bytes,
        "created_at": _moment(key.created_at),
        "expires_at": _moment(key.expires_at),
        "revoked_at": _moment(key.revoked_at),
        "used_at": _moment(key.used_at),
    }


def key_rows(
    keys: Sequence[Key], *, now: datetime, used: Mapping[str, int]
) -> list[tuple[str, ...]]:
    """Return a table of keys, its head first."""
    rows = [
        (
            key.id,
            state_of(key, now),
            ",".join(key.scopes),
            ",".join(key.teams) or "all",
            _size(used.get(key.id, 0)),
            _limit(key.bytes_per_day, _size),
            _limit(key.requests_per_second, lambda rate: f"{rate:g}"),
            _shown(key.used_at, "never"),
            _shown(key.expires_at, "never"),
            key.label,
        )
        for key in keys
    ]
    return [(*_HEAD, _LAST), *rows]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, in columns.

    Examples:
        >>> table([("ID", "LABEL"), ("0123", "trainers")])
        ['ID    LABEL', '0123  trainers']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _limit(value: Any, show: Any) -> str:
    if value is None:
        return "default"
    return "none" if value == 0 else str(show(value))


def _size(size_bytes: int) -> str:
    return ByteSize(size_bytes).human_readable()


def _shown(moment: datetime | None, never: str) -> str:
    return never if moment is None else f"{moment:%Y-%m-%dT%H:%MZ}"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
