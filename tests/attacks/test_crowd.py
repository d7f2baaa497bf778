"""Newcomers among a crowd: a server in a process of its own, as an operator starts it."""

from collections import Counter
from pathlib import Path

import httpx

from tests.servers import SECONDS, serving


def test_more_than_one_newcomer_is_taken_in_a_turn_of_the_loop(tmp_path: Path) -> None:
    """Libuv takes one of each descriptor; so the listening socket has several."""
    with serving(tmp_path) as (url, process):
        httpx.get(f"{url}/healthz", timeout=SECONDS).raise_for_status()
        port = int(url.rpartition(":")[2])
        descriptors = Path(f"/proc/{process.pid}/fd").iterdir()
        links = Counter(str(descriptor.readlink()) for descriptor in descriptors)
        assert links[f"socket:[{listening_inode(port)}]"] >= 8


def listening_inode(port: int) -> int:
    """The kernel's number of the socket that listens on a port of loopback."""
    table = Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]
    rows = (line.split() for line in table)
    (found,) = (row for row in rows if row[1] == f"0100007F:{port:04X}" and row[3] == "0A")
    return int(found[9])
