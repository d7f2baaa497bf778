"""``python -m app`` as an operator sees it: what it says, and how it exits."""

import json
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.servers import SECONDS, serving, start


def refusal(completed: subprocess.CompletedProcess[str], status: int) -> str:
    """The one line that says why."""
    assert completed.returncode == status, completed.stderr
    assert completed.stdout == ""
    lines = completed.stderr.splitlines()
    assert len(lines) == 1, completed.stderr
    assert lines[0].startswith("weightbank cannot start: ")
    return lines[0]


def test_a_misspelt_setting_stops_the_start(tmp_path: Path) -> None:
    """With status 2."""
    assert "WEIGHTBANK_PORT (did you mean this?)" in refusal(start(tmp_path, prot="1"), 2)


def test_a_port_in_use_stops_the_start(tmp_path: Path) -> None:
    """With status 1, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refusal(start(tmp_path, port=port), 1)
    assert f"WEIGHTBANK_PORT {port}" in line
    assert "in use" in line


def test_a_data_directory_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """Named, with the reason."""
    (tmp_path / "file").write_text("")
    line = refusal(start(tmp_path, data_dir=str(tmp_path / "file" / "data")), 1)
    assert "WEIGHTBANK_DATA_DIR" in line
    assert "Not a directory" in line


@pytest.mark.parametrize(
    ("url", "mentioned"),
    [
        ("mysql://u:secret@h/d", "postgresql://"),
        ("what", "postgresql://"),
        ("sqlite:////proc/none/x.sqlite3", "unable to open database file"),
        ("postgresql://u:secret@127.0.0.1:1/d", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_had_stops_the_start(
    tmp_path: Path, url: str, mentioned: str
) -> None:
    """Without its password."""
    line = refusal(start(tmp_path, database_url=url), 1)
    assert mentioned in line
    assert "secret" not in line


@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1:1/d", "sqlite:////proc/none/x.sqlite3"])
def test_a_database_elsewhere_needs_no_data_directory(tmp_path: Path, url: str) -> None:
    """A server with a read-only root gets as far as its database."""
    (tmp_path / "file").write_text("")
    line = refusal(start(tmp_path, data_dir=str(tmp_path / "file" / "data"), database_url=url), 1)
    assert "WEIGHTBANK_DATABASE_URL: database" in line
    assert "WEIGHTBANK_DATA_DIR" not in line


def test_a_checkpoint_directory_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """Named, with the reason."""
    (tmp_path / "file").write_text("")
    line = refusal(start(tmp_path, checkpoint_dir=str(tmp_path / "file" / "kept")), 1)
    assert "WEIGHTBANK_CHECKPOINT_DIR: data directory" in line
    assert "Not a directory" in line


def test_a_server_has_as_many_descriptors_as_it_may(tmp_path: Path) -> None:
    """The soft limit is the hard one: checkpoints can be in hundreds of files."""
    with serving(tmp_path) as (_, process):
        limits = Path(f"/proc/{process.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
    soft, hard = line.split()[3:5]
    assert soft == hard


@pytest.mark.parametrize(
    ("settings", "mentioned"),
    [
        ({"devices": "ray"}, "WEIGHTBANK_RAY_ADDRESS is missing"),
        (
            {"limit_streams": "100000", "chunk_bytes": "1 GiB", "window_chunks": "16"},
            "WEIGHTBANK_LIMIT_STREAMS 100000",
        ),
    ],
)
def test_what_cannot_be_had_stops_the_start(
    tmp_path: Path, settings: dict[str, str], mentioned: str
) -> None:
    """With status 1, before it says that it listens."""
    assert mentioned in refusal(start(tmp_path, **settings), 1)


def test_a_client_finishes_after_a_signal(tmp_path: Path) -> None:
    """As long as it is within the deadline."""
    layer = {"name": "e", "type": "Embedding", "num_embeddings": 20_000, "embedding_dim": 1000}
    with serving(tmp_path) as (url, process):
        posted = httpx.post(f"{url}/v1/specs", json={"layers": [layer]}, timeout=SECONDS).json()
        path = f"{url}/v1/weights/{posted['id']}?seed=1"
        with httpx.stream("GET", path, timeout=SECONDS) as response:
            parts = response.iter_bytes()
            received = len(next(parts))
            process.send_signal(signal.SIGTERM)
            received += sum(len(part) for part in parts)
        assert received == posted["bytes"] > 80_000_000
        output, errors = process.communicate(timeout=SECONDS)
        assert errors == ""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    events = [
        line["event"] for line in lines if line["event"] in {"started", "draining", "stopped"}
    ]
    assert events == ["started", "draining", "stopped"]


TERABYTES = {
    "layers": [{"name": "e", "type": "Embedding", "num_embeddings": 2**32, "embedding_dim": 256}]
}


def test_a_server_that_drains_says_so(tmp_path: Path) -> None:
    """It is alive, not ready, and begins no stream; at the deadline it cuts off what is left."""
    with serving(tmp_path, shutdown_timeout_seconds="3") as (url, process):
        posted = httpx.post(f"{url}/v1/specs", json=TERABYTES, timeout=SECONDS).json()
        path = f"{url}/v1/weights/{posted['id']}?seed=1"
        with httpx.stream("GET", path, timeout=SECONDS) as response:
            parts = response.iter_bytes()
            first = next(parts)
            process.send_signal(signal.SIGTERM)
            while (ready := httpx.get(f"{url}/readyz", timeout=SECONDS)).status_code == 200:
                next(parts)
            assert ready.json()["reasons"] == ["server: is shutting down"]
            assert httpx.get(f"{url}/healthz", timeout=SECONDS).status_code == 200
            refused = httpx.get(path, timeout=SECONDS)
            assert (refused.status_code, refused.json()["code"]) == (503, "shutting_down")
            assert refused.headers["retry-after"]
            with pytest.raises(httpx.TransportError):
                for _ in parts:
                    pass
        process.communicate(timeout=SECONDS)
    with serving(tmp_path) as (url, _):
        path = path.replace(path[: path.index("/v1")], url)
        again = httpx.get(path, headers={"Range": f"bytes=0-{len(first) - 1}"}, timeout=SECONDS)
        assert again.content == first


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """Whoever is in a hurry need not wait for streams; the client sees a reset."""
    with serving(tmp_path, shutdown_timeout_seconds="600") as (url, process):
        posted = httpx.post(f"{url}/v1/specs", json=TERABYTES, timeout=SECONDS).json()
        path = f"{url}/v1/weights/{posted['id']}?seed=1"
        with httpx.stream("GET", path, timeout=SECONDS) as response:
            parts = response.iter_bytes()
            next(parts)
            process.send_signal(signal.SIGTERM)
            while httpx.get(f"{url}/readyz", timeout=SECONDS).status_code == 200:
                next(parts)
            process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.TransportError):
                for _ in parts:
                    pass
        process.communicate(timeout=SECONDS)


def test_it_serves_and_stops_on_a_signal(tmp_path: Path) -> None:
    """Status 0 or the signal's, nothing on standard error."""
    with serving(tmp_path) as (url, process):
        assert httpx.get(f"{url}/healthz", timeout=SECONDS).json() == {"status": "alive"}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode in {0, -signal.SIGTERM}
        assert errors == ""


def test_it_says_its_version() -> None:
    """That of the library."""
    said = subprocess.run(
        [sys.executable, "-m", "app", "--version"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert said.stdout.strip() == version("weightbank")
