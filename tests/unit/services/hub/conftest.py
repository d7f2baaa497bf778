"""The client side of the Hub, against a Hub on loopback."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.utils import close_session

from services.hub.hosts import Hosts
from services.hub.hub import Hub
from services.hub.located import LocatedFile
from services.hub.memory import Memory
from services.hub.policy import AllowList, LicencePolicy, Policy
from services.hub.rights import MemoryTimes
from services.hub.session import Timeouts
from services.hub.upstream import Upstream
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from weightbank.stored import StoredFile

NAME = "timm/resnet50.a1_in1k"
PRIVATE = "owner/private"
GATED = "owner/gated"
MEMBER = "hf_member_of_the_owner"
STRANGER = "hf_stranger_to_the_owner"
WEIGHTS = bytes(range(256)) * 1000
WEIGHTS_PATH = "model.safetensors"
FILES = {"config.json": b'{"architecture": "resnet50"}', WEIGHTS_PATH: WEIGHTS}
TIMEOUTS = Timeouts(connect_seconds=5, read_seconds=10, answer_seconds=10)


class Clock:
    """Says the time that a test wants."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass(slots=True)
class Heard:
    """An observer that remembers what it heard."""

    questions: list[tuple[str, str | None]] = field(default_factory=list)
    silences: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def asked(self, what: str, seconds: float, failure: str | None) -> None:
        """See ``HubObserver``."""
        assert seconds >= 0
        self.questions.append((what, failure))

    def did_without(self, failure: str) -> None:
        """See ``HubObserver``."""
        self.silences.append(failure)

    def forgot(self, problem: str) -> None:
        """See ``HubObserver``."""
        self.problems.append(problem)


class Services:
    """Makes hubs that share a server, a directory and a clock, and closes them."""

    def __init__(self, server: HubServer, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self.clock = Clock()
        self.heard = Heard()
        self._opened: list[Any] = []

    def hosts(self, text: str | None = None) -> Hosts:
        """Return the hosts of the server: its storage, or others."""
        listed = self.server.storage_url if text is None else text
        return Hosts.parse(listed, endpoint=self.server.url)

    def upstream(self, *, hosts: str | None = None, timeouts: Timeouts = TIMEOUTS) -> Upstream:
        """Return a client of the server that remembers nothing."""
        made = Upstream(
            self.server.url, hosts=self.hosts(hosts), timeouts=timeouts, observer=self.heard
        )
        self._opened.append(made)
        return made

    def memory(self) -> Memory:
        """Return a memory like that of another process, in the same directory."""
        made = Memory(self.directory, clock=self.clock, observer=self.heard)
        self._opened.append(made)
        return made

    def hub(
        self,
        *,
        allowed: str = "*",
        licences: str = "*",
        times: MemoryTimes | None = None,
        **options: Any,
    ) -> Hub:
        """Return a hub like that of another process, in the same directory."""
        return Hub(
            upstream=self.upstream(),
            memory=self.memory(),
            clock=self.clock,
            policy=Policy(AllowList.parse(allowed), LicencePolicy.parse(licences)),
            times=times,
            observer=self.heard,
            **options,
        )

    def asked(self) -> int:
        """Return how many requests the server got, on both hosts."""
        return len(self.server.requests)

    def close(self) -> None:
        """Close all that was made."""
        for opened in self._opened:
            opened.close()


@pytest.fixture(autouse=True)
def _closed_session() -> Iterator[None]:
    """The library keeps connections for its whole process: a test must not leave them open."""
    yield
    close_session()


@pytest.fixture
def services(hub: HubServer, tmp_path: Path) -> Iterator[Services]:
    """Makes hubs."""
    made = Services(hub, tmp_path / "memory")
    yield made
    made.close()


@pytest.fixture
def public(hub: HubServer) -> FakeRepository:
    """A repository for everybody."""
    return hub.add_repository(NAME, FILES)


@pytest.fixture
def private(hub: HubServer) -> FakeRepository:
    """A repository that exists for one token alone; another token is valid too."""
    repository = hub.add_repository(PRIVATE, FILES, private=True)
    hub.grant(MEMBER, repository)
    hub.add_user(STRANGER)
    return repository


@pytest.fixture
def gated(hub: HubServer) -> FakeRepository:
    """A repository that all may see, and one token may read; another token is valid too."""
    repository = hub.add_repository(GATED, FILES, gated="manual")
    hub.grant(MEMBER, repository)
    hub.add_user(STRANGER)
    return repository


def located_in(repository: FakeRepository, path: str = WEIGHTS_PATH) -> LocatedFile:
    """Return a file as the server has it, without asking."""
    file = repository.file(path)
    kind = "sha256" if file.is_lfs else "git-sha1"
    stored = StoredFile(repository.name, repository.head, path, f"{kind}:{file.etag}")
    return LocatedFile(stored, file.content.size_bytes)


def fetch(
    upstream: Upstream, located: LocatedFile, offset: int = 0, token: str | None = None
) -> bytes:
    """Return all that one transfer brings."""
    with upstream.origin(located, token).open(offset) as pieces:
        return b"".join(pieces)
