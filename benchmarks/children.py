"""Processes that end when a benchmark does, however it ends.

Theory of operation: SIGTERM becomes an exception, so that blocks are left as they are
after an error and folders are removed; where not even that is possible (SIGKILL), the
kernel signals the child. The child asks the kernel for that itself, in a launcher that
then becomes the program: what Popen could run between fork and exec is not safe where
there are threads.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 60
_LAUNCHER = f"""
import ctypes, os, sys
parent, death_signal, *command = sys.argv[1:]
ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, int(death_signal))
if os.getppid() == int(parent):
    os.execvp(command[0], command)
"""


@contextmanager
def child_process(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    patience_seconds: float = _STOP_SECONDS,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until the block ends, or this process does.

    Args:
        command: The program and its arguments.
        environment: All of its variables; those of this process if left out.
        stdin: As Popen has it.
        stdout: As Popen has it.
        stderr: As Popen has it.
        death_signal: What it gets if this process dies without leaving the block.
        patience_seconds: How long it may take to end after SIGTERM.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
    launcher = [sys.executable, "-ESc", _LAUNCHER, str(os.getpid()), str(int(death_signal))]
    process = subprocess.Popen(  # noqa: S603 - our own words
        [*launcher, *command],
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() not in {None, 0, -signal.SIGTERM}:
            print(f"{command} ended before it was told to: {process.returncode}", file=sys.stderr)
        process.terminate()
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _leave(number: int, _frame: object) -> NoReturn:
    # Once is enough: what leaves its blocks now is not to be disturbed. A handler, as
    # children would inherit that a signal is ignored, and could not be ended by it.
    signal.signal(number, _do_nothing)
    sys.exit(128 + number)


def _do_nothing(_number: int, _frame: object) -> None:
    pass
