"""Faults of a few headers: what a Hub, a mirror or a proxy may say that is not so."""

from dataclasses import dataclass, replace

from tests.hub.faults import Fault, Headers, Status
from tests.hub.messages import Answer, Request

_ETAGS = ("ETag", "X-Linked-Etag")


def false_linked_size(size_bytes: int) -> Fault:
    """The Hub gives another size of a large file."""
    return Headers({"X-Linked-Size": str(size_bytes)})


def false_length(size_bytes: int) -> Fault:
    """An answer gives another size of its own body; the connection ends with the body."""
    return Headers({"Content-Length": str(size_bytes)})


def false_etag(value: str) -> Fault:
    """The Hub names a file by another hash, or by none at all."""
    return Headers({"X-Linked-Etag": f'"{value}"'})


def no_etag() -> Fault:
    """Nothing names the content."""
    return Headers(dict.fromkeys(_ETAGS))


def no_commit() -> Fault:
    """A proxy has dropped the commit."""
    return Headers({"X-Repo-Commit": None})


def rate_limited(seconds: int) -> Fault:
    """Too much was asked for."""
    return Status(429, retry_after_seconds=seconds, headers={"RateLimit": f'"api";r=0;t={seconds}'})


@dataclass(frozen=True, slots=True)
class WeakEtags(Fault):
    """ETags are weak: a proxy has compressed, or may have."""

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Mark them."""
        del request
        weak = {name: f"W/{answer.headers[name]}" for name in _ETAGS if name in answer.headers}
        return replace(answer, headers={**answer.headers, **weak})
