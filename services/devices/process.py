"""A device that is a worker process, so that its faults are not the server's."""

import threading

from services.devices.portable import portable_pieces
from services.devices.worker_process import WorkerProcess
from services.engine.buffers import BufferPool, Lease
from services.engine.device import DeviceLostError, Work


class ProcessDevice:
    """Has chunks made by a process that writes into the pool's memory.

    Attributes:
        name: As in the settings and in metrics.
        lanes: Chunks at once; with two, the next one is there when one is done.
        is_local: False.
        late_seconds: After which a chunk is made elsewhere too.
    """

    is_local = False

    def __init__(
        self,
        name: str,
        *,
        target: str,
        argument: str = "",
        pool: BufferPool,
        lanes: int = 2,
        late_seconds: float | None,
    ) -> None:
        """Start nothing.

        Args:
            name: As in the settings and in metrics.
            target: ``module:class`` of what makes the chunks there.
            argument: For it.
            pool: Whose memory is shared.
            lanes: Chunks at once.
            late_seconds: After which a chunk is made elsewhere too.
        """
        self.name = name
        self.lanes = lanes
        self.late_seconds = late_seconds
        self._target = target
        self._argument = argument
        self._pool = pool
        self._lock = threading.Lock()
        self._process: WorkerProcess | None = None

    @property
    def is_alive(self) -> bool:
        """See ``Device.is_alive``."""
        process = self._process
        return process is not None and process.is_alive

    @property
    def pid(self) -> int | None:
        """Process id of the worker, if there is one."""
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        """See ``Device.start``."""
        self._end()
        assert self._pool.descriptor is not None
        process = WorkerProcess(
            self.name,
            self._target,
            self._argument,
            descriptor=self._pool.descriptor,
            buffer_bytes=self._pool.buffer_bytes,
            lanes=self.lanes,
        )
        with self._lock:
            # Known before it is ready, so that it can be interrupted.
            self._process = process
        process.wait_until_ready()

    def make(self, work: Work, lease: Lease, *, lane: int) -> None:
        """See ``Device.make``."""
        pieces = portable_pieces(work)
        process = self._process
        if process is None:
            raise DeviceLostError(f"{self.name}: is not running")
        process.call(lane, (lease.offset, work.size_bytes, pieces))

    def interrupt(self) -> None:
        """See ``Device.interrupt``."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """See ``Device.close``."""
        self._end()

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.end()
