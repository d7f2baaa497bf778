"""Lengths of time as people write them: ``90d``."""

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_LONGEST_DAYS = 36_525


def parse_duration(text: str) -> timedelta:
    """Return a length of time.

    Raises:
        ValueError: If it is none, or longer than a century.

    Examples:
        >>> parse_duration("90d")
        datetime.timedelta(days=90)
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be a number and a unit, as in 12h, 90d or 52w")
    duration = timedelta(seconds=int(match.group(1)) * _UNITS[match.group(2)])
    if duration > timedelta(days=_LONGEST_DAYS):
        raise ValueError("must not be longer than a century")
    return duration
