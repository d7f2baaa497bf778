"""What this server's operator lets in: which repositories, under which licences."""

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Self

from services.hub.errors import LicenceNotAllowedError, RepositoryNotAllowedError

UNKNOWN_LICENCE = "unknown"
"""What a repository counts as whose card names no licence."""

_PATTERN = re.compile(r"[A-Za-z0-9._*?-]+(?:/[A-Za-z0-9._*?-]+)?")
_LICENCE = re.compile(r"[a-z0-9][a-z0-9._+-]*")
_ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class AllowList:
    """The repositories that may be asked for.

    A pattern is held against owner and name part by part: ``*`` stands for any
    characters of one part, ``?`` for one. The pattern ``*`` alone is everything; any
    other pattern without a slash is for names without an owner.

    Attributes:
        patterns: Any of which is enough.
    """

    patterns: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the list that a setting's text says, patterns with commas between them.

        Raises:
            ValueError: If a pattern can match no repository's name, or there is none.

        Examples:
            >>> AllowList.parse("timm/*, openai-community/gpt2").patterns
            ('timm/*', 'openai-community/gpt2')
            >>> AllowList.parse("timm/*/*")
            Traceback (most recent call last):
            ValueError: 'timm/*/*' matches no repository; accepted: owner/name or name with \
* and ? in them, and commas between them; * alone for every repository
        """
        patterns = _entries(text)
        accepted = (
            "accepted: owner/name or name with * and ? in them, and commas between them; "
            "* alone for every repository"
        )
        if not patterns:
            raise ValueError(f"an empty list allows no repository; {accepted}")
        for pattern in patterns:
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(f"{pattern!r} matches no repository; {accepted}")
        return cls(patterns)

    def check(self, repository: str, *, today: str | None = None) -> None:
        """See that a repository is allowed.

        Args:
            repository: Its name, as it was asked for.
            today: The name that it was renamed to, which has to be allowed too. It is
                not told: the repository may be private.

        Raises:
            RepositoryNotAllowedError: If no pattern matches a name.

        Examples:
            >>> AllowList.parse("timm/*").check("timm/resnet50.a1_in1k")
            >>> AllowList.parse("timm/*").check("timmy/resnet50")
            Traceback (most recent call last):
            services.hub.errors.RepositoryNotAllowedError: repository 'timmy/resnet50' is not \
among those that this server serves; accepted: timm/*
        """
        for name in (repository, today or repository):
            if not any(_matches(name, pattern) for pattern in self.patterns):
                problem = "has a new name, which " if name != repository else ""
                raise RepositoryNotAllowedError(
                    "repository",
                    repository,
                    f"{problem}is not among those that this server serves",
                    ", ".join(self.patterns),
                )


@dataclass(frozen=True, slots=True)
class LicencePolicy:
    """The licences under which a checkpoint may be served.

    Attributes:
        accepted: If not None, these alone.
        refused: None of these.
    """

    accepted: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the policy that a setting's text says.

        Args:
            text: The identifiers accepted, ``apache-2.0,mit``; or those refused,
                ``!cc-by-nc-4.0,!other``; or ``*`` or nothing, which accept all. A
                repository without a licence counts as ``unknown``.

        Raises:
            ValueError: If it has no meaning, or says both.

        Examples:
            >>> sorted(LicencePolicy.parse("apache-2.0, MIT").accepted)
            ['apache-2.0', 'mit']
            >>> LicencePolicy.parse("mit,!other")
            Traceback (most recent call last):
            ValueError: 'mit,!other' both accepts and refuses licences; accepted: either \
identifiers to accept (apache-2.0,mit) or identifiers to refuse (!cc-by-nc-4.0,!unknown)
        """
        ending = (
            "accepted: either identifiers to accept (apache-2.0,mit) or identifiers to refuse "
            "(!cc-by-nc-4.0,!unknown)"
        )
        entries = _entries(text.lower())
        if text.strip() and not entries:
            raise ValueError(f"{text!r} names no licence; {ending}, or * for all")
        if entries == (_ANYTHING,):
            return cls()
        for entry in entries:
            if not _LICENCE.fullmatch(entry.removeprefix("!").strip()):
                raise ValueError(f"{entry!r} is not a licence's identifier; {ending}")
        refused = frozenset(entry[1:].strip() for entry in entries if entry.startswith("!"))
        accepted = frozenset(entry for entry in entries if not entry.startswith("!"))
        if refused and accepted:
            raise ValueError(f"{text!r} both accepts and refuses licences; {ending}")
        return cls(accepted or None, refused)

    def check(self, repository: str, licence: str | None) -> None:
        """See that a repository's licence is accepted.

        Args:
            repository: Whose licence it is.
            licence: Its identifier, or several with commas between them, each of
                which has to be accepted; None if it has none.

        Raises:
            LicenceNotAllowedError: If it is not.

        Examples:
            >>> LicencePolicy.parse("!unknown").check("owner/name", None)
            Traceback (most recent call last):
            services.hub.errors.LicenceNotAllowedError: licence 'unknown' of owner/name is not \
accepted by this server; accepted: every licence but unknown
        """
        for one in _entries((licence or "").lower()) or (UNKNOWN_LICENCE,):
            if one in self.refused or (self.accepted is not None and one not in self.accepted):
                raise LicenceNotAllowedError(
                    "licence",
                    one,
                    f"of {repository} is not accepted by this server",
                    self._in_words(),
                )

    def _in_words(self) -> str:
        if self.accepted is not None:
            return ", ".join(sorted(self.accepted))
        return f"every licence but {', '.join(sorted(self.refused))}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What this server's operator lets in.

    Attributes:
        allowed: Repositories that may be asked for.
        licences: Under which they may be served.
    """

    allowed: AllowList = field(default_factory=lambda: AllowList((_ANYTHING,)))
    licences: LicencePolicy = field(default_factory=LicencePolicy)


def _entries(text: str) -> tuple[str, ...]:
    stripped = (entry.strip() for entry in text.split(","))
    return tuple(entry for entry in stripped if entry)


def _matches(repository: str, pattern: str) -> bool:
    if pattern == _ANYTHING:
        return True
    parts, wanted = repository.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
