"""Who may read what: tokens, and the repositories they were granted."""

import threading
from dataclasses import dataclass, field

from tests.hub.repository import FakeRepository


@dataclass(slots=True)
class Access:
    """Tokens and their rights. They may change while requests are answered."""

    _users: dict[str, str] = field(default_factory=dict)
    _granted: set[tuple[str, int]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_user(self, token: str, name: str) -> None:
        """Make a token valid."""
        with self._lock:
            self._users[token] = name

    def grant(self, token: str, repository: FakeRepository) -> None:
        """Let a token read a private or gated repository; make it valid if it is not."""
        with self._lock:
            self._users.setdefault(token, "user")
            self._granted.add((token, id(repository)))

    def revoke(self, token: str, repository: FakeRepository | None) -> None:
        """Take away one right of a token, or the token itself."""
        with self._lock:
            if repository is None:
                self._users.pop(token, None)
                self._granted = {(other, key) for other, key in self._granted if other != token}
            else:
                self._granted.discard((token, id(repository)))

    def user(self, token: str | None) -> str | None:
        """Return whose a token is; None if nobody's."""
        return None if token is None else self._users.get(token)

    def is_granted(self, token: str | None, repository: FakeRepository) -> bool:
        """Return whether a token was granted a repository."""
        return token is not None and (token, id(repository)) in self._granted
