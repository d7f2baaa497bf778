"""The Hub as the service sees it: what there is, for whom, asked no more than needed.

Theory of operation
===================
A branch or a tag is asked for again after some seconds, a commit never. What a
repository has at a commit is remembered for all callers, and shown to those whom the
Hub lets in: ``rights.py``. While the Hub does not answer, what is remembered is all
there is: ``absence.py``. With everything remembered, nobody is asked.

A renamed repository goes on under its old name too. What is remembered of it is kept
under its name of today, which is the one in all answers; rights are those to it, and
the operator's allow-list has to have both names.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from services.blobs.blob import Origin
from services.hub.absence import Absence
from services.hub.caller import Caller, parse_token
from services.hub.errors import UnknownFileError
from services.hub.failures import Subject
from services.hub.flights import Flights
from services.hub.located import LocatedFile, RepositorySnapshot
from services.hub.memory import Memory
from services.hub.observer import HubObserver, Unobserved
from services.hub.origin import HubOrigin
from services.hub.policy import Policy
from services.hub.references import parse_file, parse_repository, parse_revision
from services.hub.rights import REFUSALS, MemoryTimes, Rights
from services.hub.snapshots import Snapshots
from services.hub.upstream import Upstream
from weightbank.errors import WeightbankError
from weightbank.stored import StoredFile

Answer = TypeVar("Answer")


class Hub:
    """Finds repositories and files for callers. Blocking, and thread-safe.

    Every method that takes a token asks for that caller's rights; without a token it
    is the service's own, or nobody's. All names are checked here.
    """

    def __init__(
        self,
        *,
        upstream: Upstream,
        memory: Memory,
        clock: Callable[[], float],
        policy: Policy | None = None,
        times: MemoryTimes | None = None,
        token: str | None = None,
        is_offline: bool = False,
        observer: HubObserver | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            upstream: Whom to ask.
            memory: Of what was said.
            clock: Says the time in seconds since 1970.
            policy: What the operator lets in; everything if not given.
            times: For how long answers count.
            token: The service's own: what it may read, callers without one may.
            is_offline: Whether nobody is asked.
            observer: Hears of each answer from memory in the Hub's place.
        """
        policy = policy or Policy()
        self._upstream = upstream
        self._memory = memory
        times = times or MemoryTimes()
        self._token = parse_token(token)
        self._absence = Absence(
            is_offline=is_offline, clock=clock, observer=observer or Unobserved()
        )
        self._rights = Rights(
            upstream=upstream,
            memory=memory,
            absence=self._absence,
            allowed=policy.allowed,
            token=self._token,
            times=times,
            clock=clock,
        )
        self._snapshots = Snapshots(
            upstream=upstream,
            memory=memory,
            absence=self._absence,
            rights=self._rights,
            policy=policy,
            times=times,
            clock=clock,
        )
        self._flights = Flights()

    @property
    def is_offline(self) -> bool:
        """Whether nobody is asked."""
        return self._absence.is_offline

    def snapshot(
        self, repository: str, revision: str = "main", *, token: str | None = None
    ) -> RepositorySnapshot:
        """Return what a repository has at a revision.

        Args:
            repository: Its name, or one it had before.
            revision: A branch, a tag or a commit.
            token: Of the caller.

        Raises:
            WeightbankError: If there is none, not for this caller, or not under the
                operator's policies; or if nobody can say.
        """
        caller = self._caller(token)
        return self._snapshots.find(
            parse_repository(repository), parse_revision(revision), caller, None
        )

    def locate(
        self, repository: str, revision: str, path: str, *, token: str | None = None
    ) -> LocatedFile:
        """Return what a file of a repository is at a revision.

        Args:
            repository: Its name, or one it had before.
            revision: A branch, a tag or a commit.
            path: In the repository.
            token: Of the caller.

        Raises:
            WeightbankError: As ``snapshot``; ``UnknownFileError`` if it has no such
                file, and ``UpstreamError`` if the Hub gives no hash of it.
        """
        caller, path = self._caller(token), parse_file(path)
        snapshot = self._snapshots.find(
            parse_repository(repository), parse_revision(revision), caller, path
        )
        if path not in snapshot.files:
            raise UnknownFileError(
                "file",
                path,
                f"does not exist in {Subject(snapshot.repository, snapshot.commit)}",
                "a file that the repository has at this revision",
            )
        known = self._known_file(snapshot, path)
        if known is not None:
            return known
        located = self._ask_file(snapshot, path, caller)
        self._memory.keep_file(located)
        return located

    def recall_snapshot(
        self, repository: str, revision: str, *, token: str | None = None
    ) -> RepositorySnapshot | None:
        """Return what ``snapshot`` would, if nobody has to be asked for it; None otherwise.

        Raises:
            WeightbankError: If a name cannot be one, or is not under the operator's policies.
        """
        names = parse_repository(repository), parse_revision(revision)
        return self._snapshots.recall(*names, self._caller(token))

    def recall_file(
        self, repository: str, revision: str, path: str, *, token: str | None = None
    ) -> LocatedFile | None:
        """Return what ``locate`` would, if nobody has to be asked for it; None otherwise.

        Raises:
            WeightbankError: As ``recall_snapshot``.
        """
        snapshot = self.recall_snapshot(repository, revision, token=token)
        if snapshot is None or parse_file(path) not in snapshot.files:
            return None
        return self._known_file(snapshot, path)

    def authorize(self, repository: str, commit: str, *, token: str | None = None) -> None:
        """See that a caller may read a repository at a commit.

        Raises:
            WeightbankError: As ``snapshot``.
        """
        self.snapshot(repository, commit, token=token)

    def is_public(self, repository: str) -> bool:
        """Whether a repository is for everybody, as was said last; nobody is asked."""
        return self._rights.is_public(repository)

    def may_know(self, repository: str, commit: str, *, token: str | None = None) -> bool:
        """Whether a caller may be told of a repository: it is everybody's, or theirs to read."""
        if self._rights.is_public(repository):
            return True
        try:
            self.authorize(repository, commit, token=token)
        except WeightbankError:
            return False
        return True

    def origin(self, located: LocatedFile, *, token: str | None = None) -> Origin:
        """Return where a file's bytes come from, for a caller; asks nothing yet."""
        repository = located.file.repository
        caller = self._caller(token)
        tokens = self._rights.tokens(repository, caller)
        origins = tuple(self._upstream.origin(located, each) for each in tokens)
        return HubOrigin(origins, self._absence, self._rights, located, caller)

    def read(
        self, located: LocatedFile, start: int, stop: int, *, token: str | None = None
    ) -> bytes:
        """Return bytes ``start`` to ``stop`` of a file, which nothing holds to its hash.

        Raises:
            WeightbankError: If they cannot be had, or not for this caller.
        """
        file = located.file
        self._absence.check_online(str(Subject(file.repository, file.commit, file.path)))
        return self._try_tokens(
            file.repository,
            self._caller(token),
            lambda each: self._upstream.read(located, start, stop, each),
        )

    def forget(self, repository: str) -> None:
        """Remember nothing of a repository, rights included."""
        repository = parse_repository(repository)
        for name in {self._memory.name_of_today(repository), repository}:
            self._memory.forget(name)

    def distrust(self, file_hash: str) -> None:
        """Have the Hub asked anew what files are that were said to have this hash.

        It, or a mirror, may have said what was not so; a commit's files are asked for once.
        """
        self._memory.distrust(file_hash)

    def known_files(self, repository: str, revision: str | None = None) -> Sequence[LocatedFile]:
        """Return files of a repository that were ever located; nobody is asked.

        Args:
            repository: Its name, or one it had before.
            revision: To leave out those of other commits.
        """
        repository = parse_repository(repository)
        today = self._memory.name_of_today(repository)
        files = [file for name in {today, repository} for file in self._memory.files(name)]
        if revision is None:
            return files
        commit = self._snapshots.known_commit(repository, parse_revision(revision))
        return [located for located in files if located.file.commit == commit]

    def places(self, file_hash: str) -> Sequence[LocatedFile]:
        """Return files for everybody that were ever located and have this content."""
        return [
            located
            for located in self._memory.places(file_hash)
            if self._rights.is_public(located.file.repository)
        ]

    def _caller(self, token: str | None) -> Caller:
        effective = parse_token(token) or self._token
        return Caller(effective, self._memory.digest(effective))

    def _known_file(self, snapshot: RepositorySnapshot, path: str) -> LocatedFile | None:
        entry = snapshot.files[path]
        known = self._memory.file(snapshot.repository, snapshot.commit, path)
        if known is not None or entry.hash is None or entry.size_bytes is None:
            return known
        file = StoredFile(snapshot.repository, snapshot.commit, path, entry.hash)
        listed = LocatedFile(file, entry.size_bytes)
        self._memory.keep_file(listed)
        return listed

    def _ask_file(self, snapshot: RepositorySnapshot, path: str, caller: Caller) -> LocatedFile:
        repository, commit = snapshot.repository, snapshot.commit

        def ask(token: str | None) -> LocatedFile:
            return self._upstream.locate(repository, commit, path, token)

        return self._flights.run(
            (repository, commit, path, caller.digest),
            lambda: self._absence.ask(
                caller.digest,
                lambda: self._try_tokens(repository, caller, ask),
                lambda: None,
                subject=str(Subject(repository, commit, path)),
            ),
        )

    def _try_tokens(
        self, repository: str, caller: Caller, ask: Callable[[str | None], Answer]
    ) -> Answer:
        *others, last = self._rights.tokens(repository, caller)
        for token in others:
            try:
                return ask(token)
            except REFUSALS:
                continue
        try:
            return ask(last)
        except REFUSALS as error:
            self._rights.refused(repository, caller, error)
            raise
