"""Whether a directory can be written, and whether its disk has room."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

_PROBE = bytes(4096)
LEAST_FREE_BYTES = 2**20


def why_unwritable(directory: Path) -> str | None:
    """Return what keeps a file from being written in a directory; None if nothing does.

    Nothing of it stays: the file never has a name where the system can do without.

    Examples:
        >>> why_unwritable(Path("/proc"))
        'cannot be written: No such file or directory'
    """
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            file.write(_PROBE)
    except OSError as error:
        return f"cannot be written: {error.strerror}"
    return None


def why_full(
    directory: Path,
    *,
    can_make_room: Callable[[], bool],
    free_bytes: Callable[[Path], int] | None = None,
) -> str | None:
    """Return that a disk is full, if it is, and if nothing could go to make room.

    Args:
        directory: On that disk.
        can_make_room: Whether anything could go; asked only if the disk is full.
        free_bytes: How much the disk has for us.

    Examples:
        >>> why_full(Path("/"), can_make_room=lambda: False, free_bytes=lambda path: 0)
        'has no room: 0 bytes are free, and nothing can go'
    """
    try:
        free = (free_bytes or _free_bytes)(directory)
        if free >= LEAST_FREE_BYTES or can_make_room():
            return None
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    return f"has no room: {free} bytes are free, and nothing can go"


def _free_bytes(directory: Path) -> int:
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize
