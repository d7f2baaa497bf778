"""How many tensors the files of a checkpoint have together: bounded while they are found.

Each header is bounded by itself, but an index can name thousands of files.
"""

from typing import Self

from weightbank.errors import LimitExceededError
from weightbank.limits import Limits
from weightbank.stored_header import StoredHeader

_FULL_CHECKPOINTS = 4
"""Of one spec, as many may have the most tensors that one may have."""


class TensorTotal:
    """Counts tensors of one checkpoint, or of all that a spec names, up to a limit.

    Examples:
        >>> TensorTotal(10).add(StoredHeader({}, {}, 10)).header_bytes
        10
    """

    def __init__(self, limit: int) -> None:
        """Have counted none."""
        self._limit = limit
        self._total = 0

    @classmethod
    def of(cls, limits: Limits, *, checkpoints: int) -> Self:
        """Return one for some checkpoints together."""
        return cls(limits.tensors * min(checkpoints, _FULL_CHECKPOINTS))

    def add(self, header: StoredHeader) -> StoredHeader:
        """Count the tensors of one more file, and return its header.

        Raises:
            LimitExceededError: If they are too many together.
        """
        self._total += len(header.tensors)
        if self._total > self._limit:
            raise LimitExceededError(
                "tensors of all files",
                self._total,
                "or more are too many",
                f"{self._limit} or fewer, or one of the files with ?file=",
            )
        return header
