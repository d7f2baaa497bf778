"""The Hub on loopback: two hosts, in threads of the test's process."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.hub.access import Access
from tests.hub.fault_plan import FaultPlan
from tests.hub.faults import ConnectionCutError, Fault, Gate
from tests.hub.hub_host import HubHost
from tests.hub.listener import Listener
from tests.hub.messages import Answer, Host, Request
from tests.hub.options import HubOptions
from tests.hub.registry import Registry
from tests.hub.repository import LFS_PATTERNS, FakeRepository
from tests.hub.request_log import LoggedRequest, RequestLog
from tests.hub.storage_host import StorageHost


class HubServer:
    """A Hub with repositories of its own.

    Attributes:
        url: What a client takes as its endpoint.
        storage_url: The other host, from which large files come.
        requests: What was asked so far.
        options: What is done one way or another; may be changed between requests.

    Examples:
        >>> import httpx
        >>> with HubServer() as hub:
        ...     repository = hub.add_repository("timm/tiny", {"config.json": b"{}"})
        ...     answer = httpx.get(f"{hub.url}/timm/tiny/resolve/main/config.json")
        ...     commit = answer.headers["X-Repo-Commit"]
        >>> answer.content, commit == repository.head, hub.count(method="GET")
        (b'{}', True, 1)
    """

    def __init__(self, options: HubOptions | None = None) -> None:
        """Listen on two free ports.

        Args:
            options: What is done one way or another; may be changed later.
        """
        self.options = options or HubOptions()
        self.requests = RequestLog()
        self._faults = FaultPlan()
        self._errors: list[Exception] = []
        self._access = Access()
        self._registry = Registry(self._access)
        self._listeners = [
            Listener("127.0.0.1", "hub", self._respond, self._errors.append),
            Listener("127.0.0.2", "storage", self._respond, self._errors.append),
        ]
        self.url, self.storage_url = (listener.url for listener in self._listeners)
        self._storage = StorageHost(self.storage_url)
        self._hub = HubHost(self.url, self._storage, self._registry, self.options)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and fail the test if the server itself went wrong."""
        self.stop()
        if error is None and self._errors:
            raise self._errors[0]

    def stop(self) -> None:
        """Be down: connections break, and new ones are refused."""
        for listener in self._listeners:
            listener.break_off()
        self._faults.release()
        for listener in self._listeners:
            listener.join()

    def start(self) -> None:
        """Be back, under the same addresses."""
        for listener in self._listeners:
            listener.start()

    def add_repository(
        self,
        name: str,
        files: Mapping[str, bytes | Path],
        *,
        private: bool = False,
        gated: bool | str = False,
        licence: str | None = "apache-2.0",
        lfs: Sequence[str] = LFS_PATTERNS,
    ) -> FakeRepository:
        """Make a repository whose ``main`` has one commit.

        Args:
            name: ``owner/name``, or ``name`` alone.
            files: Content by path: bytes, or the path of a file that nobody changes.
            private: Whether it exists only for tokens that were granted it.
            gated: Whether its files are for granted tokens only; ``"manual"`` to say
                how the owner lets people in.
            licence: What its card gives; None for no card.
            lfs: Patterns of paths that are kept in storage, not in git.
        """
        repository = FakeRepository(name, private=private, gated=gated, licence=licence, lfs=lfs)
        repository.commit(files, message="Initial commit")
        self._registry.add(repository)
        return repository

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name; the old one answers 307 from now on."""
        self._registry.rename(old, new)

    def delete(self, name: str) -> None:
        """Have a repository no more."""
        self._registry.delete(name)

    def add_user(self, token: str, name: str = "user") -> None:
        """Make a token valid, without rights to private or gated repositories."""
        self._access.add_user(token, name)

    def grant(self, token: str, repository: str | FakeRepository) -> None:
        """Let a token read a private or gated repository; it is valid from then on."""
        self._access.grant(token, self._find(repository))

    def revoke(self, token: str, repository: str | FakeRepository | None = None) -> None:
        """Take a repository from a token; or make the token invalid."""
        self._access.revoke(token, None if repository is None else self._find(repository))

    def expire_links(self) -> None:
        """Let no link to the storage that was given out be good any more."""
        self._storage.expire_links()

    def inject(
        self,
        fault: Fault,
        path_contains: str = "",
        *,
        method: str | None = None,
        host: Host | None = None,
        skip: int = 0,
        times: int | None = None,
    ) -> None:
        """Let something go wrong.

        Args:
            fault: What.
            path_contains: Part of the paths it happens to, as they are sent. Those of
                the storage hold the repository, the SHA-256 and the file's path.
            method: Of the requests it happens to.
            host: Of the requests it happens to.
            skip: How many of them go well before.
            times: How many of them it happens to; None for all.
        """
        self._faults.add(
            fault, path_contains=path_contains, method=method, host=host, skip=skip, times=times
        )

    def mend(self, fault: Fault) -> None:
        """Let a fault happen no more, and release what it holds."""
        self._faults.remove(fault)

    def gate(
        self,
        path_contains: str = "",
        *,
        after_bytes: int = 0,
        host: Host = "storage",
        times: int | None = None,
    ) -> Gate:
        """Hold bodies of matching GETs after some bytes, until ``release()``."""
        gate = Gate(after_bytes=after_bytes)
        self.inject(gate, path_contains, method="GET", host=host, times=times)
        return gate

    def count(self, *, path_contains: str = "", **fields: Any) -> int:
        """Return how many requests have this in their path and these fields."""
        return len(self.requests.matching(path_contains=path_contains, **fields))

    def wait_for_count(self, count: int, *, path_contains: str = "", **fields: Any) -> None:
        """Wait until so many requests with these fields were answered."""
        self.requests.wait_until(lambda: self.count(path_contains=path_contains, **fields) >= count)

    def sent_bytes(self, *, path_contains: str = "", **fields: Any) -> int:
        """Return how many bytes the bodies of such requests have had so far."""
        matching = self.requests.matching(path_contains=path_contains, **fields)
        return sum(request.sent_bytes for request in matching)

    @property
    def storage_saw_authorization(self) -> bool:
        """Whether any token was ever shown to the storage, which must not see one."""
        asked = self.requests.matching(host="storage")
        return any("authorization" in request.headers for request in asked)

    def _find(self, repository: str | FakeRepository) -> FakeRepository:
        return (
            repository if isinstance(repository, FakeRepository) else self._registry.get(repository)
        )

    def _respond(self, request: Request) -> Answer:
        try:
            answer = self._answer(request)
        except ConnectionCutError:
            self.requests.append(LoggedRequest.of(request, status=0))
            raise
        logged = LoggedRequest.of(request, status=answer.status)
        self.requests.append(logged)
        return replace(answer, pieces=lambda: self.requests.count_sent(logged, answer.pieces))

    def _answer(self, request: Request) -> Answer:
        faults = self._faults.take(request)
        taken = request
        for fault in faults:
            taken = fault.of_request(taken)
        answer = (self._hub if request.host == "hub" else self._storage).answer(taken)
        for fault in faults:
            answer = fault.of_answer(answer, taken)
        return answer
