"""The bridge: the process that a server talks to a Ray cluster through.

Theory of operation: a Ray driver takes hundreds of megabytes, and Ray ends it without
asking when the node of its machine dies; so it lives in a process of its own, one for
all actors of a server. On the door, a socket, the server hands in the sockets of a
session for each actor that it wants; all else is said there (``ray_session.py``).
"""

import contextlib
import importlib
import logging
import mmap
import os
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any

from services.devices.child_process import ignore_signals, share_fate
from services.devices.frames import FAILED, READY, EndOfFrames, send_frame
from services.devices.ray_session import RaySession, actor_factory, reason_of

CONNECT_SECONDS = 30.0
MOST_SOCKETS = 16
"""Of one session."""

_KNOCK_SECONDS = 5.0
_STDOUT, _STDERR = 1, 2
_CANNOT_CONNECT = 69
_LOG_PREFIX = re.compile(r"\[[^\]]*\]\s*(\S+:\s)?")
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_NUM_REDIS_GET_RETRIES": "3",  # seconds for which a wrong token is tried again
}
_AUTHENTICATION = (
    "; accepted: RAY_AUTH_MODE=token in the environment of the server, and RAY_AUTH_TOKEN or "
    "RAY_AUTH_TOKEN_PATH as on the nodes"
)


def main(
    *,
    address: str,
    cpus: float,
    gpus: float,
    buffer_bytes: int,
    descriptor: int,
    door: int,
    parent: int,
) -> None:
    """Connect, and open sessions until the server goes.

    Args:
        address: Of the cluster.
        cpus: Of each actor.
        gpus: Of each actor.
        buffer_bytes: Most bytes of a chunk.
        descriptor: Of the memory that chunks go into.
        door: Descriptor of the socket on which sessions are asked for.
        parent: Process id of the server.
    """
    share_fate(parent)
    # Ray tells people at a terminal there what happened on any node; the server's own
    # output is for its log alone.
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
    pages = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    with socket.socket(fileno=door) as connection:
        connection.set_inheritable(False)
        connect(address, connection)
        create = actor_factory(cpus=cpus, gpus=gpus, buffer_bytes=buffer_bytes)
        send_frame(connection, (READY, None))
        while True:
            asked, descriptors, *_ = socket.recv_fds(
                connection, 1, MOST_SOCKETS, socket.MSG_CMSG_CLOEXEC
            )
            if not asked:
                break
            control, *lanes = (socket.socket(fileno=number) for number in descriptors)
            RaySession(create, control, lanes, pages)
    # Without a farewell to the cluster, which may not answer: it sees that we are gone.
    os._exit(0)


def connect(address: str, door: socket.socket) -> None:
    """Connect to a cluster; if that cannot be, say why on the door, and end."""
    os.environ.update(_ENVIRONMENT)
    with _overheard() as said:

        def give_up(error: Exception) -> None:
            with contextlib.suppress(EndOfFrames):
                send_frame(door, (FAILED, _reason(error, said)))
            os._exit(_CANNOT_CONNECT)

        late = TimeoutError(f"{address} did not answer in {CONNECT_SECONDS:.0f} s")
        watch = threading.Timer(CONNECT_SECONDS, give_up, [late])
        watch.start()
        try:
            _knock(address)
            ray: Any = importlib.import_module("ray")
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # noqa: BLE001 - whatever it was, the server logs it
            give_up(error)
        watch.cancel()
    ignore_signals()  # which Ray has taken


def _knock(address: str) -> None:
    """See that somebody listens: Ray would try for minutes.

    Raises:
        ConnectionError: If nobody does.
    """
    host, _, port = address.rpartition(":")
    if not host:
        return  # auto: Ray knows where
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()
    except OSError as error:
        raise ConnectionError(f"{address}: {error}") from error


@contextlib.contextmanager
def _overheard() -> Iterator[IO[bytes]]:
    """Keep what is said on the standard error, where alone Ray tells of a wrong token."""
    before = os.dup(_STDERR)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), _STDERR)
        try:
            yield said
        finally:
            os.dup2(before, _STDERR)
            os.close(before)


def _reason(error: Exception, said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").splitlines()
    reason = reason_of(error)
    if lines:
        reason += f"; Ray said: {_LOG_PREFIX.sub('', lines[-1])}"
    return reason + (_AUTHENTICATION if "Auth" in reason else "")
