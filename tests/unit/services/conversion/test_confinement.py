"""What a confined process cannot do any more. Each is tried in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PREPARED = """
import ctypes, mmap, os, signal, socket, subprocess, sys, threading
from pathlib import Path
from services.conversion.confinement import confine, limit_memory, memory_limited, seal
victim = os.getppid()
readable = os.open(sys.argv[1], os.O_RDONLY)
other = sys.argv[2]
def clone(*, flags):
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    return ctypes.CDLL(None).syscall(number, flags, 0, 0, 0, 0)
"""
SEALED = """
confine(victim, cpu_seconds=20)
limit_memory(2**26)
seal([Path(os.__file__).parent, readable])
"""


def run(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process, with a file that it may read and one that it may not."""
    allowed, other = path / "allowed", path / "other"
    allowed.write_text("content")
    other.write_text("secret")
    command = [sys.executable, "-B", "-c", PREPARED + code, str(allowed), str(other)]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(  # noqa: S603 - our own interpreter and code
        command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )


FORBIDDEN = {
    "a socket": "socket.socket()",
    "a local socket": "socket.socket(socket.AF_UNIX)",
    "a fork": "os.fork() or os._exit(0)",
    "a clone": "print('done', clone(flags=0x11)) if clone(flags=0x11) != -1 else 1 / 0",
    "a program": "os.execv('/bin/true', ['true'])",
    "a program through the shell": "subprocess.run('true', shell=True)",
    "a signal to the server": "os.kill(victim, 0)",
    "a session of its own": "os.setsid()",
    "a look at a file": "open(other)",
    "a look at the server": "open(f'/proc/{victim}/environ')",
    "a list of a directory": "os.listdir('/etc')",
    "a new file": "open(other + '.new', 'w')",
    "a removed file": "os.unlink(other)",
    "a renamed file": "os.rename(other, other + '.new')",
    "a program in memory": "os.write(os.memfd_create('pages'), b'#!/bin/true')",
    "a gigabyte": "mmap.mmap(-1, 2**30)",
    "higher limits": "__import__('resource').setrlimit(__import__('resource').RLIMIT_AS, (-1, -1))",
}


@pytest.fixture(scope="module", autouse=True)
def _all_bounds(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only where this kernel has them all; what is missing is printed."""
    missing = run(SEALED, tmp_path_factory.mktemp("bounds")).stderr
    if missing:
        pytest.skip(missing)


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_a_sealed_process_cannot_have(what: str, tmp_path: Path) -> None:
    """Though it could before, all but the memory being free then."""
    attempt = (
        f"\ntry:\n    {FORBIDDEN[what]}\nexcept Exception as error:\n    print('kept', error)\n"
    )
    ended = run(SEALED + attempt, tmp_path)
    assert ended.stdout.startswith("kept"), ended
    assert (tmp_path / "other").read_text() == "secret"
    assert not (tmp_path / "other.new").exists()


@pytest.mark.parametrize("what", ["a socket", "a clone", "a look at a file", "a new file"])
def test_it_is_the_seal_that_takes_it(what: str, tmp_path: Path) -> None:
    """An open process can."""
    ended = run(f"{FORBIDDEN[what]}\nprint('done')", tmp_path)
    assert "done" in ended.stdout, ended


def test_a_sealed_process_can_still_read_and_compute(tmp_path: Path) -> None:
    """What it was left: a file, Python's own, threads if there are any left to have."""
    code = """
path = f"/proc/self/fd/{readable}"
import colorsys
print(open(path).read(), colorsys.__name__, len(bytearray(2**25)), clone(flags=0))
"""
    ended = run(SEALED + code, tmp_path)
    assert ended.stdout == "content colorsys 33554432 -1\n", ended


def test_a_confined_process_has_its_limits(tmp_path: Path) -> None:
    """As the kernel tells them."""
    code = """
confine(victim, cpu_seconds=1.5)
import resource as r
for limit in (r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_CORE, r.RLIMIT_NOFILE):
    print(*r.getrlimit(limit))
print(os.nice(0) > 0, open("/proc/self/oom_score_adj").read().strip())
"""
    ended = run(code, tmp_path)
    assert ended.stdout.split() == ["2", "3", "0", "0", "0", "0", "64", "64", "True", "1000"], ended


def test_a_process_that_computes_on_is_ended(tmp_path: Path) -> None:
    """Even if its server does not look at the clock."""
    ended = run("confine(victim, cpu_seconds=0.1)\nwhile True: pass", tmp_path)
    assert ended.returncode == -signal.SIGXCPU, ended


def test_memory_is_limited_for_a_while(tmp_path: Path) -> None:
    """And free again."""
    code = """
try:
    with memory_limited(2**26):
        mmap.mmap(-1, 2**30)
except OSError:
    print("kept")
print(len(mmap.mmap(-1, 2**30)))
"""
    assert run(code, tmp_path).stdout.split() == ["kept", str(2**30)]


def test_a_process_whose_server_is_gone_ends_at_once(tmp_path: Path) -> None:
    """It died before the kernel knew of the bond."""
    ended = run("confine(victim + 1, cpu_seconds=1)\nprint('lives')", tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
