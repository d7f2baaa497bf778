"""Names: put, resolved, listed and retired."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.bounded_executor import BoundedExecutor
from services.names.errors import (
    MissingVersionError,
    RetiredNameError,
    UnknownNameError,
    UnknownTeamError,
    UnknownVersionError,
)
from services.names.store import Agree, NameState, NameStore, NameVersion
from services.names.syntax import Name, Reference
from services.single_flight_cache import SingleFlightCache

_CACHED_VERSIONS = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """A version that was found.

    Attributes:
        found: The version.
        until: On the clock, when it is to be looked for again.
        retirements: Made through this server before it was looked for.
    """

    found: NameVersion
    until: float
    retirements: int


class _MissingVersion(Exception):  # noqa: N818 - tells those who share a call, and is no error
    """The store has no such version."""


class Names:
    """What names stand for.

    Numbered versions are kept for a while, and are asked for once, however many ask at
    the same time: thousands of ranks begin in one moment. They never change, and only
    retirement takes them away; another server may not know of it for that while. What
    ``latest`` is, and what is missing, is asked for each time.
    """

    def __init__(
        self,
        *,
        store: NameStore,
        executor: BoundedExecutor,
        cache_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look for nothing yet.

        Args:
            store: Where names are.
            executor: Runs what waits for the store.
            cache_seconds: How long a numbered version is taken not to be retired by
                another server.
            clock: In seconds, never going back.
        """
        self._store = store
        self._executor = executor
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._retirements = 0
        self._kept: SingleFlightCache[Reference, _Kept] = SingleFlightCache(
            capacity=_CACHED_VERSIONS, weigh=lambda _: 1
        )

    async def put(
        self,
        name: Name,
        *,
        spec: str | Reference,
        note: str | None,
        created_by: str | None,
        agree: Agree,
    ) -> tuple[NameVersion, bool]:
        """Let a name stand for a spec from now on.

        Args:
            name: The name; it may be new.
            spec: Id of a stored spec, or a reference to it.
            note: Why, for people; None says nothing.
            created_by: Id of the caller's key.
            agree: Told the newest version there is; raises if it should be another.

        Returns:
            The newest version, and whether it is new. It is not if it stands for this
            spec already and the note is the same, or none is given.

        Raises:
            WeightbankError: If the spec is unknown, or there are too many names or versions.
        """
        spec_id = spec if isinstance(spec, str) else (await self.resolve(spec)).spec_id
        return await self._executor.run(
            lambda: self._store.put(
                name, spec_id=spec_id, note=note, created_by=created_by, agree=agree
            )
        )

    async def resolve(self, reference: Reference) -> NameVersion:
        """Return what a reference stands for.

        Raises:
            UnknownNameError: If there is no such name.
            UnknownVersionError: If there never was such a version.
            RetiredNameError: If there was.
        """
        if reference.version is not None:
            kept = self._kept.peek(reference)
            if kept is not None and not self._counts(kept):
                self._kept.drop(reference)
            # The call may have begun for somebody else: before this version was made, or
            # before it was retired.
            with contextlib.suppress(_MissingVersion):
                kept = await self._kept.get(reference, lambda: self._load(reference))
                if kept.retirements == self._retirements:
                    return kept.found
        return await self._executor.run(lambda: self._find(reference))

    async def newest_version(self, name: Name) -> int:
        """Return the number of the newest version.

        Raises:
            UnknownNameError: If there is no such name.
            RetiredNameError: If all its versions are retired.
        """
        return await self._executor.run(lambda: self._newest(name))

    async def refuse_without_version(self, name: Name) -> None:
        """Refuse a name alone where one version is meant.

        Raises:
            MissingVersionError: It says what the newest version is.
            WeightbankError: If there is none.
        """
        newest_version = await self.newest_version(name)
        raise MissingVersionError(str(name), newest_version=newest_version)

    async def versions(
        self, name: Name, *, before: int | None, limit: int
    ) -> tuple[int, list[NameVersion]]:
        """Return the number of the newest version, and some versions, the newest first.

        Args:
            name: The name.
            before: Only those below this number; None for the newest.
            limit: Most of them.

        Raises:
            UnknownNameError: If there is no such name.
            RetiredNameError: If all its versions are retired.
        """

        def job() -> tuple[int, list[NameVersion]]:
            newest_version = self._newest(name)
            return newest_version, self._store.versions(name, before=before, limit=limit)

        return await self._executor.run(job)

    async def newest(
        self, *, team: str | None, search: str, after: Name | None, limit: int
    ) -> list[NameVersion]:
        """Return the newest version of each name, in the order of names.

        Args:
            team: Only its names; None for all teams.
            search: Only names that hold this, as ``team/name``; empty for all.
            after: Only those behind this name.
            limit: Most of them.
        """
        return await self._executor.run(
            lambda: self._store.newest(team=team, search=search, after=after, limit=limit)
        )

    async def check_team(self, team: str) -> None:
        """Refuse a team that never had a name.

        Raises:
            UnknownTeamError: If it had none.
        """
        known: Sequence[str] = await self._executor.run(lambda: self._store.near_teams(team))
        if team not in known:
            raise UnknownTeamError(team, known=known)

    async def retire(self, name: Name, *, agree: Agree) -> NameState:
        """Take all versions of a name away, for good; return which there were.

        Raises:
            UnknownNameError: If there is no such name.
            RetiredNameError: If all its versions are retired already.
        """

        def job() -> NameState:
            state = self._store.retire(name, agree=agree)
            if state is None:
                raise UnknownNameError(str(name), known=self._store.near_names(name))
            if state.newest is None:
                raise RetiredNameError(str(name), None, newest_version=None)
            return state

        try:
            return await self._executor.run(job)
        finally:
            # Nothing that was looked for before counts any longer.
            self._retirements += 1

    def _counts(self, kept: _Kept) -> bool:
        return kept.retirements == self._retirements and self._clock() < kept.until

    async def _load(self, reference: Reference) -> _Kept:
        until, retirements = self._clock() + self._cache_seconds, self._retirements
        found = await self._executor.run(lambda: self._store.find(reference))
        if found is None:
            raise _MissingVersion
        return _Kept(found, until, retirements)

    def _find(self, reference: Reference) -> NameVersion:
        found = self._store.find(reference)
        if found is not None:
            return found
        name, version = str(reference.name), reference.version
        newest_version = self._newest(reference.name, version)
        # It may have been made just now.
        found = self._store.find(reference)
        if found is None:
            if version is None or version < newest_version:
                raise RetiredNameError(name, version, newest_version=newest_version)
            raise UnknownVersionError(name, version, newest_version=newest_version)
        return found

    def _newest(self, name: Name, version: int | None = None) -> int:
        state = self._store.state(name)
        if state is None:
            raise UnknownNameError(str(name), known=self._store.near_names(name))
        if state.newest is None:
            raise RetiredNameError(str(name), version, newest_version=None)
        return state.newest
