"""The address that a server listens on, and whether others can reach it."""

import ipaddress
import socket
from typing import Any

from app.settings import Settings
from services.errors import StartupError

_LOCAL_NAME = "localhost"


def resolve(settings: Settings) -> tuple[Any, ...]:
    """Return what ``socket.getaddrinfo`` says first of the address to listen on.

    Raises:
        OSError: If there is no such address.

    Examples:
        >>> resolve(Settings(host="127.0.0.1", port=80))[-1]
        ('127.0.0.1', 80)
    """
    return socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address.

    Args:
        host: Resolved; of names only ``localhost`` is known.

    Examples:
        >>> is_loopback("127.8.8.8"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == _LOCAL_NAME
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def keys_are_needed(settings: Settings) -> bool:
    """Return whether requests need a key.

    Raises:
        StartupError: If that depends on the address, and there is no such address.
    """
    if settings.keys != "auto":
        return settings.keys == "required"
    try:
        return not is_loopback(resolve(settings)[-1][0])
    except OSError as error:
        cause = error.strerror or str(error)
        raise StartupError(f"WEIGHTBANK_HOST {settings.host!r} is no address: {cause}") from error
