"""Keys for tests: clocks that stand still, stores that fail or wait when they are told to."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.errors import StoreUnavailableError
from services.keys.key import Key
from services.keys.key_text import KeyText, make_key
from services.keys.usage_store import Lease, UncertainError

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Clock:
    """Says the time that a test has set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Say the time in seconds."""
        return self.seconds

    def now(self) -> datetime:
        """Say the time and the day."""
        return NOON + timedelta(seconds=self.seconds - 1000.0)


def new_key(text: KeyText | None = None, **fields: Any) -> tuple[KeyText, Key]:
    """Return a key in both its forms."""
    text = text or make_key()
    given: dict[str, Any] = {
        "label": "test",
        "scopes": ("read",),
        "teams": (),
        "requests_per_second": None,
        "bytes_per_day": None,
        "created_at": NOON,
        **fields,
    }
    return text, Key(id=text.id, secret_sha256=text.secret_sha256, **given)


class FakeKeyStore:
    """Keys in memory.

    Attributes:
        keys: By their ids.
        questions: Ids that were asked for.
        is_down: Whether it does not answer.
        gate: Answers wait for it.
        marks: What was noted of uses.
    """

    def __init__(self, *keys: Key) -> None:
        self.keys = {key.id: key for key in keys}
        self.questions: list[str] = []
        self.is_down = False
        self.gate = threading.Event()
        self.gate.set()
        self.marks: list[dict[str, datetime]] = []

    def add(self, key: Key) -> bool:
        """Keep a key."""
        return self.keys.setdefault(key.id, key) is key

    def find(self, key_id: str) -> Key | None:
        """Return a key, once the gate is open."""
        self.questions.append(key_id)
        assert self.gate.wait(60)
        if self.is_down:
            raise StoreUnavailableError
        return self.keys.get(key_id)

    def all(self) -> list[Key]:
        """Return all keys."""
        return list(self.keys.values())

    def has_any(self, now: datetime) -> bool:
        """Return whether one counts."""
        return any(key.counts_at(now) for key in self.keys.values())

    def revoke(self, key_id: str, now: datetime) -> Key | None:
        """Let a key count no more."""
        self.keys[key_id] = replace(self.keys[key_id], revoked_at=now)
        return self.keys[key_id]

    def mark_used(self, used_at: Mapping[str, datetime]) -> None:
        """Note uses."""
        if self.is_down:
            raise StoreUnavailableError
        self.marks.append(dict(used_at))


class FakeUsageStore:
    """Bytes in memory.

    Attributes:
        bytes: By key and day.
        calls: How many there were.
        is_down: Whether it does not answer.
        is_uncertain: Whether it counts, and then cannot say so.
        gate: Leases wait for it.
    """

    def __init__(self) -> None:
        self.bytes: dict[tuple[str, str], int] = {}
        self.calls = 0
        self.is_down = self.is_uncertain = False
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()

    def lease(
        self, key_id: str, day: str, *, least_bytes: int, most_bytes: int, quota_bytes: int
    ) -> Lease:
        """Take bytes."""
        self._called()
        assert self.gate.wait(60)
        with self._lock:
            used_bytes = self.bytes.setdefault((key_id, day), 0)
            for size_bytes in (most_bytes, least_bytes):
                if used_bytes + size_bytes <= quota_bytes:
                    self.bytes[key_id, day] += size_bytes
                    return Lease(size_bytes, used_bytes + size_bytes)
            return Lease(0, used_bytes)

    def add(self, key_id: str, day: str, size_bytes: int) -> None:
        """Count bytes."""
        self._called()
        with self._lock:
            self.bytes[key_id, day] = self.bytes.get((key_id, day), 0) + size_bytes
        if self.is_uncertain:
            raise UncertainError

    def used(self, day: str) -> dict[str, int]:
        """Return the bytes of a day."""
        return {key_id: count for (key_id, known), count in self.bytes.items() if known == day}

    def _called(self) -> None:
        self.calls += 1
        if self.is_down:
            raise StoreUnavailableError
