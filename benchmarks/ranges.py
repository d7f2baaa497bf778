"""How long a warm server takes for a few bytes of a very large file.

    python -m benchmarks.ranges

The file is of 4 TiB: an embedding of 2**20 rows and columns. Nothing of it is made
but what is asked for, so its size should not show.
"""

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import weightbank
from benchmarks.machine import describe_machine

REQUESTS = 300
RESULTS = Path(__file__).parent / "results" / "ranges.md"
SPEC = {
    "layers": [
        {
            "name": "wte",
            "type": "Embedding",
            "num_embeddings": 2**20,
            "embedding_dim": 2**20,
        }
    ]
}


@contextmanager
def running_server() -> Iterator[http.client.HTTPConnection]:
    """Run a server on a free port; yield a connection to it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"WEIGHTBANK_PORT": "0", "WEIGHTBANK_DATA_DIR": folder}
        process = subprocess.Popen(
            [sys.executable, "-m", "app"], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            found = re.search(r"//([^:]+):(\d+)", process.stdout.readline())
            assert found is not None
            # What nobody reads would fill the pipe, and stop the server.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            connection = http.client.HTTPConnection(found[1], int(found[2]), timeout=300)
            yield connection
            connection.close()
        finally:
            process.terminate()
            process.wait(timeout=30)


def milliseconds(action: Callable[[], None]) -> tuple[float, float, float]:
    """Return the median, the 99th percentile and the maximum of an action's time."""
    times = []
    for _ in range(REQUESTS):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    return statistics.median(times), times[int(0.99 * len(times))], times[-1]


def requests(connection: http.client.HTTPConnection) -> dict[str, Callable[[], None]]:
    """Return what is asked of a server, by name."""
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/specs", json.dumps(SPEC), headers)
    registered = json.loads(connection.getresponse().read())
    path, size = f"/v1/weights/{registered['id']}?seed=1", registered["bytes"]

    def fetch(first: int, count: int) -> None:
        last = first + count - 1
        connection.request("GET", path, headers={"Range": f"bytes={first}-{last}"})
        response = connection.getresponse()
        assert len(response.read()) == count
        assert response.status == http.client.PARTIAL_CONTENT

    def health() -> None:
        connection.request("GET", "/healthz")
        connection.getresponse().read()

    return {
        "the last 1,024 bytes": lambda: fetch(size - 1024, 1024),
        "4 KiB in the middle": lambda: fetch(size // 2 + 1, 4096),
        "1 MiB in the middle": lambda: fetch(size // 2, 2**20),
        "`/healthz`, for comparison": health,
    }


def reads() -> dict[str, Callable[[], None]]:
    """Return what is asked of the library in this process, by name."""
    file = weightbank.weights(SPEC, seed=1)
    small, large = bytearray(4096), bytearray(2**20)
    middle = file.size_bytes // 2
    return {
        "4 KiB in the middle, in process": lambda: file.read_into(middle, small),
        "4 KiB, not aligned, in process": lambda: file.read_into(middle + 1, small),
        "1 MiB in the middle, in process": lambda: file.read_into(middle, large),
    }


def line(name: str, action: Callable[[], None]) -> str:
    """Measure one action, once warm, and return its line of the table."""
    action()
    median, late, worst = milliseconds(action)
    return f"| {name} | {median:.4f} | {late:.4f} | {worst:.4f} |"


def main() -> None:
    """Measure, print, and write the table."""
    lines = [
        "# A few bytes of a file of 4 TiB",
        "",
        f"`python -m benchmarks.ranges`: {REQUESTS} times each; requests over one connection. "
        + describe_machine(),
        "",
        "| asked for | median ms | p99 ms | max ms |",
        "|---|---|---|---|",
    ]
    with running_server() as connection:
        lines += [line(name, action) for name, action in requests(connection).items()]
    lines += [line(name, action) for name, action in reads().items()]
    text = "\n".join(lines) + "\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
