"""System calls that the converting process does without from some point on.

Theory of operation: a filter in the kernel answers each call of the process before it
is made. What it refuses is what code that a pickle smuggled in would need to reach
beyond the process: sockets, other programs and processes, and those doors of the kernel
that have let people through. Threads may be started. Any process may filter itself.
Source: seccomp(2), and the tables of system calls of Linux.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_NO_NEW_PRIVILEGES = 38
_SET_MODE_FILTER = 1
_ALL_THREADS = 1

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_CLONE_THREAD = 0x00010000
_X32_BIT = 0x40000000


@dataclass(frozen=True, slots=True)
class _Machine:
    """Numbers of one kind of processor."""

    architecture: int
    seccomp: int
    clone: int
    tgkill: int
    refused: dict[str, int]


_COMMON = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "pidfd_getfd": 438,
}
_CLONE3 = 435
_MACHINES = {
    "x86_64": _Machine(
        architecture=0xC000003E,
        seccomp=317,
        clone=56,
        tgkill=234,
        refused={
            "socket": 41,
            "fork": 57,
            "vfork": 58,
            "execve": 59,
            "kill": 62,
            "ptrace": 101,
            "setpgid": 109,
            "setsid": 112,
            "rt_sigqueueinfo": 129,
            "tkill": 200,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "rt_tgsigqueueinfo": 297,
            "perf_event_open": 298,
            "prlimit64": 302,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "bpf": 321,
            "execveat": 322,
            "userfaultfd": 323,
        },
    ),
    "aarch64": _Machine(
        architecture=0xC00000B7,
        seccomp=277,
        clone=220,
        tgkill=131,
        refused={
            "unshare": 97,
            "ptrace": 117,
            "kill": 129,
            "tkill": 130,
            "rt_sigqueueinfo": 138,
            "setpgid": 154,
            "setsid": 157,
            "socket": 198,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "execve": 221,
            "rt_tgsigqueueinfo": 240,
            "perf_event_open": 241,
            "prlimit64": 261,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "bpf": 280,
            "execveat": 281,
            "userfaultfd": 282,
        },
    ),
}


def refuse_system_calls() -> None:
    """Refuse them to this process and its threads, for good.

    Raises:
        OSError: If this kernel or processor has no such filter for us.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, "no table of system calls for this processor")
    instructions = _filter_of(machine)
    code = ctypes.create_string_buffer(b"".join(instructions))
    program = struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    # By the call that knows threads: prctl would filter this one alone.
    if libc.syscall(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, program) != 0:
        raise OSError(ctypes.get_errno(), "no filter of system calls")


def _filter_of(machine: _Machine) -> list[bytes]:
    """Return the filter: instructions of the kernel's classic BPF."""
    instructions = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, machine.architecture, then=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        # Without clone3, whose flags no filter can read, libraries take clone.
        *_on(_CLONE3, _REFUSE | errno.ENOSYS),
        *_unless_argument(machine.clone, _ANY_BIT, _CLONE_THREAD),
        *_unless_argument(machine.tgkill, _EQUAL, os.getpid()),
    ]
    if machine is _MACHINES["x86_64"]:
        instructions += [
            _instruction(_AT_LEAST, _X32_BIT, otherwise=1),
            _instruction(_RETURN, _REFUSE | errno.EPERM),
        ]
    for number in (machine.refused | _COMMON).values():
        instructions += _on(number, _REFUSE | errno.EPERM)
    return [*instructions, _instruction(_RETURN, _ALLOW)]


def _instruction(code: int, operand: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, then, otherwise, operand)


def _on(number: int, outcome: int) -> list[bytes]:
    """Answer one system call."""
    return [_instruction(_EQUAL, number, otherwise=1), _instruction(_RETURN, outcome)]


def _unless_argument(number: int, test: int, operand: int) -> list[bytes]:
    """Refuse one system call unless its first argument passes a test."""
    return [
        _instruction(_EQUAL, number, otherwise=4),
        _instruction(_LOAD, _FIRST_ARGUMENT),
        _instruction(test, operand, then=1),
        _instruction(_RETURN, _REFUSE | errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
