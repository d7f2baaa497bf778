"""The server's side of a test on several hosts: streams a file, and reports in JSON.

    python -m tests.ray_stream ADDRESS MEGABYTES

When a quarter of the file has come it says so, and waits for a line before it goes on.
"""

import asyncio
import hashlib
import json
import sys
import time
from dataclasses import asdict, dataclass, field

from services.devices.ray import make_ray_devices
from services.devices.ray_options import RayOptions
from services.devices.threads import ThreadDevice
from services.engine import Engine, EngineOptions, Reason, Stream, Unobserved
from tests.engines import eventually
from tests.specs import file_of, parameter
from weightbank import CpuBackend, WeightsFile

CHUNK_BYTES = 2**23
LATE_SECONDS = 1.0
BLOCK_BYTES = 2**24


@dataclass
class Report(Unobserved):
    """What is reported.

    Attributes:
        hosts: Of the actors, at the beginning.
        is_identical: Whether the bytes are those of this process.
        size_bytes: Of the file.
        seconds: From first to last byte, without the wait.
        longest_gap_seconds: Between two chunks.
        gap_seconds: All gaps of a tenth of a second or more.
        retries: Chunks that were made again, by device and reason.
        losses: Devices that went down, and why.
    """

    hosts: list[str] = field(default_factory=list)
    is_identical: bool = False
    size_bytes: int = 0
    seconds: float = 0.0
    longest_gap_seconds: float = 0.0
    gap_seconds: list[float] = field(default_factory=list)
    retries: list[tuple[str, Reason]] = field(default_factory=list)
    losses: list[tuple[str, str]] = field(default_factory=list)

    def retried(self, device: str, reason: Reason, *, stream: str) -> None:
        """See ``Observer.retried``."""
        del stream
        self.retries.append((device, reason))

    def went_down(self, device: str, error: Exception) -> None:
        """See ``Observer.went_down``."""
        self.losses.append((device, str(error)))


async def _stream(stream: Stream, report: Report) -> str:
    """Return the digest of a stream; note the gaps between its chunks."""
    digest = hashlib.sha256()
    received, has_waited = 0, False
    began = before = time.perf_counter()
    while (chunk := await stream.next_chunk()) is not None:
        gap = time.perf_counter() - before
        report.longest_gap_seconds = max(report.longest_gap_seconds, gap)
        if gap >= 0.1:
            report.gap_seconds.append(round(gap, 3))
        digest.update(chunk.view)
        received += len(chunk.view)
        del chunk
        if received >= report.size_bytes / 4 and not has_waited:
            has_waited, waited = True, time.perf_counter()
            print("a quarter", flush=True)  # noqa: T201 - for whoever started it
            sys.stdin.readline()
            began += time.perf_counter() - waited
        before = time.perf_counter()
    report.seconds = time.perf_counter() - began
    return digest.hexdigest()


async def _main(address: str, file: WeightsFile) -> Report:
    options = EngineOptions(chunk_bytes=CHUNK_BYTES, streams=1)
    pool = options.pool(lanes=5, is_shared=True)
    cluster = RayOptions(address=address, actors=2, actor_cpus=1, actor_gpus=0)
    devices = make_ray_devices(cluster, pool, late_seconds=LATE_SECONDS)
    report = Report(size_bytes=file.size_bytes)
    reserve = ThreadDevice("cpu", lanes=1, warm_up=CpuBackend().warm_up)
    engine = Engine(options, pool, devices, reserve=reserve, observer=report)
    engine.start()
    try:
        await eventually(lambda: all(device.is_up for device in engine.devices))
        report.hosts = [device.report["host"] for device in devices if device.report]
        stream = engine.open(file, [(0, file.size_bytes)])
        made = await _stream(stream, report)
        stream.close()
    finally:
        await asyncio.to_thread(engine.close)
    report.is_identical = made == _digest(file)
    return report


def _digest(file: WeightsFile) -> str:
    digest = hashlib.sha256()
    for start in range(0, file.size_bytes, BLOCK_BYTES):
        digest.update(file.read(start, min(file.size_bytes, start + BLOCK_BYTES)))
    return digest.hexdigest()


def main() -> None:
    """Stream, and print the report."""
    rows = int(sys.argv[2]) * 100
    drawn = parameter([rows, 2500], {"type": "normal", "std": 0.02}, "w")
    file = file_of(drawn, seed=3, backend=CpuBackend())
    report = asyncio.run(_main(sys.argv[1], file))
    print(json.dumps(asdict(report)), flush=True)  # noqa: T201 - for whoever started it


if __name__ == "__main__":
    main()
