"""Servers in processes of their own, as an operator starts them."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

SECONDS = 60


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    """Variables of a server that leaves nothing behind."""
    kept = {name: value for name, value in os.environ.items() if "WEIGHTBANK" not in name}
    own = {f"WEIGHTBANK_{name.upper()}": value for name, value in settings.items()}
    return {**kept, "WEIGHTBANK_DATA_DIR": str(tmp_path / "data"), **own}


def start(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a server that cannot start."""
    return subprocess.run(
        [sys.executable, "-m", "app"],
        env=environment(tmp_path, **settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@contextlib.contextmanager
def serving(tmp_path: Path, **settings: str) -> Iterator[tuple[str, Any]]:
    """A server in a process of its own, on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        env=environment(tmp_path, port="0", **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("weightbank listens on http://127.0.0.1:"), line
        yield line.split()[-1], process
    finally:
        process.kill()
        process.communicate()


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    pause = threading.Event()
    for _ in range(SECONDS * 50):
        if holds():
            return
        pause.wait(0.02)
    pytest.fail("it never came true")


def is_ready(url: str) -> bool:
    """Whether a server says that requests should come."""
    return httpx.get(f"{url}/readyz", timeout=SECONDS).status_code == httpx.codes.OK


def workers_of(pid: int) -> dict[str, int]:
    """Process ids of a server's workers, by the names of their devices."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (directory / "cmdline").read_bytes().split(b"\0")
            status = (directory / "status").read_text()
            if b"weightbank-worker" in command and f"PPid:\t{pid}\n" in status:
                found[command[command.index(b"weightbank-worker") + 1].decode()] = int(
                    directory.name
                )
    return found
