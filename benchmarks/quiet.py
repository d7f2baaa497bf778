"""Measurements that no other process of the machine disturbed."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.processes import cpu_seconds

OTHERS_SHARE = 0.06
"""Of all cores, that other processes and the kernel's own threads may take."""

MOST_TRIES = 20
_SAMPLE_SECONDS = 3.0
_MOST_SAMPLES = 200
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# idle and iowait of proc_stat(5); what follows steal is counted in user and nice.
_IDLE = slice(3, 5)
_ALL = slice(0, 8)

T = TypeVar("T")


@dataclass(slots=True)
class Quiet:
    """Repeats what was disturbed.

    Attributes:
        measured: Measurements that were used.
        repeated: Those that were thrown away, as others were at work.
        disturbed: Those that were used all the same, after the last try.
    """

    measured: int = 0
    repeated: int = 0
    disturbed: int = 0

    def measure(self, action: Callable[[], T]) -> T:
        """Return what an action returns, done while no other process was at work."""
        self.measured += 1
        for _ in range(MOST_TRIES):
            wait_until_quiet()
            result, share = _watched(action)
            if share <= OTHERS_SHARE:
                return result
            self.repeated += 1
        self.repeated -= 1
        self.disturbed += 1
        return result

    def __str__(self) -> str:
        return (
            f"{self.measured} measurements; {self.repeated} more were thrown away and repeated, "
            f"as other processes took over {OTHERS_SHARE:.0%} of the cores meanwhile, and "
            f"{self.disturbed} were kept in spite of that."
        )


def wait_until_quiet() -> None:
    """Wait until other processes do next to nothing, but not for ever."""
    for _ in range(_MOST_SAMPLES):
        _, share = _watched(_pause)
        if share <= OTHERS_SHARE:
            return


def _watched(action: Callable[[], T]) -> tuple[T, float]:
    """Return what an action returns, and the share of the cores that others took."""
    before_all, before_busy, before_own = _times()
    result = action()
    after_all, after_busy, after_own = _times()
    others = (after_busy - before_busy) - (after_own - before_own)
    return result, others / (after_all - before_all)


def _times() -> tuple[float, float, float]:
    """Return seconds of all cores: all, busy, and those of this process's tree."""
    fields = Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:]
    ticks = [int(value) for value in fields]
    all_seconds = sum(ticks[_ALL]) / _TICKS_PER_SECOND
    idle_seconds = sum(ticks[_IDLE]) / _TICKS_PER_SECOND
    return all_seconds, all_seconds - idle_seconds, cpu_seconds(os.getpid())


def _pause() -> None:
    time.sleep(_SAMPLE_SECONDS)
