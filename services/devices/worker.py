"""A worker process: what it does from its first moment to its last.

Theory of operation: it maps the pool's memory, makes ready, and then has a thread for
each lane that takes a message, makes a chunk and answers. It lives as long as its
server (``child_process.py``), and ends itself when a socket does.
"""

import importlib
import mmap
import os
import socket
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from services.devices.child_process import share_fate
from services.devices.frames import FAILED, MADE, READY, EndOfFrames, receive_frame, send_frame
from services.devices.makers import Maker
from weightbank.pieces import Piece

_FAILED_STATUS = 70


def main(
    *,
    target: str,
    argument: str,
    descriptor: int,
    buffer_bytes: int,
    lanes: Sequence[int],
    parent: int,
) -> None:
    """Work until the server goes.

    Args:
        target: ``module:class`` of a maker.
        argument: For its constructor.
        descriptor: Of the memory that chunks go into.
        buffer_bytes: Of one buffer in that memory.
        lanes: Descriptors of sockets, one for each lane.
        parent: Process id of the server.
    """
    share_fate(parent)
    pages = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    module, _, name = target.partition(":")
    connections = [socket.socket(fileno=lane) for lane in lanes]
    try:
        maker: Maker = getattr(importlib.import_module(module), name)(argument)
        maker.start(pages, buffer_bytes=buffer_bytes)
    except Exception as error:  # noqa: BLE001 - whatever it is, the server's log has it
        send_frame(connections[0], (FAILED, f"{type(error).__name__}: {error}"))
        os._exit(_FAILED_STATUS)
    threads = [
        threading.Thread(target=_Lane(maker, pages, buffer_bytes).work, args=(connection,))
        for connection in connections
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass(frozen=True, slots=True)
class _Lane:
    """What one thread does."""

    maker: Maker
    pages: mmap.mmap
    buffer_bytes: int

    def work(self, connection: socket.socket) -> None:
        """Answer messages until the server goes."""
        try:
            send_frame(connection, (READY, None))
            while True:
                answer = self._answer(*receive_frame(connection))
                send_frame(connection, answer)
                if answer[0] != MADE and not self.maker.survives_errors:
                    os._exit(_FAILED_STATUS)
        except EndOfFrames:
            os._exit(0)

    def _answer(
        self, offset: int, size_bytes: int, pieces: Sequence[Piece]
    ) -> tuple[str, str | None]:
        buffer = offset // self.buffer_bytes
        with memoryview(self.pages)[offset : offset + size_bytes] as out:
            try:
                self.maker.make(pieces, out, buffer=buffer)
            except Exception as error:  # noqa: BLE001 - the server decides what comes of it
                traceback.clear_frames(error.__traceback__)
                return FAILED, f"{type(error).__name__}: {error}"
        return MADE, None
