"""How names, versions and references are written.

They become parts of paths and of messages, so each has one way to be written:

    team, name    [a-z0-9][a-z0-9._-]{0,62}, without ..
    version       3, or latest
    reference     team/name@version
    spec          an id (64 hexadecimal digits), or a reference

No team is as long as an id, so that none can be taken for one.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from services.names.errors import (
    InvalidNoteError,
    InvalidReferenceError,
    InvalidTeamError,
    InvalidTeamNameError,
    InvalidVersionError,
)
from weightbank.errors import NO_VALUE, WeightbankError

LATEST: Literal["latest"] = "latest"
NOTE_CHARACTERS = 1_000
"""Longest note."""

MOST_VERSION = 999_999_999
"""Greatest number that a version is written with."""

NAME_PATTERN = "[a-z0-9][a-z0-9._-]{0,62}"
VERSION_PATTERN = "[1-9][0-9]{0,8}|latest"
ID_PATTERN = "[0-9a-f]{64}"

_NAME = re.compile(NAME_PATTERN)
_NUMBER = re.compile("[1-9][0-9]{0,8}")
_ID = re.compile(ID_PATTERN)
_ACCEPTED_NAME = (
    "1 to 63 characters of a-z 0-9 . _ -, beginning with a letter or a digit, without .."
)
_ACCEPTED_VERSION = "a number such as 3, or latest"
ACCEPTED_SPEC = "a spec's id, or team/name@version"


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A name of a team.

    Attributes:
        team: Whose it is.
        name: Among those of the team.

    Examples:
        >>> str(Name("vision", "resnet50"))
        'vision/resnet50'
    """

    team: str
    name: str

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.team}/{self.name}"


@dataclass(frozen=True, slots=True)
class Reference:
    """One version of a name.

    Attributes:
        name: The name.
        version: Its number; None for the newest one, whichever that is.
    """

    name: Name
    version: int | None

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.name}@{LATEST if self.version is None else self.version}"


def parse_team(text: str) -> str:
    """Return a team's name if it can be one.

    Raises:
        InvalidTeamError: If it cannot.

    Examples:
        >>> parse_team("vision")
        'vision'
    """
    return _parsed(text, "team", InvalidTeamError)


def parse_name(team: str, name: str) -> Name:
    """Return a name if it can be one.

    Raises:
        InvalidTeamError: If the team cannot be called this.
        InvalidTeamNameError: If the name cannot.

    Examples:
        >>> parse_name("vision", "../secrets")
        Traceback (most recent call last):
        services.names.errors.InvalidTeamNameError: name '../secrets' cannot be a name; \
accepted: 1 to 63 characters of a-z 0-9 . _ -, beginning with a letter or a digit, without ..
    """
    return Name(parse_team(team), _parsed(name, "name", InvalidTeamNameError))


def parse_version(text: str) -> int | None:
    """Return the number of a version, or None for the newest one.

    Raises:
        InvalidVersionError: If it is neither.

    Examples:
        >>> parse_version("3"), parse_version("latest")
        (3, None)
        >>> parse_version("03")
        Traceback (most recent call last):
        services.names.errors.InvalidVersionError: version '03' cannot be a version; \
accepted: a number such as 3, or latest
    """
    if text == LATEST:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise InvalidVersionError("version", text, "cannot be a version", _ACCEPTED_VERSION)
    return int(text)


def parse_reference(text: str, *, argument: str) -> Reference:
    """Return what ``team/name@version`` refers to.

    Args:
        text: As a caller wrote it.
        argument: What the caller gave it as.

    Raises:
        WeightbankError: If it is no reference, or names what cannot be.

    Examples:
        >>> parse_reference("vision/resnet50@3", argument="spec").version
        3
        >>> parse_reference("vision/resnet50", argument="spec")
        Traceback (most recent call last):
        services.names.errors.InvalidReferenceError: spec 'vision/resnet50' names no spec; \
accepted: a spec's id, or team/name@version
    """
    team, slash, rest = text.partition("/")
    name, at, version = rest.partition("@")
    if not (slash and at):
        raise InvalidReferenceError(argument, text, "names no spec", ACCEPTED_SPEC)
    return Reference(parse_name(team, name), parse_version(version))


def parse_spec(text: str, *, argument: str) -> str | Reference:
    """Return the id or the reference by which a caller names a spec.

    Raises:
        WeightbankError: If it is neither.

    Examples:
        >>> parse_spec("0" * 64, argument="spec") == "0" * 64
        True
        >>> str(parse_spec("vision/resnet50@latest", argument="spec"))
        'vision/resnet50@latest'
    """
    return text if is_id(text) else parse_reference(text, argument=argument)


def is_id(text: str) -> bool:
    """Return whether a text is written as ids are.

    Examples:
        >>> is_id("0" * 64), is_id("vision")
        (True, False)
    """
    return _ID.fullmatch(text) is not None


def parse_note(text: str) -> str:
    """Return a note if it can be one.

    Raises:
        InvalidNoteError: If it is too long, or holds what no text does.

    Examples:
        >>> parse_note("warm start of run 12")
        'warm start of run 12'
    """
    accepted = f"at most {NOTE_CHARACTERS:,} characters, without control characters but new lines"
    if len(text) > NOTE_CHARACTERS:
        raise InvalidNoteError("note", NO_VALUE, f"has {len(text):,} characters", accepted)
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in text):
        raise InvalidNoteError("note", text, "holds a control character", accepted)
    return text


def _parsed(text: str, what: str, error: type[WeightbankError]) -> str:
    if _NAME.fullmatch(text) is None or ".." in text:
        raise error(what, text, f"cannot be a {what}", _ACCEPTED_NAME)
    return text
