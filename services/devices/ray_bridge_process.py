"""The bridge to a Ray cluster as its server sees it: one process, shared by devices."""

import os
import socket
import threading
from contextlib import ExitStack

from services.devices.child_process import ChildProcess
from services.devices.frames import FAILED, EndOfFrames, receive_frame
from services.devices.ray_bridge import CONNECT_SECONDS
from services.devices.ray_link import RayLink
from services.devices.ray_options import RayOptions
from services.engine.buffers import BufferPool
from services.engine.device import DeviceLostError

_MARGIN_SECONDS = 10.0


class RayBridge:
    """Started by whoever needs it first, again after each loss; ended with its last user.

    It is replaced, too, when a session failed and no other has an actor: a cluster that
    was started anew has the same address, and nothing to say to those who knew the old.
    """

    def __init__(self, options: RayOptions, pool: BufferPool) -> None:
        """Start nothing.

        Args:
            options: Of the cluster and of actors.
            pool: Whose memory is shared.
        """
        self._options = options
        self._pool = pool
        self._starting = threading.Lock()
        self._lock = threading.Lock()
        self._process: ChildProcess | None = None
        self._door: socket.socket | None = None
        self._users: set[str] = set()
        self._links: dict[str, RayLink] = {}
        self._failures = 0
        self._failure = ""

    @property
    def pid(self) -> int | None:
        """Its process id, if there is one."""
        process = self._process
        return None if process is None else process.pid

    def open(self, name: str, *, lanes: int) -> RayLink:
        """Return a new session, whose actor is still to come.

        Args:
            name: Of the device.
            lanes: Chunks at once.

        Raises:
            DeviceLostError: If the bridge cannot be had.
        """
        with self._lock:
            self._users.add(name)
            failures = self._failures
        with self._starting:
            if failures != self._failures:
                # Somebody has just tried, while we waited; it is tried again later.
                raise DeviceLostError(self._failure)
            if self._links.pop(name, None) is not None and not self._has_actor():
                self._end()
            process, door = self._up()
            pairs = [socket.socketpair() for _ in range(1 + lanes)]
            control, *ours = [one for one, _ in pairs]
            link = RayLink(name, process, control, ours)
            with ExitStack() as theirs:
                for _, other in pairs:
                    theirs.enter_context(other)
                try:
                    socket.send_fds(door, [b"+"], [other.fileno() for _, other in pairs])
                except OSError:
                    link.close()
                    raise DeviceLostError(
                        f"{name}: the bridge to Ray, {process.epitaph()}"
                    ) from None
            self._links[name] = link
            return link

    def interrupt(self) -> None:
        """Have nobody wait for it to come up. May be called from any thread."""
        with self._lock:
            if self._process is not None and self._door is None:
                self._process.kill()

    def leave(self, name: str) -> None:
        """Use it no more; the last one to leave ends it."""
        with self._lock:
            self._users.discard(name)
            self._links.pop(name, None)
            if self._users:
                return
        self._end()

    def _has_actor(self) -> bool:
        return any(link.is_placed and link.is_alive for link in list(self._links.values()))

    def _up(self) -> tuple[ChildProcess, socket.socket]:
        process, door = self._process, self._door
        if process is not None and door is not None and process.is_alive:
            return process, door
        self._end()
        self._links.clear()
        return self._start()

    def _start(self) -> tuple[ChildProcess, socket.socket]:
        assert self._pool.descriptor is not None
        door, theirs = socket.socketpair()
        with theirs, self._lock:
            self._process = process = ChildProcess(
                "services.devices.ray_bridge:main",
                "ray",
                {
                    "address": self._options.address,
                    "cpus": self._options.actor_cpus,
                    "gpus": self._options.actor_gpus,
                    "buffer_bytes": self._pool.buffer_bytes,
                    "descriptor": self._pool.descriptor,
                    "door": theirs.fileno(),
                    "parent": os.getpid(),
                },
                descriptors=[self._pool.descriptor, theirs.fileno()],
            )
        door.settimeout(CONNECT_SECONDS + _MARGIN_SECONDS)
        try:
            outcome, reason = receive_frame(door)
        except (EndOfFrames, TimeoutError):
            outcome, reason = FAILED, process.epitaph()
        if outcome == FAILED:
            door.close()
            process.end()
            self._failures += 1
            self._failure = f"no bridge to Ray: {reason}"
            raise DeviceLostError(self._failure)
        with self._lock:
            self._door = door
        return process, door

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
            door, self._door = self._door, None
        if door is not None:
            door.close()
        if process is not None:
            process.end()
