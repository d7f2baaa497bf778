"""What is remembered of one request while it is answered: for its log line and metrics."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_KEY = "weightbank.record"


def _tell_nobody(_size_bytes: int) -> None:
    pass


@dataclass(slots=True)
class RequestRecord:
    """One request.

    Attributes:
        request_id: Given by the client if it is sane, else made.
        started: ``time.perf_counter`` at its beginning.
        status: Of the answer; None until it begins.
        first_byte: ``time.perf_counter`` when the first byte of the body left.
        sent_bytes: Of the body.
        outcome: How it ended.
        code: Of the problem, if it was one.
        key: Public part of the key it came with, once its secret was found right.
        spec_id: Of the spec that was asked for, once it is known.
        name: What streams that are made for it are called; holds the ids of its trace.
        on_sent: Told of bytes of the body that have left.
    """

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    status: int | None = None
    first_byte: float | None = None
    sent_bytes: int = 0
    outcome: str = "answered"
    code: str | None = None
    key: str | None = None
    spec_id: str | None = None
    name: str = ""
    on_sent: Callable[[int], None] = _tell_nobody

    def sent(self, size_bytes: int) -> None:
        """Count bytes of the body that were handed to the network."""
        self.first_byte = self.first_byte or time.perf_counter()
        self.sent_bytes += size_bytes
        self.on_sent(size_bytes)


def attach_record(scope: Any, record: RequestRecord) -> None:
    """Put the record where everybody who answers finds it."""
    scope[_KEY] = record


def record_of(scope: Any) -> RequestRecord:
    """Return the record of a request.

    Examples:
        >>> scope = {}
        >>> attach_record(scope, RequestRecord("id"))
        >>> record_of(scope).request_id
        'id'
    """
    record: RequestRecord = scope[_KEY]
    return record
