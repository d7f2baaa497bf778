"""A lock among the threads of all processes."""

import threading
from pathlib import Path

import pytest

from services.blobs.directory_lock import DirectoryLock
from services.errors import RetryError


def test_another_process_is_kept_out_for_a_while(tmp_path: Path) -> None:
    """Another lock of the file is what another process has. It gives up in words."""
    ours = DirectoryLock(tmp_path / "lock")
    theirs = DirectoryLock(tmp_path / "lock", timeout_seconds=0.01)
    refusal = pytest.raises(RetryError, match="locked by somebody else")
    with ours.held(), ours.held(), refusal, theirs.held():
        raise AssertionError
    with theirs.held():
        pass


def test_another_thread_is_kept_out_for_a_while(tmp_path: Path) -> None:
    """Though the same thread may take it again."""
    lock = DirectoryLock(tmp_path / "lock", timeout_seconds=0.01)
    errors: list[BaseException] = []

    def take() -> None:
        try:
            with lock.held():
                pass
        except RetryError as error:
            errors.append(error)

    with lock.held():
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
    take()
    assert len(errors) == 1


def test_an_error_within_gives_it_back(tmp_path: Path) -> None:
    """To whomever."""
    lock = DirectoryLock(tmp_path / "lock")
    with pytest.raises(ValueError, match="within"), lock.held():
        raise ValueError("within")
    with DirectoryLock(tmp_path / "lock", timeout_seconds=0.01).held():
        pass
