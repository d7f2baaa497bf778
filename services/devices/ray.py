"""A device that is an actor on a Ray cluster, for where one machine is outgrown."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.devices.portable import portable_pieces
from services.devices.ray_bridge_process import RayBridge
from services.devices.ray_options import RayOptions
from services.engine.buffers import BufferPool, Lease
from services.engine.device import DeviceLostError, Work

if TYPE_CHECKING:
    from services.devices.ray_link import RayLink

LANES = 2
"""Of each actor: it makes the next chunk while the last one travels."""


class RayDevice:
    """Has chunks made by an actor of its own, whatever node that is on.

    Each start is a new actor: Ray finds a node that lives. Actors share one bridge,
    and are lost one by one.

    Attributes:
        name: As in metrics.
        lanes: Chunks at once.
        is_local: False.
        late_seconds: After which a chunk is made elsewhere too.
        report: What the actor said of itself: ``host``, ``pid``, ``version``,
            ``algorithm``; None before there was one.
    """

    is_local = False

    def __init__(self, name: str, bridge: RayBridge, *, late_seconds: float | None) -> None:
        """Start nothing.

        Args:
            name: As in metrics.
            bridge: To the cluster, shared with other devices.
            late_seconds: After which a chunk is made elsewhere too.
        """
        self.name = name
        self.lanes = LANES
        self.late_seconds = late_seconds
        self.report: dict[str, Any] | None = None
        self._bridge = bridge
        self._lock = threading.Lock()
        self._link: RayLink | None = None

    @property
    def bridge_pid(self) -> int | None:
        """Process id of the bridge, if there is one."""
        return self._bridge.pid

    @property
    def is_alive(self) -> bool:
        """See ``Device.is_alive``."""
        link = self._link
        return link is not None and link.is_alive

    def start(self) -> None:
        """See ``Device.start``."""
        self._end()
        link = self._bridge.open(self.name, lanes=self.lanes)
        with self._lock:
            # Known before it is ready, so that it can be interrupted.
            self._link = link
        self.report = link.wait_until_placed()
        link.wait_until_ready()

    def make(self, work: Work, lease: Lease, *, lane: int) -> None:
        """See ``Device.make``."""
        pieces = portable_pieces(work)
        link = self._link
        if link is None:
            raise DeviceLostError(f"{self.name}: is not running")
        link.call(lane, (lease.offset, work.size_bytes, pieces))

    def interrupt(self) -> None:
        """See ``Device.interrupt``."""
        with self._lock:
            link = self._link
        if link is None:
            self._bridge.interrupt()
        else:
            link.abandon()

    def close(self) -> None:
        """See ``Device.close``."""
        self._end()
        self._bridge.leave(self.name)

    def _end(self) -> None:
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()


def make_ray_devices(
    options: RayOptions, pool: BufferPool, *, late_seconds: float | None
) -> Sequence[RayDevice]:
    """Return the actors of a cluster as devices, ``ray:0`` and on; nothing is started.

    Args:
        options: Of the cluster and of actors.
        pool: Whose memory is shared.
        late_seconds: After which a chunk is made elsewhere too.
    """
    bridge = RayBridge(options, pool)
    return [
        RayDevice(f"ray:{index}", bridge, late_seconds=late_seconds)
        for index in range(options.actors)
    ]
