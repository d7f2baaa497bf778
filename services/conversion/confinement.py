"""Bounds that the converting process sets to itself, before it reads anything foreign.

Each takes effect for good. Those that not every kernel has are taken where they are to
be had, and what is missing is said on the standard error output: limits of resources
and the parent's death hold everywhere; files, network, signals and programs are out of
reach where the kernel has Landlock and filters of system calls, and the network, for
root alone, also where it has neither.
"""

import contextlib
import ctypes
import math
import os
import resource
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.conversion.landlock import leave_only
from services.conversion.seccomp import refuse_system_calls
from services.devices.child_process import share_fate

_NEW_NETWORK = 0x40000000
_NO_NEW_PRIVILEGES = 38
_NICENESS = 10
_OPEN_FILES = 64
_CAPABILITIES_VERSION = 0x20080522


def confine(parent: int, *, cpu_seconds: float) -> None:
    """Live until the parent dies, in low priority, and write no files; first of all.

    Args:
        parent: Process id of the parent.
        cpu_seconds: Time of a processor that it may take.
    """
    share_fate(parent)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _try("network of its own", lambda: _must(libc.unshare(_NEW_NETWORK)), is_told=False)
    # When memory runs out, this process has to go before the server does.
    _try("first to go", lambda: Path("/proc/self/oom_score_adj").write_text("1000", "ascii"))
    os.nice(_NICENESS)
    # One second apart: the first is told from a kill for want of memory.
    _limit(resource.RLIMIT_CPU, math.ceil(cpu_seconds), grace=1)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)


@contextmanager
def memory_limited(more_bytes: int) -> Iterator[None]:
    """Bound the address space, for a while, to what it is now and some more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_lesser(_address_bytes() + more_bytes, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def limit_memory(more_bytes: int) -> None:
    """Bound the address space, for good, to what it is now and some more."""
    _limit(resource.RLIMIT_AS, _address_bytes() + more_bytes)


def seal(readable: Sequence[Path | int]) -> None:
    """Give up all that reading a pickle does not need; after all imports.

    Args:
        readable: Directories, by path, and files, by descriptor, to open still.
    """
    _limit(resource.RLIMIT_NPROC, 0)
    _try("capabilities", _drop_capabilities)
    _try("Landlock", lambda: leave_only(readable))
    _try("filter of system calls", refuse_system_calls)


def _address_bytes() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _limit(what: int, most: int, *, grace: int = 0) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (_lesser(most, hard), _lesser(most + grace, hard)))


def _lesser(most: int, hard: int) -> int:
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def _drop_capabilities() -> None:
    """Be as any other user, in case this is root."""
    header = struct.pack("II", _CAPABILITIES_VERSION, 0)
    _must(ctypes.CDLL(None, use_errno=True).capset(header, bytes(24)))


def _must(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _try(what: str, take: Callable[[], object], *, is_told: bool = True) -> None:
    """Take a bound that not every system has."""
    try:
        take()
    except OSError as error:
        if is_told:
            with contextlib.suppress(OSError):
                print(f"not confined by {what}: {error}", file=sys.stderr)  # noqa: T201 - the log
