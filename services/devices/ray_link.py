"""A device's way to its actor: the server's ends of a session's sockets."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

from services.devices.child_process import ChildProcess
from services.devices.frames import FAILED, LOST, EndOfFrames, receive_frame, send_frame
from services.devices.ray_session import PLACE_SECONDS, WARM_UP_SECONDS
from services.engine.device import DeviceLostError, MakingFailedError

_MARGIN_SECONDS = 10.0
_END_SECONDS = 3.0
"""In which the bridge has to let go of a session's buffers."""


class RayLink:
    """One session, as its device sees it.

    The end of a lane's socket says that nothing writes to its buffer any more, be it
    that the bridge ended the session or that the kernel ended the bridge.

    Attributes:
        is_placed: Whether an actor has answered.
    """

    def __init__(
        self, name: str, bridge: ChildProcess, control: socket.socket, lanes: list[socket.socket]
    ) -> None:
        """Begin.

        Args:
            name: Of the device.
            bridge: At the other end of the sockets.
            control: Of the session; ours to close.
            lanes: Of the session; ours to close.
        """
        self.is_placed = False
        self._name = name
        self._bridge = bridge
        self._control = control
        self._lanes = lanes
        self._lock = threading.Lock()
        self._calls = 0
        self._ending: threading.Timer | None = None
        self._reason = "its session has ended"

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet, as far as can be known without a call."""
        return self._bridge.is_alive and not _has_ended(self._control)

    def wait_until_placed(self) -> dict[str, Any]:
        """Wait until a node has the actor, and return what it says of itself.

        Raises:
            DeviceLostError: If no node had it in time.
        """
        report: dict[str, Any] = self._hear(PLACE_SECONDS)
        self.is_placed = True
        return report

    def wait_until_ready(self) -> None:
        """Wait until the actor takes chunks; it was placed before.

        Raises:
            DeviceLostError: If it was not ready in time.
        """
        self._hear(WARM_UP_SECONDS)

    def call(self, lane: int, message: Any) -> None:
        """Have a chunk made, and wait for it.

        Raises:
            DeviceLostError: If the actor or the bridge has gone; nothing is written to
                the buffer any more.
            MakingFailedError: If the actor lives, and could not make it.
        """
        connection = self._lanes[lane]
        with self._counted():
            try:
                send_frame(connection, message)
                outcome, reason = receive_frame(connection)
            except EndOfFrames:
                raise self._lost() from None
        if outcome == LOST:
            self._reason = reason
            raise DeviceLostError(f"{self._name}: {reason}")
        if outcome == FAILED:
            raise MakingFailedError(f"{self._name}: {reason}")

    def abandon(self) -> None:
        """Have the session ended, without waiting for it; the bridge too if it does not."""
        with self._lock:
            if self._ending is not None:
                return
            self._ending = threading.Timer(_END_SECONDS, self._insist)
            self._ending.daemon = True
        self._reason = "it did not answer in time, and was given up"
        self._ending.start()
        _shut_down(self._control)

    def close(self) -> None:
        """End the session, and give back its sockets. Nobody may use it any more."""
        with self._lock:
            if self._ending is not None:
                self._ending.cancel()
        for connection in (self._control, *self._lanes):
            _shut_down(connection)
            connection.close()

    def _hear(self, seconds: float) -> Any:
        self._control.settimeout(seconds + _MARGIN_SECONDS)
        try:
            outcome, what = receive_frame(self._control)
        except TimeoutError:
            self._bridge.kill()
            self._reason = "the bridge to Ray did not answer in time, and was killed"
            raise self._lost() from None
        except EndOfFrames:
            raise self._lost() from None
        if outcome == FAILED:
            raise DeviceLostError(f"{self._name}: {what}")
        return what

    def _lost(self) -> DeviceLostError:
        if not self._bridge.is_alive:
            return DeviceLostError(f"{self._name}: the bridge to Ray, {self._bridge.epitaph()}")
        return DeviceLostError(f"{self._name}: {self._reason}")

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1

    def _insist(self) -> None:
        if self._calls:
            self._bridge.kill()


def _has_ended(connection: socket.socket) -> bool:
    """Return whether the other side has closed a socket."""
    # Not by select, which knows no descriptors from 1024 on: each client has one.
    poll = select.poll()
    try:
        poll.register(connection, select.POLLRDHUP)
    except (OSError, ValueError):
        return True  # it is closed here
    return bool(poll.poll(0))


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
