"""nginx on a free port, with one large file in the page cache: the peer of a stream."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.children import child_process
from benchmarks.server import Server

FILE = "/static.bin"
_PIECE_BYTES = 2**24
_START_SECONDS = 10
_CONFIGURATION = """
daemon off;
user {user};
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
    }}
}}
"""


@contextmanager
def running_nginx(size_bytes: int) -> Iterator[Server]:
    """Run nginx until the block ends; it serves ``FILE`` of so many bytes by sendfile."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise SystemExit(
            "nginx is not installed, and it is what this is measured beside; "
            "Debian has it in the package nginx-light"
        )
    with tempfile.TemporaryDirectory() as folder:
        _write_file(Path(folder) / "files" / FILE[1:], size_bytes)
        port = _free_port()
        configuration = Path(folder) / "nginx.conf"
        user = pwd.getpwuid(os.geteuid()).pw_name
        text = _CONFIGURATION.format(folder=folder, port=port, user=user)
        configuration.write_text(text, "utf-8")
        command = [program, "-e", f"{folder}/error.log", "-p", folder, "-c", str(configuration)]
        # Its workers live on where it is killed, so that it has to be told.
        with child_process(
            command,
            stderr=subprocess.DEVNULL,
            death_signal=signal.SIGTERM,
            patience_seconds=_START_SECONDS,
        ) as process:
            _wait_until_listening(port, Path(folder) / "error.log")
            yield Server("127.0.0.1", port, process.pid)


def _write_file(path: Path, size_bytes: int) -> None:
    path.parent.mkdir()
    piece = os.urandom(_PIECE_BYTES)
    with path.open("wb") as file:
        for start in range(0, size_bytes, _PIECE_BYTES):
            file.write(piece[: size_bytes - start])
        file.flush()
        # Pages that wait for the disk would be written while something is measured.
        os.fsync(file.fileno())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_listening(port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    said = log.read_text("utf-8") if log.exists() else "nothing"
    raise SystemExit(f"nginx did not start; it said: {said}")
