"""What keeps names and their versions, and what is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.names.syntax import Name, Reference

Agree = Callable[[int | None], None]
"""Is told the newest version, None if there is none; raises to leave all as it is."""


@dataclass(frozen=True, slots=True)
class NameVersion:
    """What a name stood for, from some time on, for good.

    Attributes:
        name: The name.
        version: Counted from 1.
        spec_id: Of a stored spec.
        note: Of whoever made it; may be empty.
        created_by: Id of their key; None where keys are off.
        created_at: In UTC.
    """

    name: Name
    version: int
    spec_id: str
    note: str
    created_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NameState:
    """Which versions a name has.

    Attributes:
        newest_version: The newest there ever was; 0 if there was none.
        retired_version: Those up to this one are retired.
    """

    newest_version: int
    retired_version: int

    @property
    def newest(self) -> int | None:
        """The newest version, or None if all are retired."""
        return self.newest_version if self.newest_version > self.retired_version else None


class NameStore(Protocol):
    """Keeps names. Every method blocks, and may be called from any thread."""

    def put(
        self, name: Name, *, spec_id: str, note: str | None, created_by: str | None, agree: Agree
    ) -> tuple[NameVersion, bool]:
        """Make the next version, unless the newest is this very one; and say whether it is new."""

    def retire(self, name: Name, *, agree: Agree) -> NameState | None:
        """Take all versions of a name away; return how it was before, None if it is unknown."""

    def find(self, reference: Reference) -> NameVersion | None:
        """Return one version."""

    def state(self, name: Name) -> NameState | None:
        """Return which versions a name has, None if it is unknown."""

    def versions(self, name: Name, *, before: int | None, limit: int) -> list[NameVersion]:
        """Return versions of a name, the newest first, from below a number."""

    def newest(
        self, *, team: str | None, search: str, after: Name | None, limit: int
    ) -> list[NameVersion]:
        """Return the newest version of each name, in the order of names, behind one of them."""

    def near_names(self, name: Name) -> list[str]:
        """Return names that may have been meant, as ``team/name``."""

    def near_teams(self, team: str) -> list[str]:
        """Return teams that may have been meant, first the very one if there is one."""
