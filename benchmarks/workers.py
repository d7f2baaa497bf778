"""A server's worker processes, as its log tells of them."""

import json
import threading
import time
from dataclasses import dataclass

from benchmarks.processes import command_line, tree

_WAIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Retry:
    """A chunk that was made again.

    Attributes:
        device: That it was lost or late on.
        reason: ``lost``, ``late`` or ``failed``.
        seconds: Of ``time.perf_counter``, when the log said so.
    """

    device: str
    reason: str
    seconds: float


class Workers:
    """Knows which workers are up. Thread-safe.

    The log is read for that, as a question to the server would take its time, and
    show in what is measured.
    """

    def __init__(self, names: list[str]) -> None:
        """Know of none yet.

        Args:
            names: Of their devices.
        """
        self.retries: list[Retry] = []
        self._names = names
        self._server_pid: int | None = None
        self._up: dict[str, int | None] = {}
        self._changed = threading.Condition()

    def attach(self, server_pid: int) -> None:
        """Learn whose children they are, and wait until all are up."""
        self._server_pid = server_pid
        with self._changed:
            self._up = {name: self._find(name) for name in self._up}
        self.wait_until_up()

    def on_line(self, line: str) -> None:
        """Read a line of the log."""
        try:
            said = json.loads(line)
        except ValueError:
            return
        event, device = said.get("event"), said.get("device")
        if event == "chunk is made again":
            self.retries.append(Retry(device, said["reason"], time.perf_counter()))
        if device not in self._names:
            return
        with self._changed:
            if event == "device is up":
                self._up[device] = self._find(device)
            elif event == "device is down":
                self._up.pop(device, None)
            self._changed.notify_all()

    def up(self) -> dict[str, int]:
        """Return the process ids of those that are up, by name."""
        with self._changed:
            return {name: pid for name, pid in sorted(self._up.items()) if pid is not None}

    def forget(self, name: str) -> None:
        """Take one for down, before the log says so."""
        with self._changed:
            self._up.pop(name, None)

    def wait_until_up(self) -> None:
        """Wait until all are up."""
        with self._changed:
            if not self._changed.wait_for(lambda: set(self._up) == set(self._names), _WAIT_SECONDS):
                raise SystemExit(f"of {self._names} only {list(self._up)} came up")

    def _find(self, name: str) -> int | None:
        if self._server_pid is None:
            return None
        words = f" weightbank-worker {name} "
        return next((pid for pid in tree(self._server_pid) if words in command_line(pid)), None)
