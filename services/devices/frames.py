"""Messages between a server and its own workers, over a pair of sockets.

They are pickled: both ends are this program, and nobody else holds the sockets. A
message is what to make, not what was made; that stands in shared memory.
"""

import pickle
import socket
import struct
from typing import Any

READY, MADE, FAILED, LOST = "ready", "made", "failed", "lost"
"""How an answer begins: with what came of what was asked for."""

_LENGTH = struct.Struct("<I")


class EndOfFrames(Exception):  # noqa: N818 - it is an end, not an error
    """The other side has gone."""


def send_frame(connection: socket.socket, message: Any) -> None:
    """Send a message.

    Raises:
        EndOfFrames: If the other side has gone.
    """
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    try:
        connection.sendall(_LENGTH.pack(len(content)) + content)
    except OSError as error:
        raise EndOfFrames from error


def receive_frame(connection: socket.socket) -> Any:
    """Wait for a message and return it.

    Raises:
        EndOfFrames: If the other side has gone.
        TimeoutError: If the socket has a time-out, and it has passed.

    Examples:
        >>> one, other = socket.socketpair()
        >>> send_frame(one, ("make", 7))
        >>> receive_frame(other)
        ('make', 7)
        >>> one.close()
        >>> receive_frame(other)
        Traceback (most recent call last):
        services.devices.frames.EndOfFrames
        >>> other.close()
    """
    (size_bytes,) = _LENGTH.unpack(_receive(connection, _LENGTH.size))
    return pickle.loads(_receive(connection, size_bytes))  # noqa: S301 - see above


def _receive(connection: socket.socket, size_bytes: int) -> bytearray:
    content = bytearray(size_bytes)
    view = memoryview(content)
    while view:
        try:
            count = connection.recv_into(view)
        except TimeoutError:
            raise
        except OSError as error:
            raise EndOfFrames from error
        if count == 0:
            raise EndOfFrames
        view = view[count:]
    return content
