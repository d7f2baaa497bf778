"""What ``python -m app keys create`` takes, read as argparse wants it."""

import argparse
import math
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from pydantic import ByteSize, TypeAdapter, ValidationError

from app.access_settings import MOST_BYTES_PER_DAY, MOST_REQUESTS_PER_SECOND
from app.commands.durations import parse_duration
from services.keys.scopes import SCOPES
from services.names.errors import InvalidTeamError
from services.names.syntax import parse_team

_LABEL_CHARACTERS = 200

Value = TypeVar("Value")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a parser take all that a new key has."""
    parser.add_argument("--label", required=True, type=_said(label), help="whose it is, what for")
    parser.add_argument(
        "--scope",
        required=True,
        action="append",
        choices=SCOPES,
        help="what it opens; may be given several times. write includes read, admin everything",
    )
    parser.add_argument(
        "--team",
        default=[],
        action="append",
        type=_said(team),
        help="whose names it may change; may be given several times (default: every team's)",
    )
    parser.add_argument(
        "--expires", type=_said(expiry), help="after how long, as in 12h or 90d (default: never)"
    )
    parser.add_argument(
        "--requests-per-second",
        type=_said(rate),
        help="of each server; 0 for no limit (default: WEIGHTBANK_KEY_REQUESTS_PER_SECOND)",
    )
    parser.add_argument(
        "--bytes-per-day",
        type=_said(size),
        help="in UTC, as in 1TiB; 0 for no limit (default: WEIGHTBANK_KEY_BYTES_PER_DAY)",
    )


def label(text: str) -> str:
    """Return a label.

    Raises:
        ValueError: If it cannot be shown.
    """
    if not text.strip() or not text.isprintable() or len(text) > _LABEL_CHARACTERS:
        raise ValueError(f"must be a line of up to {_LABEL_CHARACTERS} characters")
    return text.strip()


def team(text: str) -> str:
    """Return the name of a team.

    Raises:
        ValueError: If no team has it.
    """
    try:
        return parse_team(text)
    except InvalidTeamError as error:
        raise ValueError(f"must be a team's name: {error.accepted}") from None


def expiry(text: str) -> timedelta:
    """Return after how long a key expires."""
    return parse_duration(text)


def rate(text: str) -> float:
    """Return requests per second.

    Raises:
        ValueError: If it is no number in range.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= MOST_REQUESTS_PER_SECOND:
        raise ValueError(f"must be a number from 0 to {MOST_REQUESTS_PER_SECOND}")
    return number


def size(text: str) -> int:
    """Return a number of bytes.

    Raises:
        ValueError: If it is none.

    Examples:
        >>> size("1TiB") == 2**40
        True
    """
    try:
        found = int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError:
        found = -1
    if not 0 <= found <= MOST_BYTES_PER_DAY:
        raise ValueError("must be a number of bytes, as in 500GB or 1TiB")
    return found


def _said(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a function whose refusals argparse shows in their own words."""

    def parse_for_argparse(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_for_argparse
