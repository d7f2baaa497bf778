"""Repositories at revisions: remembered where that is enough, asked for where it is not."""

from collections.abc import Callable
from dataclasses import replace

from services.hub.absence import Absence
from services.hub.caller import Caller
from services.hub.errors import InvalidHubTokenError
from services.hub.failures import Subject, told_of
from services.hub.flights import Flights
from services.hub.located import RepositorySnapshot
from services.hub.memory import Memory
from services.hub.policy import Policy
from services.hub.references import is_commit
from services.hub.remembered import Reference
from services.hub.rights import REFUSALS, MemoryTimes, Rights
from services.hub.upstream import Upstream
from weightbank.errors import WeightbankError

_EVER = float("inf")


class Snapshots:
    """Finds snapshots for callers. Thread-safe."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        memory: Memory,
        absence: Absence,
        rights: Rights,
        policy: Policy,
        times: MemoryTimes,
        clock: Callable[[], float],
    ) -> None:
        """Know what the memory knows.

        Args:
            upstream: Whom to ask.
            memory: Of what was said.
            absence: What to do when nobody answers.
            rights: Who may read.
            policy: What the operator lets in.
            times: For how long answers count.
            clock: Says the time in seconds since 1970.
        """
        self._upstream = upstream
        self._memory = memory
        self._absence = absence
        self._rights = rights
        self._allowed, self._licences = policy.allowed, policy.licences
        self._times = times
        self._clock = clock
        self._flights = Flights()

    def find(
        self, asked: str, revision: str, caller: Caller, path: str | None
    ) -> RepositorySnapshot:
        """Return what a repository has at a revision, if this caller may read it.

        Args:
            asked: Its name, or one it had before.
            revision: A branch, a tag or a commit.
            caller: Who asks.
            path: Of the file that is wanted, if it is one.

        Raises:
            WeightbankError: As ``Hub.snapshot``.
        """
        self._allowed.check(asked)
        return self._flights.run(
            (asked, revision, caller.digest),
            lambda: self._find_once(asked, revision, caller, path),
        )

    def recall(self, asked: str, revision: str, caller: Caller) -> RepositorySnapshot | None:
        """Return what ``find`` would, if nobody has to be asked for it; None otherwise.

        Raises:
            WeightbankError: If it is not under the operator's policies.
        """
        self._allowed.check(asked)
        snapshot = self._remembered(asked, revision, within_seconds=self._times.revision_seconds)
        if snapshot is None:
            return None
        self._allowed.check(asked, today=snapshot.repository)
        return self._shown(snapshot) if self._rights.is_known(snapshot.repository, caller) else None

    def known_commit(self, repository: str, revision: str) -> str | None:
        """Return where a revision led when that was last asked; nobody is asked."""
        if is_commit(revision):
            return revision
        known = self._memory.reference(repository, revision, fresh_seconds=_EVER)
        return None if known is None else known.value.commit

    def _find_once(
        self, asked: str, revision: str, caller: Caller, path: str | None
    ) -> RepositorySnapshot:
        snapshot = self._remembered(
            asked, revision, within_seconds=self._times.revision_seconds
        ) or self._absence.ask(
            caller.digest,
            lambda: self._ask_snapshot(asked, revision, caller),
            lambda: self._remembered_in_grace(asked, revision, caller),
            subject=str(Subject(asked, revision)),
        )
        repository = snapshot.repository
        self._allowed.check(asked, today=repository)
        try:
            self._rights.check(snapshot, caller, path)
        except WeightbankError as error:
            if asked == repository:
                raise
            raise told_of(error, Subject(asked, revision)) from None
        return self._shown(snapshot)

    def _shown(self, snapshot: RepositorySnapshot) -> RepositorySnapshot:
        """Return a snapshot to those who may read it, if its licence is accepted."""
        self._licences.check(snapshot.repository, snapshot.licence)
        # Who may read is the repository's matter now, not the commit's of then.
        is_restricted = not self._rights.is_public(snapshot.repository)
        return replace(snapshot, is_restricted=is_restricted)

    def _remembered(
        self, asked: str, revision: str, *, within_seconds: float
    ) -> RepositorySnapshot | None:
        if is_commit(revision):
            today = self._memory.name_of_today(asked)
            return self._memory.snapshot(today, revision) or self._memory.snapshot(asked, revision)
        known = self._memory.reference(asked, revision, fresh_seconds=within_seconds)
        if known is None or not 0 <= self._clock() - known.seen_at < within_seconds:
            return None
        return self._memory.snapshot(known.value.repository, known.value.commit)

    def _remembered_in_grace(
        self, asked: str, revision: str, caller: Caller
    ) -> RepositorySnapshot | None:
        known = self._remembered(asked, revision, within_seconds=_EVER)
        if known is None or not self._rights.are_in_grace(known.repository, caller):
            return None
        return known

    def _ask_snapshot(self, asked: str, revision: str, caller: Caller) -> RepositorySnapshot:
        try:
            snapshot = self._upstream.snapshot(asked, revision, caller.token)
        except REFUSALS as error:
            for name in {self._memory.name_of_today(asked), asked}:
                self._rights.refused(name, caller, error)
            if not isinstance(error, InvalidHubTokenError):
                raise
            snapshot = self._ask_as_nobody(asked, revision, error)
        today = snapshot.repository
        self._memory.keep_name(asked, today)
        self._memory.keep_snapshot(snapshot)
        self._memory.keep_restriction(today, is_restricted=snapshot.is_restricted)
        if not is_commit(revision):
            self._memory.keep_reference(asked, revision, Reference(today, snapshot.commit))
        return snapshot

    def _ask_as_nobody(
        self, asked: str, revision: str, error: InvalidHubTokenError
    ) -> RepositorySnapshot:
        """Ask without a token that is not good: what is for everybody is for its bearer.

        If it is not, the token is refused when rights are asked about.

        Raises:
            InvalidHubTokenError: If there is nothing that everybody may see.
        """
        try:
            return self._upstream.snapshot(asked, revision, None)
        except REFUSALS:
            raise error from None
