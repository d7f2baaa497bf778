"""Whether a server is ready, and that asking takes no longer than it may."""

import asyncio
import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.bounded_check import BoundedCheck
from services.bounded_executor import BoundedExecutor
from services.disk_checks import LEAST_FREE_BYTES, why_full, why_unwritable
from services.errors import RetryError
from services.readiness import Readiness, reasons_in

SECONDS = 30


def with_readiness(use: Callable[[Readiness], Any], **options: Any) -> Any:
    """Use a readiness of a healthy server, but for what is said."""

    async def main() -> Any:
        executor = BoundedExecutor("calls", threads=1, limit=2)
        known = {"missing_devices": list, "check_store": lambda: None, "executor": executor}
        readiness = Readiness(**{**known, **options})
        try:
            return await use(readiness)
        finally:
            readiness.close()
            await asyncio.to_thread(executor.close)

    return asyncio.run(main())


def test_everything_is_looked_at() -> None:
    """By name, in one order; nothing is wrong with any of it."""
    results = with_readiness(Readiness.results, looks={"disk": lambda: None})
    assert [result.name for result in results] == ["server", "devices", "store", "disk"]
    assert all(result.is_ok for result in results)


def test_reasons_say_what_is_wrong() -> None:
    """Each with its name before it."""

    def fail() -> None:
        raise RetryError("database", "does not answer", retry_after_seconds=1)

    async def use(readiness: Readiness) -> list[str]:
        readiness.drain()
        return await readiness.reasons()

    reasons = with_readiness(
        use,
        missing_devices=lambda: ["cuda:0"],
        check_store=fail,
        looks={"disk": lambda: "is full"},
    )
    assert [reason.partition(":")[0] for reason in reasons] == [
        "server",
        "devices",
        "store",
        "disk",
    ]
    assert reasons[-1] == "disk: is full"


def test_a_disk_that_hangs_hangs_nobody_else() -> None:
    """Every look ends in time, and only one thread is stuck, however often it is asked."""
    looks, released = [], threading.Event()

    def hang() -> str | None:
        looks.append(threading.current_thread())
        assert released.wait(SECONDS)
        return None

    async def use(readiness: Readiness) -> list[list[str]]:
        return [await readiness.reasons() for _ in range(3)]

    answers = with_readiness(use, looks={"disk": hang}, timeout_seconds=0.01)
    released.set()
    assert answers == 3 * [["disk: has not answered within 0.01 seconds"]]
    assert len(looks) == 1
    looks[0].join(SECONDS)


def test_a_store_that_hangs_takes_one_place() -> None:
    """The next look waits for the last one, and for none of its own."""
    asked, released = [], threading.Event()

    def hang() -> None:
        asked.append(1)
        assert released.wait(SECONDS)

    async def use(readiness: Readiness) -> list[list[str]]:
        answers = [await readiness.reasons() for _ in range(5)]
        released.set()
        return answers

    answers = with_readiness(use, check_store=hang, timeout_seconds=0.01)
    assert all(len(reasons) == 1 and "has not answered" in reasons[0] for reasons in answers)
    assert len(asked) == 1


def test_a_look_that_is_over_is_done_anew() -> None:
    """What was wrong may have been put right."""
    answers = iter(["is full", None])

    async def ask() -> str | None:
        return next(answers)

    async def main() -> list[str]:
        check = BoundedCheck("disk", ask)
        return reasons_in([await check.result(), await check.result()])

    assert asyncio.run(main()) == ["disk: is full"]


def test_a_directory_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    """No file stays."""
    assert why_unwritable(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert why_unwritable(tmp_path / "missing") == "cannot be written: No such file or directory"


def test_a_full_disk_has_room_as_long_as_something_can_go(tmp_path: Path) -> None:
    """Only then is it asked what could."""

    def never() -> bool:
        raise AssertionError

    def room(free_bytes: int, can_make_room: Callable[[], bool]) -> str | None:
        return why_full(tmp_path, can_make_room=can_make_room, free_bytes=lambda _: free_bytes)

    assert room(LEAST_FREE_BYTES, never) is None
    assert room(LEAST_FREE_BYTES - 1, lambda: True) is None
    full = room(LEAST_FREE_BYTES - 1, lambda: False)
    assert full is not None
    assert full.startswith("has no room")


def test_a_disk_that_cannot_be_looked_at_is_no_mistake_of_ours(tmp_path: Path) -> None:
    """The system's words are the reason."""

    def fail(_: Path) -> int:
        raise OSError(errno.EIO, "Input/output error")

    found = why_full(tmp_path, can_make_room=lambda: True, free_bytes=fail)
    assert found == "cannot be looked at: Input/output error"
