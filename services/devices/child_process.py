"""A process of this program that this one starts, and that ends when this one does."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

_PR_SET_PDEATHSIG = 1
_CODE = (
    "import importlib, json, sys; options = json.loads(sys.argv[3]); "
    "sys.path[:] = options.pop('path'); module, _, name = options.pop('main').partition(':'); "
    "getattr(importlib.import_module(module), name)(**options)"
)


class ChildProcess:
    """One process, from its start to its end. Thread-safe.

    Its main function has to call ``share_fate`` first of all. The kernel takes the
    death of the thread that started it for that of this process.

    Examples:
        >>> child = ChildProcess("signal:pause", "sleeper", {}, descriptors=[])
        >>> child.end()
        >>> child.is_alive
        False
    """

    def __init__(
        self, main: str, name: str, options: Mapping[str, Any], *, descriptors: Sequence[int]
    ) -> None:
        """Start it.

        Args:
            main: ``module:function`` that it calls.
            name: Shows in lists of processes.
            options: For the function, as keywords; whatever JSON can say. Others on
                this machine can read them.
            descriptors: That it inherits.
        """
        options = {"path": sys.path, "main": main, **options}
        command = [sys.executable, "-c", _CODE, "weightbank-worker", name, json.dumps(options)]
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            command, stdin=subprocess.DEVNULL, pass_fds=descriptors
        )
        self._lock = threading.Lock()
        self._pidfd: int | None = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, whatever it does. May be called when it is dead."""
        with self._lock:
            # By descriptor: its number may be another process's once it was waited for.
            if self._pidfd is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def epitaph(self) -> str:
        """See that it is dead, and say how it died."""
        self.kill()
        status = self._process.wait()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"process {self.pid} {how}"

    def end(self) -> None:
        """Kill it, wait until it is dead, and give back what it took."""
        self.kill()
        self._process.wait()
        with self._lock:
            if self._pidfd is not None:
                os.close(self._pidfd)
                self._pidfd = None


def share_fate(parent: int) -> None:
    """Live until the parent dies, in the child.

    Signals that a terminal or a supervisor sends to all processes are the parent's to
    act on: it finishes streams first, and needs its children for that.

    Args:
        parent: Process id of the parent, as the parent knows it.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before the kernel knew.
        sys.exit(0)
    ignore_signals()


def ignore_signals() -> None:
    """Ignore what is meant for the parent."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
