"""A worker process as its server sees it: started, asked, killed, and known to be dead."""

import os
import socket
from typing import Any

from services.devices.child_process import ChildProcess
from services.devices.frames import MADE, READY, EndOfFrames, receive_frame, send_frame
from services.engine.device import DeviceLostError, MakingFailedError

_START_SECONDS = 300.0


class WorkerProcess:
    """One process with a socket for each lane, from its start to its end.

    Examples:
        >>> pages = os.memfd_create("pages")
        >>> os.ftruncate(pages, 4096)
        >>> worker = WorkerProcess(
        ...     "process:0",
        ...     "services.devices.makers:CpuMaker",
        ...     "",
        ...     descriptor=pages,
        ...     buffer_bytes=4096,
        ...     lanes=1,
        ... )
        >>> worker.wait_until_ready()
        >>> worker.call(0, (0, 0, []))
        >>> worker.end()
        >>> os.close(pages)
    """

    def __init__(
        self,
        name: str,
        target: str,
        argument: str,
        *,
        descriptor: int,
        buffer_bytes: int,
        lanes: int,
    ) -> None:
        """Start it; it is not ready yet.

        Args:
            name: Of the device; it shows in lists of processes.
            target: ``module:class`` of its maker.
            argument: For the maker.
            descriptor: Of the memory that chunks go into.
            buffer_bytes: Of one buffer in that memory.
            lanes: Calls at once.
        """
        self._name = name
        pairs = [socket.socketpair() for _ in range(lanes)]
        self._lanes = [ours for ours, _ in pairs]
        theirs = [other.fileno() for _, other in pairs]
        options = {
            "target": target,
            "argument": argument,
            "descriptor": descriptor,
            "buffer_bytes": buffer_bytes,
            "lanes": theirs,
            "parent": os.getpid(),
        }
        try:
            self._process = ChildProcess(
                "services.devices.worker:main", name, options, descriptors=[descriptor, *theirs]
            )
        finally:
            for _, other in pairs:
                other.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive

    def wait_until_ready(self) -> None:
        """Wait until all lanes take calls.

        Raises:
            DeviceLostError: If it cannot be, died, or took too long.
        """
        for connection in self._lanes:
            connection.settimeout(_START_SECONDS)
            try:
                outcome, reason = receive_frame(connection)
            except (EndOfFrames, TimeoutError):
                raise self.lost() from None
            if outcome != READY:
                self.kill()
                raise DeviceLostError(f"{self._name}: {reason}")
            connection.settimeout(None)

    def call(self, lane: int, message: Any) -> None:
        """Have a chunk made, and wait for it.

        Raises:
            DeviceLostError: If the process died; it writes nothing any more.
            MakingFailedError: If it lives, and could not make it.
        """
        connection = self._lanes[lane]
        try:
            send_frame(connection, message)
            outcome, reason = receive_frame(connection)
        except EndOfFrames:
            raise self.lost() from None
        if outcome != MADE:
            raise MakingFailedError(f"{self._name}: {reason}")

    def lost(self) -> DeviceLostError:
        """See that it is dead, and return the error that says how it died."""
        return DeviceLostError(f"{self._name}: worker {self._process.epitaph()}")

    def kill(self) -> None:
        """End it, whatever it does. May be called from any thread, and when it is dead."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, wait until it is dead, and give back what it took; nobody calls it then."""
        self._process.end()
        for connection in self._lanes:
            connection.close()
