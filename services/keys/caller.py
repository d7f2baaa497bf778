"""Who asks: the key that a request came with, or anybody where keys are off."""

from dataclasses import dataclass

from services.keys.errors import InsufficientScopeError, OtherTeamError
from services.keys.scopes import SCOPES, Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what is open to them.

    Attributes:
        key_id: Public part of the key; None where keys are off.
        scopes: All that are open, included ones too.
        teams: Whose names may be changed; None for every team's.
    """

    key_id: str | None
    scopes: frozenset[Scope]
    teams: frozenset[str] | None = None

    @property
    def is_administrator(self) -> bool:
        """Whether a key says so. Without keys everybody administers, and nobody is known.

        Examples:
            >>> ANYBODY.is_administrator
            False
        """
        return self.key_id is not None and "admin" in self.scopes

    def require(self, scope: Scope) -> None:
        """Let only those go on to whom a scope is open.

        Raises:
            InsufficientScopeError: If it is not.

        Examples:
            >>> ANYBODY.require("admin")
        """
        if scope not in self.scopes:
            raise InsufficientScopeError(scope, has=self.scopes)

    def require_team(self, team: str) -> None:
        """Let only those go on who may change a team's names.

        Raises:
            OtherTeamError: If they may not.
        """
        if self.teams is not None and team not in self.teams:
            raise OtherTeamError(team, teams=self.teams)


ANYBODY = Caller(key_id=None, scopes=frozenset(SCOPES))
"""Everyone who reaches a server without keys."""
