"""Pickled checkpoints (``pytorch_model.bin``, ``*.pth``) to safetensors.

Theory of operation: a pickle is a program. It is read in a process of its own that is
bound in memory, time and output, can reach neither the network nor other programs nor
files, and may be lost (``child.py`` says how). This process starts it, hands it the
opened checkpoint, takes what it writes up to a bound, and kills it with all its group
when it is done or late. It believes the other process nothing: an answer that is no
report is a crash, words for callers are made here, and the converted file's header has
to be checked like that of any file from elsewhere. torch is never imported here.

The converted file is the same, byte for byte, whenever and with whatever version of
torch it is made: what ``safetensors.torch.save_file(..., metadata={"format": "pt"})``
writes of the same tensors. Tensors that share memory are written each, names are kept.
"""

import importlib.metadata
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from services.conversion.process import ConversionProcess, Sink
from services.conversion.verdicts import check_ending
from services.errors import ShuttingDownError, StartupError

VERSION = 1
"""Counts changes after which a pickle may be converted to other bytes than before."""

_CODE = (
    "import json, sys; options = json.loads(sys.argv[1]); sys.path[:] = options.pop('path'); "
    "from services.conversion.child import main; main(**options)"
)
# Isolated from the environment, writing no bytecode, and of one opinion on warnings.
_COMMAND = (sys.executable, "-I", "-B", "-W", "ignore", "-c", _CODE)
# Before it, a pickle could corrupt memory in spite of weights_only: CVE-2026-24747.
_LEAST_TORCH = (2, 10)


def _ignore(_: str) -> None:
    """Drop a message."""


class Converter:
    """Converts checkpoints, several at once if they come from several threads.

    Memory is what a conversion may take beyond torch itself, which is some 200 MB. A
    zip file is mapped, and counts in full though the kernel can take its pages back; a
    legacy file is read into memory. A tensor that is not contiguous is copied besides.
    """

    def __init__(
        self,
        *,
        memory_bytes: int,
        timeout_seconds: float,
        file_bytes: int,
        log: Callable[[str], None] = _ignore,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        """Convert nothing yet.

        Args:
            memory_bytes: Address space that one conversion may take.
            timeout_seconds: Time that it may take, on the clock and of a processor.
            file_bytes: Largest file it may be converted to.
            log: Takes what the process printed, at most 16 KiB: for the operator alone.
            command: What to run in place of the converting process; for tests. Its
                last argument will be the options of ``child.main``, in JSON.
        """
        self._bounds = {
            "memory_bytes": memory_bytes,
            "timeout_seconds": timeout_seconds,
            "file_bytes": file_bytes,
        }
        self._memory_bytes = memory_bytes
        self._timeout_seconds = timeout_seconds
        self._file_bytes = file_bytes
        self._log = log
        self._command = command
        self._lock = threading.Lock()
        self._running: set[ConversionProcess] = set()
        self._is_closed = False

    def convert(self, source: Path, out: Sink) -> None:
        """Convert one checkpoint. Blocking; the calling thread must not end before it.

        Args:
            source: The pickled checkpoint. ``/proc/self/fd/N`` is a file that is open.
            out: Takes the safetensors file, from where it stands, and each piece whole,
                as buffered files do; what is in it after an error is to be thrown away.

        Raises:
            ConversionError: If it could not be converted, or not within the bounds.
            ShuttingDownError: If ``close`` was called before it was done.
            OSError: If the source cannot be opened, or a process cannot be started.
        """
        opened = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            process = self._start(opened)
        finally:
            os.close(opened)
        try:
            ending = process.relay(
                out, timeout_seconds=self._timeout_seconds, most_bytes=self._file_bytes
            )
        finally:
            with self._lock:
                self._running.discard(process)
        if ending.printed:
            self._log(ending.printed.decode("utf-8", "backslashreplace"))
        if self._is_closed:
            raise ShuttingDownError
        check_ending(ending, self._bounds)

    def close(self) -> None:
        """End what is being converted, and convert nothing any more."""
        with self._lock:
            self._is_closed = True
            for process in self._running:
                process.kill()

    def _start(self, source: int) -> ConversionProcess:
        options: dict[str, Any] = {
            "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 - "" is here
            "parent": os.getpid(),
            "memory_bytes": self._memory_bytes,
            "cpu_seconds": self._timeout_seconds,
            "file_bytes": self._file_bytes,
        }
        with self._lock:
            if self._is_closed:
                raise ShuttingDownError
            process = ConversionProcess(self._command, options, source=source)
            self._running.add(process)
        return process


def _torch_version() -> str:
    return importlib.metadata.version("torch")


def check_available(installed_version: Callable[[], str] = _torch_version) -> None:
    """Return if pickles can be converted in this installation; torch is not imported.

    Args:
        installed_version: Returns torch's version; what the installation says.

    Raises:
        StartupError: If torch is missing, or too old to be trusted with a pickle.

    Examples:
        >>> check_available(lambda: "2.13.0+cpu")
        >>> check_available(lambda: "2.9.1")
        Traceback (most recent call last):
        services.errors.StartupError: converting pickles needs torch 2.10 or later, and 2.9.1 \
is installed: pip install '.[torch]', or set WEIGHTBANK_ALLOW_PICKLE=refuse
    """
    try:
        version = installed_version()
    except importlib.metadata.PackageNotFoundError:
        version = "none"
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < _LEAST_TORCH:
        raise StartupError(
            f"converting pickles needs torch 2.10 or later, and {version} is installed: "
            "pip install '.[torch]', or set WEIGHTBANK_ALLOW_PICKLE=refuse"
        )
