"""The repositories of a Hub, and which of them a caller may see."""

import threading
from dataclasses import dataclass, field

from tests.hub.access import Access
from tests.hub.messages import Answer, Request, answer_redirect
from tests.hub.refusals import refuse_gated, refuse_repository
from tests.hub.repository import FakeRepository


@dataclass(slots=True)
class Registry:
    """Repositories by name, old names included.

    Attributes:
        access: Who may read what.
    """

    access: Access
    _repositories: dict[str, FakeRepository] = field(default_factory=dict)
    _renamed: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, repository: FakeRepository) -> None:
        """Have a repository."""
        with self._lock:
            assert repository.name not in self._repositories, f"{repository.name} is there"
            self._repositories[repository.name] = repository
            self._renamed.pop(repository.name, None)

    def get(self, name: str) -> FakeRepository:
        """Return a repository that is there, by its name of today."""
        return self._repositories[name]

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name, to which the old one leads from now on."""
        with self._lock:
            repository = self._repositories.pop(old)
            repository.name = new
            self._repositories[new] = repository
            self._renamed[old] = new
            for name in [name for name, target in self._renamed.items() if target == old]:
                self._renamed[name] = new

    def delete(self, name: str) -> None:
        """Have a repository no more."""
        with self._lock:
            del self._repositories[name]

    def find(self, request: Request, name: str) -> FakeRepository | Answer:
        """Return the repository of a name; or what else is to be said to this caller."""
        today = self._renamed.get(name, name)
        repository = self._repositories.get(today)
        if repository is None or not self._may_see(request, repository):
            return refuse_repository(is_anonymous=request.token is None)
        if today != name:
            return answer_redirect(307, request.target.replace(f"/{name}", f"/{today}", 1))
        return repository

    def refuse_gated(self, request: Request, repository: FakeRepository) -> Answer | None:
        """Return a refusal to those whom the owner has not let in, and None to others."""
        if not repository.gated or self.access.is_granted(request.token, repository):
            return None
        return refuse_gated(repository.name, is_anonymous=request.token is None)

    def _may_see(self, request: Request, repository: FakeRepository) -> bool:
        return not repository.private or self.access.is_granted(request.token, repository)
