"""Files to sockets by sendfile, from a few threads, however many sockets there are.

Theory of operation: sendfile copies from the page cache to a socket within the kernel.
It does not wait for a socket that does not block, but it does wait for the disk, so
that it must not be called on an event loop. All threads wait at one epoll, where a
socket is armed for one event: the first of them that is free takes it, sends until the
socket is full or its turn is over, and arms it again, behind all others that are ready.
A client that reads slowly costs a descriptor and no thread.

The kernel sends the pages of the file themselves, perhaps long after sendfile has
returned: bytes that may be sent must never change on the disk.

A number of a descriptor may be reused at once when it was closed. A shipment is closed
only when no thread uses it, and it has left epoll by then. An event that a thread has
already taken may still meet the shipment that got the number next: then this one has
a turn that it did not ask for, which does no harm.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
import threading
from collections.abc import Callable

from app.hold import Hold

_TURN_BYTES = 2**23
_INT = struct.Struct("i")
_PEER_IS_GONE = frozenset(
    {
        errno.EPIPE,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETUNREACH,
        errno.ENETDOWN,
    }
)


class SocketPump:
    """Threads that send."""

    def __init__(self, *, threads: int) -> None:
        """Start the threads.

        Args:
            threads: How many; as many may wait for the disk before all have to.
        """
        self._epoll = select.epoll()
        self._shipments: dict[int, Shipment] = {}
        self._end = os.eventfd(0)
        # Never reset, so that it wakes every thread.
        self._epoll.register(self._end, select.EPOLLIN)
        self._threads = [
            threading.Thread(target=self._work, name=f"sending files {index}", daemon=True)
            for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def open(self, socket: int, file: int, *, on_close: Callable[[], None]) -> "Shipment":
        """Return what sends a file to a socket.

        Args:
            socket: A descriptor that does not block; it is closed with the shipment.
            file: A descriptor of a file.
            on_close: Called from any thread when neither is used any more.

        Raises:
            OSError: If there are too many; the descriptors are the caller's then.
        """

        def close() -> None:
            self._epoll.unregister(socket)
            del self._shipments[socket]
            os.close(socket)
            on_close()

        shipment = Shipment(socket, file, arm=lambda: self._arm(socket), close=close)
        self._epoll.register(socket, select.EPOLLONESHOT)
        self._shipments[socket] = shipment
        return shipment

    def close(self) -> None:
        """End the threads. All shipments have been closed by then."""
        os.eventfd_write(self._end, 1)
        for thread in self._threads:
            thread.join()
        self._epoll.close()
        os.close(self._end)

    def _arm(self, socket: int) -> None:
        self._epoll.modify(socket, select.EPOLLOUT | select.EPOLLONESHOT)

    def _work(self) -> None:
        while True:
            [(descriptor, _)] = self._epoll.poll(maxevents=1)
            if descriptor == self._end:
                return
            shipment = self._shipments.get(descriptor)
            if shipment is not None:
                shipment.take_turn()
            del shipment  # it must not live until the next event


class Shipment:
    """Bytes of one file on their way to one socket.

    Attributes:
        sent_bytes: That the kernel has taken so far, of all that was to be sent.
    """

    def __init__(
        self, socket: int, file: int, *, arm: Callable[[], None], close: Callable[[], None]
    ) -> None:
        self.sent_bytes = 0
        self._socket = socket
        self._file = file
        self._arm = arm
        self._hold = Hold(close)
        self._turn = threading.Lock()
        self._position = self._stop = 0
        self._done: asyncio.Future[None] | None = None

    async def send(self, start: int, stop: int) -> None:
        """Send bytes of the file, which are there. One call at a time.

        Raises:
            ConnectionError: If the connection has ended.
            OSError: If the file cannot be read, or is shorter than that.
        """
        done = asyncio.get_running_loop().create_future()
        self._position, self._stop, self._done = start, stop, done
        self._arm()
        await done

    def close(self) -> None:
        """Send no more. May be called more than once, but not during ``send``'s start."""
        self._hold.end()

    @property
    def acknowledged_bytes(self) -> int:
        """How many of the bytes sent have left the socket. Not after ``close``.

        A slow client takes some long before the socket takes more: a third of it has
        to be free for that.
        """
        queued = fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(_INT.size))
        return self.sent_bytes - int(_INT.unpack(queued)[0])

    def take_turn(self) -> None:
        """Send what the socket takes now. From any thread."""
        if not self._hold.take():
            return
        try:
            # Whoever has the turn arms the socket afterwards, or there is no need to.
            if self._turn.acquire(blocking=False):
                self._advance()
        finally:
            self._hold.give_back()

    def _advance(self) -> None:
        """Have the turn, and say so to whoever waits if it was the last one."""
        done, error = self._done, None
        try:
            if done is not None and self._send_some():
                self._done = None
        except OSError as failure:
            self._done, error = None, _described(failure)
        finally:
            is_over = self._done is None
            # Before anybody hears of the end: what is sent next needs the turn.
            self._turn.release()
        if done is not None and is_over:
            _tell(done, error)
        elif self._done is not None:
            # Also if it was asked for only just now: that event met a turn taken.
            self._arm()

    def _send_some(self) -> bool:
        """Send what the socket takes, and return whether that was all."""
        count = min(self._stop - self._position, _TURN_BYTES)
        try:
            sent_bytes = os.sendfile(self._socket, self._file, self._position, count)
        except BlockingIOError:
            return False
        if sent_bytes == 0:
            raise OSError(errno.ENODATA, "the file is shorter than it should be")
        self._position += sent_bytes
        self.sent_bytes += sent_bytes
        return self._position == self._stop


def _described(error: OSError) -> OSError:
    """Return an error whose kind says whether it is the client's."""
    if error.errno in _PEER_IS_GONE:
        return ConnectionAbortedError(error.errno, error.strerror)
    return error.with_traceback(None)


def _tell(done: "asyncio.Future[None]", error: OSError | None) -> None:
    # A loop that is closed has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        done.get_loop().call_soon_threadsafe(_resolve, done, error)


def _resolve(done: "asyncio.Future[None]", error: OSError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
