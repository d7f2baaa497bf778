"""A converting process as its server sees it: started, listened to, and ended."""

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_OUTPUT_PIPE_BYTES = 2**20
_READ_BYTES = 2**20
_REPORT_BYTES = 2**16
_PRINTED_BYTES = 2**14
# One thread. Of the server's own environment only what its libraries are found by.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_INHERITED = ("LD_LIBRARY_PATH",)


class Sink(Protocol):
    """Takes the bytes of a file from its beginning on."""

    def write(self, piece: bytes, /) -> int:
        """Take all of a piece."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, and what it left; all of it is to be doubted.

    Attributes:
        status: Its exit status; the negative number of a signal that killed it.
        report: What it reported, cut at a bound.
        printed: What it printed, cut at a bound.
        written_bytes: How much it wrote of the converted file.
        is_late: Whether it was killed after the time-out.
        is_large: Whether it was killed for writing too much.
    """

    status: int
    report: bytes
    printed: bytes
    written_bytes: int
    is_late: bool
    is_large: bool


class ConversionProcess:
    """One process in a session of its own, from its start to its end.

    The kernel takes the death of the thread that started it for that of the server, so
    that thread has to wait for it.
    """

    def __init__(self, command: Sequence[str], options: Mapping[str, Any], *, source: int) -> None:
        """Start it.

        Args:
            command: The program; its options follow as one argument, in JSON.
            options: Whatever JSON can say; ``source`` and ``report`` are added to them.
            source: Descriptor of what is to be converted.
        """
        self._report, theirs = os.pipe()
        options = {**options, "source": source, "report": theirs}
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [*command, json.dumps(options)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(source, theirs),
                cwd="/",
                env={**_ENVIRONMENT, **inherited},
                start_new_session=True,
            )
        except BaseException:
            os.close(self._report)
            raise
        finally:
            os.close(theirs)
        self._lock = threading.Lock()
        self._pidfd: int | None = None
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:
            self._end()
            raise

    def kill(self) -> None:
        """End it, whatever it does. May be called from any thread, and when it is dead."""
        with self._lock:
            if self._pidfd is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def relay(self, out: Sink, *, timeout_seconds: float, most_bytes: int) -> Ending:
        """Write what it converts to a file until it ends or has to; then see it dead.

        Args:
            out: Takes the converted file.
            timeout_seconds: After which it is killed.
            most_bytes: After which it is killed.

        Raises:
            Exception: Whatever ``out`` raises; the process is dead then, too.
        """
        output = _Output(out, most_bytes)
        report, printed = _Beginning(_REPORT_BYTES), _Beginning(_PRINTED_BYTES)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        pipes = {
            self._process.stdout.fileno(): output.take,
            self._process.stderr.fileno(): printed.take,
            self._report: report.take,
        }
        with contextlib.suppress(OSError):
            # There are bounds on how much a user may have in pipes.
            fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, _OUTPUT_PIPE_BYTES)
        is_late = False
        try:
            is_late = not self._listen(pipes, time.monotonic() + timeout_seconds)
            self._kill_all()
            for descriptor, take in pipes.items():
                _drain(descriptor, take)
        except _TooLargeError:
            pass
        finally:
            status = self._end()
        return Ending(
            status=status,
            report=bytes(report.kept),
            printed=bytes(printed.kept),
            written_bytes=output.written_bytes,
            is_late=is_late,
            is_large=output.is_large,
        )

    def _listen(self, pipes: Mapping[int, Callable[[bytes], None]], deadline: float) -> bool:
        """Take what comes until the process ends; return whether it did in time."""
        assert self._pidfd is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._pidfd, selectors.EVENT_READ)
            for descriptor, take in pipes.items():
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ, take)
            while (seconds := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(seconds):
                    if key.data is None:
                        return True
                    data = os.read(key.fd, _READ_BYTES)
                    if data:
                        key.data(data)
                    else:
                        selector.unregister(key.fd)
        return False

    def _kill_all(self) -> None:
        """Kill its group. The number cannot be another's before it was waited for."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self) -> int:
        """Kill what is left, wait, and give back what it took; return its status."""
        self._kill_all()
        with self._process:
            status = self._process.wait()
        os.close(self._report)
        with self._lock:
            if self._pidfd is not None:
                os.close(self._pidfd)
                self._pidfd = None
        return status


class _TooLargeError(Exception):
    """More came than was asked for."""


@dataclass(slots=True)
class _Output:
    """The converted file, counted."""

    out: Sink
    most_bytes: int
    written_bytes: int = 0
    is_large: bool = False

    def take(self, data: bytes) -> None:
        if self.written_bytes + len(data) > self.most_bytes:
            self.is_large = True
            raise _TooLargeError
        self.out.write(data)
        self.written_bytes += len(data)


class _Beginning:
    """The first bytes of a stream; the others are dropped."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.kept = bytearray()

    def take(self, data: bytes) -> None:
        self.kept += data[: self._most_bytes - len(self.kept)]


def _drain(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Take what a pipe still holds; no more, in case somebody escaped and goes on writing."""
    left = fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
    with contextlib.suppress(BlockingIOError):
        while left > 0 and (data := os.read(descriptor, left)):
            take(data)
            left -= len(data)
