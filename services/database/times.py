"""Times as the database gives them back."""

from datetime import UTC, datetime


def in_utc(moment: datetime) -> datetime:
    """Return a time of the database with its zone, which SQLite does not keep.

    Examples:
        >>> in_utc(datetime(2026, 1, 31, 12)).isoformat()
        '2026-01-31T12:00:00+00:00'
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
