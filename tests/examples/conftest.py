"""Real servers, in processes of their own, and the files they send."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
STARTING_SECONDS = 180


@contextmanager
def running_server(data_dir: Path, **settings: str) -> Iterator[str]:
    """Run ``python -m app`` on a free port, and yield its URL once it is ready."""
    environment = {key: value for key, value in os.environ.items() if "WEIGHTBANK" not in key}
    environment |= {"WEIGHTBANK_PORT": "0", "WEIGHTBANK_DATA_DIR": str(data_dir), **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "app"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    # What nobody reads would fill the pipe, and stop the server.
    drain = threading.Thread(target=process.stdout.read)
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the server did not say where it listens"
        drain.start()
        transport = httpx.HTTPTransport(retries=20)
        with httpx.Client(transport=transport, timeout=STARTING_SECONDS) as client:
            # The first request waits until the kernels are compiled.
            client.get(f"{found[0]}/healthz").raise_for_status()
        yield found[0]
    finally:
        process.terminate()
        process.wait(timeout=30)
        drain.join()
        process.stdout.close()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Two servers that share nothing, with different numbers of threads."""
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(
                running_server(tmp_path_factory.mktemp("server"), WEIGHTBANK_THREADS=threads)
            )
            for threads in ("2", "1")
        )
        yield first, second
