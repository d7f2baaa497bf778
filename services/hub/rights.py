"""Who may read what, as the Hub says it: asked anew after a short while.

Theory of operation
===================
A right is a caller's (a token, or nobody) to a repository. What is for everybody needs
no right of its own: one question for all callers, without anybody's token, says that
it still is. For the rest each caller's token is tried on a file that the caller wants,
or on the largest: descriptions such as README.md may be open where weights are not.

A refusal ends a right at once. While the Hub does not answer, a right counts for a time
of grace after it was last confirmed, and what was for everybody still is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.hub.absence import Absence
from services.hub.caller import Caller
from services.hub.errors import (
    GatedRepositoryError,
    InvalidHubTokenError,
    UnknownRepositoryError,
)
from services.hub.flights import Flights
from services.hub.located import RepositorySnapshot
from services.hub.memory import Memory
from services.hub.policy import AllowList
from services.hub.upstream import Upstream

REFUSALS = (UnknownRepositoryError, GatedRepositoryError, InvalidHubTokenError)
"""Errors that say that a caller may not read a repository."""

_EVER = float("inf")


@dataclass(frozen=True, slots=True)
class MemoryTimes:
    """For how long what the Hub said counts.

    Attributes:
        revision_seconds: Where a branch or a tag leads; a commit leads there for ever.
        rights_seconds: Who may read a repository.
        grace_seconds: The same, while the Hub does not answer or nobody asks it.
    """

    revision_seconds: float = 10.0
    rights_seconds: float = 60.0
    grace_seconds: float = 7 * 86_400.0


class Rights:
    """Knows who may read, or asks. Thread-safe."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        memory: Memory,
        absence: Absence,
        allowed: AllowList,
        token: str | None,
        times: MemoryTimes,
        clock: Callable[[], float],
    ) -> None:
        """Know what the memory knows.

        Args:
            upstream: Whom to ask.
            memory: Of what was said.
            absence: What to do when nobody answers.
            allowed: Holds of the names that renamed repositories turn out to have.
            token: The service's own.
            times: For how long answers count.
            clock: Says the time in seconds since 1970.
        """
        self._upstream = upstream
        self._memory = memory
        self._absence = absence
        self._allowed = allowed
        self._token = token
        self._times = times
        self._clock = clock
        self._flights = Flights()

    def check(self, snapshot: RepositorySnapshot, caller: Caller, path: str | None) -> None:
        """See that a caller may read a repository.

        Args:
            snapshot: What it has.
            caller: Who asks.
            path: Of the file that is wanted, if it is one.

        Raises:
            WeightbankError: If not, or if nobody can say.
        """
        repository = snapshot.repository
        if self.is_known(repository, caller):
            return

        def ask() -> bool:
            # Somebody's question may have been answered while this one came to be asked.
            return self.is_known(repository, caller) or self._absence.ask(
                caller.digest,
                lambda: self._ask(snapshot, caller, path),
                lambda: self.are_in_grace(repository, caller) or None,
                subject=repository,
                restricted=None if self.is_public(repository) else repository,
            )

        self._flights.run((repository, caller.digest), ask)

    def is_known(self, repository: str, caller: Caller) -> bool:
        """Whether a caller may read a repository for all that is fresh in memory."""
        seconds = self._times.rights_seconds
        restriction = self._memory.restriction(repository, fresh_seconds=seconds)
        if (
            restriction is not None
            and not restriction.value
            and self._is_fresh(restriction.seen_at)
        ):
            return True
        granted_at = self._memory.granted_at(repository, caller.digest, fresh_seconds=seconds)
        return granted_at is not None and self._is_fresh(granted_at)

    def are_in_grace(self, repository: str, caller: Caller) -> bool:
        """Whether a caller may read a repository while the Hub does not answer."""
        if self.is_public(repository):
            return True
        grace_seconds = self._times.grace_seconds
        granted_at = self._memory.granted_at(repository, caller.digest, fresh_seconds=0)
        return granted_at is not None and 0 <= self._clock() - granted_at < grace_seconds

    def is_public(self, repository: str) -> bool:
        """Whether a repository was for everybody when that was last asked."""
        restriction = self._memory.restriction(repository, fresh_seconds=_EVER)
        return restriction is not None and not restriction.value

    def tokens(self, repository: str, caller: Caller) -> tuple[str | None, ...]:
        """Return the tokens with which to fetch for a caller, the best one first.

        What is for everybody is fetched without the caller's token: others may wait
        for the same transfer, and it must not end with the right of one.
        """
        if self.is_public(repository):
            return tuple(dict.fromkeys((self._token, caller.token, None)))
        return (caller.token,)

    def refused(self, repository: str, caller: Caller, error: Exception) -> None:
        """Hear that the Hub refused a repository to a caller."""
        self._memory.revoke(repository, caller.digest)
        if not isinstance(error, InvalidHubTokenError) and self.is_public(repository):
            self._memory.keep_restriction(repository, is_restricted=True)

    def _is_fresh(self, seen_at: float) -> bool:
        return 0 <= self._clock() - seen_at < self._times.rights_seconds

    def _ask(self, snapshot: RepositorySnapshot, caller: Caller, path: str | None) -> bool:
        repository = snapshot.repository
        if self._may_be_public(snapshot) and self._flights.run(
            repository, lambda: self._is_still_public(repository)
        ):
            return True
        try:
            self._try_token(snapshot, caller, path)
        except REFUSALS as error:
            self.refused(repository, caller, error)
            raise
        self._memory.grant(repository, caller.digest)
        return True

    def _may_be_public(self, snapshot: RepositorySnapshot) -> bool:
        restriction = self._memory.restriction(snapshot.repository, fresh_seconds=_EVER)
        return not (snapshot.is_restricted if restriction is None else restriction.value)

    def _try_token(self, snapshot: RepositorySnapshot, caller: Caller, path: str | None) -> None:
        if path not in snapshot.files:
            sizes = {file.path: file.size_bytes or 0 for file in snapshot.files.values()}
            path = max(sizes, key=sizes.__getitem__, default=None)
        if path is None:
            self._upstream.visibility(snapshot.repository, caller.token)
        else:
            self._upstream.check(snapshot.repository, snapshot.commit, path, caller.token)

    def _is_still_public(self, repository: str) -> bool:
        try:
            today, is_restricted = self._upstream.visibility(repository, self._token)
        except REFUSALS:
            today, is_restricted = repository, True
        self._memory.keep_name(repository, today)
        self._memory.keep_restriction(repository, is_restricted=is_restricted)
        self._allowed.check(repository, today=today)
        return not is_restricted
