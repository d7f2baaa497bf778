"""A worker process: what it does from its first moment to its last.

Theory of operation: it maps the pool's memory, makes ready, and then has a thread for
each lane that takes a message, makes a chunk and answers. It lives as long as its
server: the kernel kills it when the thread that started it dies, and it ends itself
when a socket does. Signals that a terminal or a supervisor sends to all processes are
the server's to act on; it finishes streams first, and needs its workers for that.
"""

import ctypes
import importlib
import mmap
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence

from services.devices.frames import EndOfFrames, receive_frame, send_frame
from services.devices.makers import Maker

READY = "ready"
MADE = "made"

_PR_SET_PDEATHSIG = 1
_FAILED = 70


def main(*, target: str, argument: str, descriptor: int, lanes: Sequence[int], parent: int) -> None:
    """Work until the server goes.

    Args:
        target: ``module:class`` of a maker.
        argument: For its constructor.
        descriptor: Of the memory that chunks go into.
        lanes: Descriptors of sockets, one for each lane.
        parent: Process id of the server.
    """
    _die_with(parent)
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    pages = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    module, _, name = target.partition(":")
    maker: Maker = getattr(importlib.import_module(module), name)(argument)
    maker.start(pages)
    connections = [socket.socket(fileno=lane) for lane in lanes]
    threads = [
        threading.Thread(target=_work, args=(maker, pages, connection, lane), name=f"lane-{lane}")
        for lane, connection in enumerate(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(maker: Maker, pages: mmap.mmap, connection: socket.socket, lane: int) -> None:
    try:
        send_frame(connection, (READY, None))
        while True:
            offset, size_bytes, pieces = receive_frame(connection)
            with memoryview(pages)[offset : offset + size_bytes] as buffer:
                answer = _make(maker, pieces, buffer, lane)
            send_frame(connection, answer)
            if answer[0] != MADE and not maker.survives_errors:
                os._exit(_FAILED)
    except EndOfFrames:
        os._exit(0)


def _make(
    maker: Maker, pieces: Sequence[object], buffer: memoryview, lane: int
) -> tuple[str, str | None]:
    try:
        maker.make(pieces, buffer, lane=lane)  # type: ignore[arg-type] # as they were sent
    except Exception as error:  # noqa: BLE001 - the server decides what comes of it
        return "failed", f"{type(error).__name__}: {error}"
    return MADE, None


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before the kernel knew.
        sys.exit(0)
