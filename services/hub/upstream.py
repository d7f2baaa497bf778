"""The Hub itself: one question, one answer, nothing remembered."""

import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub import HfApi, HfFileMetadata, get_hf_file_metadata, hf_hub_url

from services.blobs.blob import Origin, TransferBrokenError
from services.hub.errors import UpstreamBusyError, UpstreamError, UpstreamUnavailableError
from services.hub.failures import FAILURES, Subject, failure_of
from services.hub.hosts import Hosts
from services.hub.listing import hash_of_etag, is_restricted, read_file, read_name, read_snapshot
from services.hub.located import LocatedFile, RepositoryFile, RepositorySnapshot
from services.hub.observer import Asked, HubObserver, Unobserved
from services.hub.references import is_commit
from services.hub.session import Timeouts, asking, install, transfer_client
from services.hub.transfer import TransferOrigin, Transfers
from weightbank.errors import NO_VALUE, WeightbankError
from weightbank.stored import StoredFile

READ_BYTES = 2**27
"""Most bytes of one read: more than the longest header that is believed."""

_READ_ATTEMPTS = 3
_LIBRARY = "weightbank"

Answer = TypeVar("Answer")


class Upstream:
    """Asks the Hub, or a mirror of it. Blocking, and thread-safe.

    Every token is given with the question it is for: None asks as nobody, and never as
    whoever is logged in on this machine.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        hosts: Hosts,
        timeouts: Timeouts | None = None,
        transfers: int = 32,
        observer: HubObserver | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            endpoint: Address of the Hub.
            hosts: Where requests may go; made for this endpoint.
            timeouts: Of requests.
            transfers: Most connections for files at one time.
            observer: Hears of each question.
        """
        install()
        self._endpoint = endpoint.rstrip("/")
        self._hosts = hosts
        self._timeouts = timeouts or Timeouts()
        self._observer = observer or Unobserved()
        self._api = HfApi(endpoint=self._endpoint, token=False, library_name=_LIBRARY)
        self._client = transfer_client(self._timeouts, connections=transfers)
        self._transfers = Transfers(
            self._client, self._endpoint, hosts, self._timeouts, self._observer
        )

    def close(self) -> None:
        """Break off all transfers, and begin none any more."""
        self._client.close()

    def snapshot(self, repository: str, revision: str, token: str | None) -> RepositorySnapshot:
        """Return what a repository has at a revision, under its name of today.

        It says nothing of who may read the files: everybody may list a gated one's.

        Raises:
            WeightbankError: See ``failures.py``.
        """

        def ask() -> RepositorySnapshot:
            info = self._api.model_info(
                repository,
                revision=revision,
                files_metadata=True,
                timeout=self._timeouts.read_seconds,
                token=token or False,
            )
            snapshot = read_snapshot(info)
            _check_commit(snapshot.commit, revision)
            return snapshot

        return self._ask("snapshot", ask, Subject(repository, revision))

    def visibility(self, repository: str, token: str | None) -> tuple[str, bool]:
        """Return a repository's name of today, and whether it is restricted.

        Raises:
            WeightbankError: See ``failures.py``.
        """

        def ask() -> tuple[str, bool]:
            info = self._api.model_info(
                repository,
                expand=["private", "gated"],
                timeout=self._timeouts.read_seconds,
                token=token or False,
            )
            return read_name(info), is_restricted(info)

        return self._ask("visibility", ask, Subject(repository))

    def check(self, repository: str, commit: str, path: str, token: str | None) -> None:
        """See that a caller may read a file.

        Raises:
            WeightbankError: See ``failures.py``.
        """
        subject = Subject(repository, commit, path)
        self._ask("rights", lambda: self._head(subject, path, token), subject)

    def locate(self, repository: str, revision: str, path: str, token: str | None) -> LocatedFile:
        """Return a file's hash and size; only who may read the file is told.

        Raises:
            UpstreamError: If the Hub gives no hash that what it sends could be held to.
            WeightbankError: See ``failures.py``.
        """
        subject = Subject(repository, revision, path)
        return self._ask("file", lambda: self._locate(subject, path, token), subject)

    def origin(self, located: LocatedFile, token: str | None) -> Origin:
        """Return where a file's bytes come from, for this caller; asks nothing yet."""
        return TransferOrigin(self._transfers, located, token)

    def read(self, located: LocatedFile, start: int, stop: int, token: str | None) -> bytes:
        """Return bytes ``start`` to ``stop`` of a file; nothing holds them to its hash.

        Raises:
            WeightbankError: See ``failures.py``; ``UpstreamUnavailableError`` too if
                they end too early time and again.
        """
        assert 0 <= start <= stop <= located.size_bytes, "within the file"
        assert stop - start <= READ_BYTES, "bounded"
        return self._ask_bytes(located, start, stop, token)

    def _head(self, subject: Subject, path: str, token: str | None) -> HfFileMetadata:
        url = hf_hub_url(
            subject.repository, path, revision=subject.revision, endpoint=self._endpoint
        )
        return get_hf_file_metadata(
            url,
            token=token or False,
            timeout=self._timeouts.read_seconds,
            library_name=_LIBRARY,
            endpoint=self._endpoint,
        )

    def _locate(self, subject: Subject, path: str, token: str | None) -> LocatedFile:
        found = self._head(subject, path, token)
        if found.commit_hash is None or not is_commit(found.commit_hash):
            raise ValueError("no commit")
        _check_commit(found.commit_hash, subject.revision)
        entry = RepositoryFile(path, found.size, hash_of_etag(found.etag))
        if entry.hash is None or entry.size_bytes is None:
            entry = self._look_up(subject.repository, found.commit_hash, path, token) or entry
        if entry.hash is None or entry.size_bytes is None or entry.size_bytes < 0:
            raise UpstreamError(
                str(subject),
                NO_VALUE,
                "cannot be had: the Hub gives no hash and size that its bytes could be held to",
            )
        file = StoredFile(subject.repository, found.commit_hash, path, entry.hash)
        return LocatedFile(file, entry.size_bytes)

    def _look_up(
        self, repository: str, commit: str, path: str, token: str | None
    ) -> RepositoryFile | None:
        """Return a file's entry in the listing, for a mirror whose ETags are no hashes."""
        entries = self._api.get_paths_info(
            repository, [path], revision=commit, token=token or False
        )
        return read_file(entries, path)

    def _ask(self, what: Asked, ask: Callable[[], Answer], subject: Subject) -> Answer:
        began = time.monotonic()
        try:
            with asking(self._hosts, self._timeouts):
                answer = ask()
        except (*FAILURES, WeightbankError) as error:
            failure = failure_of(error, subject)
        else:
            self._observer.asked(what, time.monotonic() - began, None)
            return answer
        self._observer.asked(what, time.monotonic() - began, failure.code)
        raise failure

    def _ask_bytes(self, located: LocatedFile, start: int, stop: int, token: str | None) -> bytes:
        file = located.file
        subject, data = Subject(file.repository, file.commit, file.path), bytearray()
        for _ in range(_READ_ATTEMPTS):
            try:
                self._append(data, located, start, stop, token)
            except TransferBrokenError as error:
                wait_seconds = error.retry_after_seconds
            else:
                wait_seconds = None
            if len(data) == stop - start:
                return bytes(data)
            if wait_seconds is not None:
                raise UpstreamBusyError(str(subject), retry_after_seconds=int(wait_seconds))
        raise UpstreamUnavailableError(str(subject))

    def _append(
        self,
        data: bytearray,
        located: LocatedFile,
        start: int,
        stop: int,
        token: str | None,
    ) -> None:
        """Append what comes of bytes ``start`` to ``stop`` beyond what is there."""
        with self._transfers.open(located, start + len(data), stop, token=token) as pieces:
            for piece in pieces:
                wanted = stop - start - len(data)
                data += piece[:wanted]
                if len(piece) > wanted:
                    return  # the upstream ignores ranges


def _check_commit(found: str, asked: str | None) -> None:
    """See that a commit leads to itself, whatever a mirror makes of it.

    Raises:
        ValueError: If not.
    """
    if asked is not None and is_commit(asked) and found != asked:
        raise ValueError("another commit")
