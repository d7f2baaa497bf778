"""The directory that a server keeps its files in."""

import tempfile
from pathlib import Path

from services.errors import StartupError


def prepare_data_directory(path: Path) -> None:
    """Make the directory if it is missing, and see that it can be written.

    Raises:
        StartupError: If it cannot.

    Examples:
        >>> prepare_data_directory(Path("/proc/weightbank"))
        Traceback (most recent call last):
        services.errors.StartupError: data directory '/proc/weightbank' cannot be written: \
No such file or directory
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise StartupError(
            f"data directory {str(path)!r} cannot be written: {error.strerror}"
        ) from error
