"""Ports of loopback."""

import socket


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port
