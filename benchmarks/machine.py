"""What a benchmark ran on, in a sentence that names no host."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding


def describe_machine(threads: int | None = None) -> str:
    """Return the processor and the versions that a result depends on.

    Args:
        threads: That were used; all cores if left out.
    """
    cores = os.cpu_count()
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [row for row in cpuinfo.read_text("utf-8").splitlines() if "model name" in row]
        model = models[0].partition(":")[2].strip() if models else model
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "torch"))
    return (
        f"{model} ({llvmlite.binding.get_host_cpu_name()}), {threads or cores} threads on {cores} "
        f"cores; Python {platform.python_version()}, {packages}."
    )
