"""A device's way to its actor, without the cluster."""

import fcntl
import resource
import socket
from collections.abc import Iterator

import pytest

from services.devices.child_process import ChildProcess
from services.devices.frames import FAILED, LOST, READY, receive_frame, send_frame
from services.devices.ray_link import RayLink
from services.engine import DeviceLostError

FAR = 1500
"""A descriptor that a server with many clients gets."""


class Ends:
    """A link of one lane, and the bridge's ends of its sockets."""

    def __init__(self) -> None:
        control, self.control = socket.socketpair()
        lane, self.lane = socket.socketpair()
        self.bridge = ChildProcess("signal:pause", "bridge", {}, descriptors=[])
        self.link = RayLink("ray:7", self.bridge, _moved(control), [lane])

    def close(self) -> None:
        """End both sides."""
        self.link.close()
        self.bridge.end()
        self.control.close()
        self.lane.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A link and its other side."""
    made = Ends()
    yield made
    made.close()


def _moved(connection: socket.socket) -> socket.socket:
    """A socket with a descriptor from FAR on, if this process may have such."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard > FAR:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        moved = socket.socket(fileno=fcntl.fcntl(connection.fileno(), fcntl.F_DUPFD_CLOEXEC, FAR))
        connection.close()
        return moved
    return connection


def test_it_lives_as_long_as_its_session(ends: Ends) -> None:
    """Which is known without a call."""
    assert ends.link.is_alive
    ends.control.close()
    assert not ends.link.is_alive


def test_it_lives_no_longer_than_the_bridge(ends: Ends) -> None:
    """Sockets may stay for a moment."""
    ends.bridge.end()
    assert not ends.link.is_alive


def test_what_the_bridge_says_is_in_the_error(ends: Ends) -> None:
    """With the name of the device."""
    send_frame(ends.control, (READY, {"host": "x"}))
    assert ends.link.wait_until_placed() == {"host": "x"}
    send_frame(ends.control, (FAILED, "no room"))
    with pytest.raises(DeviceLostError, match=r"^ray:7: no room$"):
        ends.link.wait_until_ready()
    send_frame(ends.lane, (LOST, "the actor died"))
    with pytest.raises(DeviceLostError, match=r"^ray:7: the actor died$"):
        ends.link.call(0, "a chunk")
    assert receive_frame(ends.lane) == "a chunk"


def test_the_end_of_a_lane_is_the_end_of_a_call(ends: Ends) -> None:
    """Nothing writes to the buffer then; an earlier reason is kept."""
    send_frame(ends.lane, (LOST, "the actor died"))
    with pytest.raises(DeviceLostError, match="the actor died"):
        ends.link.call(0, "a chunk")
    ends.lane.close()
    with pytest.raises(DeviceLostError, match="the actor died"):
        ends.link.call(0, "another")


def test_an_abandoned_session_ends_at_the_bridge(ends: Ends) -> None:
    """It sees the end of the control socket."""
    ends.link.abandon()
    ends.link.abandon()
    assert ends.control.recv(1) == b""
    assert ends.bridge.is_alive, "the bridge lets go in time: nobody is in a call"
