"""What a process and its children take: processor time and memory, as Linux counts them."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# cutime and cstime of proc_pid_stat(5), counted from the state.
_ENDED_CHILDREN = slice(13, 15)
_CPUCLOCK_SCHED = 2
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of some processes, in bytes.

    Attributes:
        rss: Resident, with what is shared counted in each process.
        pss: Resident, with what is shared divided by its sharers.
        shmem: The part of ``rss`` that is shared memory, memfds among it.
    """

    rss: int
    pss: int
    shmem: int


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants that live."""
    pids = [pid]
    for known in pids:
        pids += _children(known)
    return pids


def cpu_seconds(pid: int | None) -> float:
    """Return the processor time of a process and its descendants, ended ones included.

    It is counted in nanoseconds, but for that of ended descendants, which is in ticks
    and missing until their parent has waited for them. NaN if ``pid`` is None.
    """
    if pid is None:
        return float("nan")
    return sum(_own_seconds(member) + _ended_seconds(member) for member in tree(pid))


def main_thread_seconds(pid: int | None) -> float:
    """Return the processor time of a process's main thread; NaN if ``pid`` is None."""
    if pid is None:
        return float("nan")
    nanoseconds = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text("utf-8").split()[0]
    return int(nanoseconds) / 1e9


def memory(pid: int) -> Memory:
    """Return the memory of a process and its living descendants."""
    counts = {"Rss": 0, "Pss": 0, "RssShmem": 0}
    for member in tree(pid):
        for name in ("smaps_rollup", "status"):
            try:
                lines = Path(f"/proc/{member}/{name}").read_text("utf-8").splitlines()
            except OSError:
                continue
            for line in lines:
                key, _, value = line.partition(":")
                if key in counts:
                    counts[key] += int(value.split()[0]) * _KIB
    return Memory(counts["Rss"], counts["Pss"], counts["RssShmem"])


def command_line(pid: int) -> str:
    """Return what a process was started as, or nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8").replace("\0", " ").strip()
    except OSError:
        return ""


def _own_seconds(pid: int) -> float:
    # What clock_getcpuclockid(3) returns: the clock of a process, its ended threads
    # included. /proc/PID/schedstat is that of its main thread alone.
    clock = (~pid << 3) | _CPUCLOCK_SCHED
    with suppress(OSError):
        return time.clock_gettime(clock)
    return 0.0


def _ended_seconds(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return 0.0
    # The command's name may hold spaces; what follows its parenthesis does not.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[_ENDED_CHILDREN])) / _TICKS_PER_SECOND


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    found: list[int] = []
    for task in tasks:
        try:
            found += map(int, (task / "children").read_text("utf-8").split())
        except OSError:
            continue
    return found
