"""A disk without room, as an error that a caller can read."""

import contextlib
import errno
import os
from collections.abc import Iterator

from services.hub.errors import InsufficientStorageError
from weightbank.errors import NO_VALUE

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def no_room_as_error() -> Iterator[None]:
    """Turn a full disk into our own error.

    Raises:
        InsufficientStorageError: Instead of the system's.

    Examples:
        >>> with no_room_as_error():
        ...     raise OSError(errno.ENOSPC, "full")
        Traceback (most recent call last):
            ...
        services.hub.errors.InsufficientStorageError: disk has no room: No space left on device; \
accepted: try again later
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        problem = f"has no room: {os.strerror(error.errno or 0)}"
        raise InsufficientStorageError("disk", NO_VALUE, problem, "try again later") from error
