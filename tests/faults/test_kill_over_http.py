"""Workers and servers that are killed, as their clients see it."""

import hashlib
import os
import random
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import SECONDS, is_ready, serving, wait_until, workers_of
from tests.specs import file_of
from weightbank import CpuBackend

EMBEDDING = {"name": "e", "type": "Embedding", "num_embeddings": 2**18, "embedding_dim": 1024}
GIBIBYTE = 2**30


@pytest.fixture(scope="module")
def undisturbed() -> str:
    """The SHA-256 of the file, made in this process."""
    digest = hashlib.sha256()
    for chunk in file_of(EMBEDDING, seed=7, backend=CpuBackend()).chunks():
        digest.update(chunk)
    return digest.hexdigest()


def path_of(url: str) -> str:
    """Where a server has the file, of a gibibyte."""
    posted = httpx.post(f"{url}/v1/specs", json={"layers": [EMBEDDING]}, timeout=SECONDS).json()
    return f"{url}/v1/weights/{posted['id']}?seed=7"


@pytest.mark.parametrize("devices", ["process:0,process:1", "process:0"])
def test_kill_of_workers_every_few_chunks(tmp_path: Path, undisturbed: str, devices: str) -> None:
    """The client gets the bytes of an undisturbed run."""
    chance = random.Random(devices)  # noqa: S311 - fixed, so that the test is
    digest, received, kills = hashlib.sha256(), 0, 0
    with serving(tmp_path, devices=devices, threads="1") as (url, process):
        wait_until(lambda: len(_devices_up(url)) == len(devices.split(",")) + 1)
        with httpx.stream("GET", path_of(url), timeout=SECONDS) as response:
            next_kill = 2**24
            for part in response.iter_bytes():
                digest.update(part)
                received += len(part)
                if received >= next_kill:
                    next_kill = received + chance.randrange(2**24, 2**26)
                    kills += _kill_one(process.pid, chance)
        assert kills >= 1, "there was a worker at the first of many chances"
        wait_until(lambda: len(_devices_up(url)) == len(devices.split(",")) + 1)
        metrics = httpx.get(f"{url}/metrics", timeout=SECONDS).text
    assert received == int(response.headers["content-length"]) > GIBIBYTE
    assert digest.hexdigest() == undisturbed
    losses = [
        line for line in metrics.splitlines() if line.startswith("weightbank_device_losses_t")
    ]
    assert sum(float(line.split()[1]) for line in losses) >= 1


def test_kill_of_a_server_leaves_no_orphan(tmp_path: Path) -> None:
    """Its workers die with it, whatever they are doing."""
    with serving(tmp_path, devices="process:0,process:1") as (url, process):
        wait_until(lambda: is_ready(url) and len(workers_of(process.pid)) == 2)
        workers = workers_of(process.pid).values()
        with httpx.stream("GET", path_of(url), timeout=SECONDS) as response:
            next(response.iter_bytes())
            process.send_signal(signal.SIGKILL)
            process.wait(SECONDS)
        wait_until(lambda: not any(map(_is_alive, workers)))


def test_a_server_that_ends_takes_its_workers_along(tmp_path: Path) -> None:
    """A clean end is one for them, too."""
    with serving(tmp_path, devices="process:0") as (url, process):
        wait_until(lambda: is_ready(url) and len(workers_of(process.pid)) == 1)
        workers = workers_of(process.pid).values()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
        assert errors == ""
        assert not any(map(_is_alive, workers))


def _kill_one(pid: int, chance: random.Random) -> int:
    """Kill a worker of a server; return how many there were to choose from, at most 1."""
    workers = workers_of(pid)
    if workers:
        os.kill(workers[chance.choice(sorted(workers))], signal.SIGKILL)
    return min(len(workers), 1)


def _devices_up(url: str) -> list[str]:
    text: Any = httpx.get(f"{url}/metrics", timeout=SECONDS).text
    lines = [line for line in text.splitlines() if line.startswith("weightbank_device_up{")]
    return [line for line in lines if line.endswith(" 1.0")]


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
