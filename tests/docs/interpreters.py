"""The shell and the Python of one page: processes that keep what earlier blocks have set."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_LEAVING_SECONDS = 20
_CHILD = Path(__file__).with_name("python_child.py")

# Without it an answer of 404 looks like any other. A command whose output the page
# tells is free to be refused, since what it prints is compared.
_CURLRC = "show-error\nno-progress-meter\nmax-time = 120\n"
_STRICT_CURLRC = _CURLRC + "fail\n"

# Servers that a page has started in the background end with it.
_END_OF_JOBS = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT; echo done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of some code.

    Attributes:
        problem: What went wrong, or None.
        printed: On standard output.
        complained: On standard error.
    """

    problem: str | None
    printed: str
    complained: str


class Interpreter:
    """A process that is given one piece of code after another.

    Args:
        command: Reads a line that says what to run, and answers with a line.
        folder: Where it works.
        files: Where it keeps what is none of the page's business.
        environment: Of the process.
    """

    def __init__(
        self, command: list[str], *, folder: Path, files: Path, environment: dict[str, str]
    ) -> None:
        self._out, self._error, self._code = (files / name for name in ("out", "error", "code"))
        self._process = subprocess.Popen(  # noqa: S603 - runs the pages' own commands
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and what it has left running."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_LEAVING_SECONDS)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait(_LEAVING_SECONDS)
            self._process.stdout.close()

    def _ask(self, line: str, *, timeout_seconds: float) -> Outcome:
        """Have it run what a line says."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for path in (self._out, self._error):
            path.write_bytes(b"")
        timer = threading.Timer(timeout_seconds, self._signal, [signal.SIGKILL])
        timer.start()
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        return Outcome(
            self._problem(answer), *(self._read(path) for path in (self._out, self._error))
        )

    def _problem(self, answer: str) -> str | None:
        if answer == "done":
            return None
        if answer:
            return answer
        status = self._process.wait(_LEAVING_SECONDS)
        return "took too long" if status == -signal.SIGKILL else f"ended with status {status}"

    def _signal(self, number: int) -> None:
        """Send a signal to the process and to all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    @staticmethod
    def _read(path: Path) -> str:
        return path.read_bytes().decode("utf-8", "replace")


class Shell(Interpreter):
    """``bash -eu``; variables and functions stay from block to block."""

    def __init__(self, *, folder: Path, files: Path, environment: dict[str, str]) -> None:
        self._homes = {}
        for is_strict, text in ((True, _STRICT_CURLRC), (False, _CURLRC)):
            home = files / f"curl_{is_strict}"
            home.mkdir()
            (home / ".curlrc").write_text(text, "utf-8")
            self._homes[is_strict] = home
        command = ["bash", "-eu"]
        super().__init__(command, folder=folder, files=files, environment=environment)
        self._ask(_END_OF_JOBS, timeout_seconds=_LEAVING_SECONDS)

    def run(self, code: str, *, is_strict: bool, timeout_seconds: float) -> Outcome:
        """Run commands; if strict, an answer of 400 and more is curl's failure."""
        self._code.write_text(code, "utf-8")
        quoted = f"'{self._code}' </dev/null >'{self._out}' 2>'{self._error}'"
        line = f"export CURL_HOME='{self._homes[is_strict]}'; source {quoted}; echo done"
        return self._ask(line, timeout_seconds=timeout_seconds)


class Python(Interpreter):
    """Python; names stay from block to block."""

    def __init__(self, *, folder: Path, files: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-u", str(_CHILD)]
        super().__init__(command, folder=folder, files=files, environment=environment)

    def run(self, code: str, *, page: str, line: int, timeout_seconds: float) -> Outcome:
        """Run statements; tracebacks name the page and its lines."""
        self._code.write_text("\n" * (line - 1) + code, "utf-8")
        order = {"code": str(self._code), "out": str(self._out), "error": str(self._error)}
        return self._ask(json.dumps({**order, "page": page}), timeout_seconds=timeout_seconds)
