"""Files that the converting process can still open from some point on: a few, to read.

Landlock is how a process without any privileges lets the kernel take files and
networks from it. What is open already stays open.
Source: landlock(7); Linux 5.13, with networks since 6.7 and signals since 6.12.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_READ_FILE, _READ_DIRECTORY = 1 << 2, 1 << 3

# How many kinds of access to files each version knows, from the first on.
_FILE_ACCESSES = (13, 14, 15, 15, 16)
_NETWORK_VERSION, _TCP = 4, 0b11
_SCOPE_VERSION, _SIGNALS_AND_SOCKETS = 6, 0b11


def leave_only(readable: Sequence[Path | int]) -> None:
    """Let this thread open nothing but what is given, and that to read, for good.

    Args:
        readable: Directories with all beneath them, by path, and files, by descriptor.
            A path that is not there is passed over.

    Raises:
        OSError: If this kernel has no Landlock.
    """
    version = _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    attributes = _attributes(version)
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    for place in readable:
        _allow(ruleset, place)
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _attributes(version: int) -> bytes:
    """Return what is taken away: all that this version knows."""
    accesses = _FILE_ACCESSES[min(version, len(_FILE_ACCESSES)) - 1]
    attributes = struct.pack("Q", (1 << accesses) - 1)
    if version >= _NETWORK_VERSION:
        attributes += struct.pack("Q", _TCP)
    if version >= _SCOPE_VERSION:
        attributes += struct.pack("Q", _SIGNALS_AND_SOCKETS)
    return attributes


def _allow(ruleset: int, place: Path | int) -> None:
    if isinstance(place, int):
        _add_rule(ruleset, place)
        return
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        _add_rule(ruleset, opened)
    finally:
        os.close(opened)


def _add_rule(ruleset: int, opened: int) -> None:
    is_directory = stat.S_ISDIR(os.fstat(opened).st_mode)
    access = _READ_FILE | _READ_DIRECTORY if is_directory else _READ_FILE
    _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", access, opened), 0)


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result: int = libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result
