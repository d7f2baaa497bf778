"""A Ray cluster of one node for tests: started when it is first asked for, gone with pytest."""

import atexit
import functools
import importlib.util
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.devices.child_process import ChildProcess, share_fate
from services.devices.ray import RayDevice, make_ray_devices
from services.devices.ray_options import RayOptions
from services.engine import BufferPool
from tests.ports import free_port

START_SECONDS = 60
STOP_SECONDS = 20
SMALL_NODE = (
    "--num-gpus=0",
    "--object-store-memory=200000000",
    "--include-log-monitor=false",
    "--disable-usage-stats",
    "--min-worker-port=0",  # any free ones, instead of thousands that are taken
    "--max-worker-port=0",
)

HEAD = ("--head", "--include-dashboard=false")


class RayNode:
    """``ray start``, with all that comes of it: it lives no longer than this process."""

    def __init__(self, *options: str, within: Sequence[str] = ()) -> None:
        """Start a node and wait until it runs.

        Args:
            options: Of ``ray start``, beyond those of a small node.
            within: A command that runs the one that follows it, on a host of its own.
        """
        # Not where pytest keeps its files: the names of sockets must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="wb-ray-"))
        self._log = self.folder / "ray-start.log"
        ray = str(Path(sys.executable).with_name("ray"))
        command = [*within, ray, "start", "--block", f"--temp-dir={self.folder}", *SMALL_NODE]
        self._process = ChildProcess(
            "tests.ray_cluster:become_node",
            "ray-node",
            {"command": [*command, *options], "log": str(self._log), "parent": os.getpid()},
            descriptors=[],
        )
        try:
            self._wait_until_it_runs()
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """Kill all processes of the node."""
        self._process.kill()

    def stop(self) -> None:
        """Stop the node, whatever state it is in."""
        if self._process.is_alive:
            os.kill(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._process.is_alive and time.monotonic() < deadline:
            time.sleep(0.05)
        self._process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_until_it_runs(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (self._log.exists() and "Ray runtime started" in self._log.read_text("utf-8")):
            if not self._process.is_alive or time.monotonic() > deadline:
                said = self._log.read_text("utf-8") if self._log.exists() else "nothing"
                raise RuntimeError(f"no Ray node: {self._process.epitaph()}; it said: {said}")
            time.sleep(0.05)


def become_node(*, command: Sequence[str], log: str, parent: int) -> None:
    """Be a command, in a child; what it says goes to a log."""
    share_fate(parent)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    file = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    # There is nothing to hand over to other nodes when it stops.
    os.environ["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"] = "0"
    os.execvp(command[0], command)  # noqa: S606 - our own installation


def skip_without_ray() -> None:
    """Skip a test where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'weightbank[ray]'")


@functools.cache
def ray_address() -> str:
    """Return the address of a cluster of one node, with a token, for all tests.

    The token is in the environment from here on, as it is in that of a server.
    """
    skip_without_ray()
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(16)
    port = free_port()
    atexit.register(head_node(port).stop)
    return f"127.0.0.1:{port}"


def head_node(port: int) -> RayNode:
    """Start a cluster of one node, whose token is in the environment."""
    return RayNode(*HEAD, "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=8")


def ray_devices(pool: BufferPool, *, actors: int = 2, **options: Any) -> Sequence[RayDevice]:
    """Return actors on the cluster of all tests, which are to be started.

    Args:
        pool: One that is shared.
        actors: How many.
        options: Of ``RayOptions``, or ``late_seconds``.
    """
    late_seconds = options.pop("late_seconds", None)
    chosen = RayOptions(
        **{"address": ray_address(), "actors": actors, "actor_cpus": 1, "actor_gpus": 0, **options}
    )
    return make_ray_devices(chosen, pool, late_seconds=late_seconds)
