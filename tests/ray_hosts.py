"""A Ray cluster of two hosts on one machine: network namespaces, joined by a switch.

The first has the head node and the server, the second a worker node; each has room
for one actor. All processes of the second die together, and its cable can be cut:
packets are lost then, and nobody is told.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.ray_cluster import HEAD, RayNode

PORT = 6379
CUT, KILL, NOTHING = "cut", "kill", "nothing"
_FIRST, _SECOND = "10.213.77.1", "10.213.77.2"
_STREAM_SECONDS = 120
_NODE = ("--num-cpus=1",)
_IP = shutil.which("ip") or "ip"


def why_not() -> str | None:
    """Return why there can be no hosts here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "unshare") if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} is missing"
    name = f"wb{os.getpid()}t"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        return f"there are no network namespaces: {error.stderr.strip()}"
    _ip("netns", "del", name)
    return None


@dataclass(frozen=True, slots=True)
class TwoHosts:
    """Two hosts that run a cluster.

    Attributes:
        first: Namespace of the head node and of the server.
        switch: Namespace of what joins them.
        environment: With the cluster's token.
        worker: The node of the second host.
    """

    first: str
    switch: str
    environment: dict[str, str]
    worker: RayNode

    def stream(self, *, megabytes: int, event: str) -> dict[str, Any]:
        """Stream a file on the first host; when a quarter has come, let something happen.

        Args:
            megabytes: Of the file.
            event: ``cut``, ``kill`` or ``nothing``, of the second host.

        Returns:
            What ``tests/ray_stream.py`` reports.
        """
        command = [_IP, "netns", "exec", self.first, sys.executable, "-m", "tests.ray_stream"]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [*command, f"{_FIRST}:{PORT}", str(megabytes)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                assert process.stdout is not None
                assert process.stdin is not None
                line = process.stdout.readline()
                assert line == "a quarter\n", f"{line!r}"
                self._let_happen(event)
                process.stdin.write("go on\n")
                process.stdin.flush()
                said, _ = process.communicate(timeout=_STREAM_SECONDS)
            finally:
                process.kill()
        report: dict[str, Any] = json.loads(said)
        return report

    def _let_happen(self, event: str) -> None:
        if event == KILL:
            self.worker.kill()
        elif event == CUT:
            _ip("-n", self.switch, "link", "set", "port2", "down")


@contextmanager
def two_hosts() -> Iterator[TwoHosts]:
    """Run a cluster of two hosts, with token authentication."""
    first, second, switch = (f"wb{os.getpid()}{role}" for role in ("a", "b", "s"))
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    with ExitStack() as stack:
        for name in (first, second, switch):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
        _join(switch, (first, second))
        before = {name: os.environ.get(name) for name in token}
        os.environ.update(token)
        stack.callback(_restore, before)
        head = RayNode(
            *HEAD,
            f"--node-ip-address={_FIRST}",
            f"--port={PORT}",
            *_NODE,
            within=_within(first, "first-host"),
        )
        stack.callback(_end, head)
        worker = RayNode(
            f"--address={_FIRST}:{PORT}",
            f"--node-ip-address={_SECOND}",
            *_NODE,
            within=_within(second, "second-host"),
        )
        stack.callback(_end, worker)
        yield TwoHosts(first, switch, dict(os.environ), worker)


def _end(node: RayNode) -> None:
    node.kill()  # what holds its processes together cannot be asked to stop
    node.stop()


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def _within(namespace: str, host: str) -> Sequence[str]:
    """Return a command that runs another one on a host: its network, processes and name."""
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]
    named = ["sh", "-c", 'hostname "$0" && exec "$@"', host]
    return ["ip", "netns", "exec", namespace, *alone, *named]


def _join(switch: str, hosts: Sequence[str]) -> None:
    _ip("-n", switch, "link", "add", "switch", "type", "bridge")
    _ip("-n", switch, "link", "set", "switch", "up")
    for number, (host, address) in enumerate(zip(hosts, (_FIRST, _SECOND), strict=True), 1):
        port = f"port{number}"
        _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "eth0", "netns", host)
        _ip("-n", switch, "link", "set", port, "master", "switch", "up")
        _ip("-n", host, "address", "add", f"{address}/24", "dev", "eth0")
        for interface in ("lo", "eth0"):
            _ip("-n", host, "link", "set", interface, "up")


def _ip(*arguments: str) -> None:
    subprocess.run([_IP, *arguments], check=True, capture_output=True, text=True)  # noqa: S603
