"""Bytes on a socket, and what an answer may show: no library stands between."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

TIMEOUT_SECONDS = 30
CLOSE = b"Connection: close\r\n\r\n"

_HEAD_END = b"\r\n\r\n"
_INTERNAL = (
    *(b"Traceback", b'File "', b".py", b"site-packages", b"starlette", b"uvicorn", b"fastapi"),
    *(b"httptools", b"sqlite", b"sqlalchemy", b"/tmp/", b"/home/", b"/root/"),
    f"{Path(__file__).parents[2]}/".encode(),
    *(b"app.", b"services.", b"weightbank.errors", b"root:", b"Errno"),
)
"""What nobody outside has any use for."""


class Victim(Protocol):
    """A server that listens."""

    address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        status: Of it.
        headers: Names in lower case.
        body: Of it.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """Return the problem document that it is."""
        assert self.headers["content-type"] == "application/problem+json", self
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        return found


def send(victim: Victim, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send bytes, and return all that comes until the server closes.

    Args:
        victim: To be sent to.
        pieces: Sent one after the other, as far as they are taken.
        half_close: Whether to say that nothing more will be sent.
    """
    received = bytearray()
    with socket.create_connection(victim.address, timeout=TIMEOUT_SECONDS) as connection:
        # A server that has seen enough closes, whatever is still to be sent.
        with suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
            if half_close:
                _say_that_nothing_follows(connection)
        with suppress(ConnectionResetError):
            while block := connection.recv(2**16):
                received += block
    return bytes(received)


def drip(victim: Victim, head: bytes, piece: bytes) -> bytes:
    """Send a head at once and then a piece again and again until there is an answer."""
    received = bytearray()
    with socket.create_connection(victim.address, timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(head)
        connection.settimeout(0.02)
        for _ in range(50 * TIMEOUT_SECONDS):
            with suppress(TimeoutError):
                received += connection.recv(2**16)
                break
            connection.sendall(piece)
        connection.settimeout(TIMEOUT_SECONDS)
        with suppress(ConnectionResetError):
            while block := connection.recv(2**16):
                received += block
    return bytes(received)


def answers(received: bytes) -> list[Answer]:
    """Return the answers that bytes consist of, all of which are whole."""
    return list(_parse(received))


def only(received: bytes) -> Answer:
    """Return the one answer that there is; it shows nothing internal."""
    check_silent(received)
    (answer,) = answers(received)
    return answer


def check_silent(received: bytes) -> None:
    """See that nothing internal is shown."""
    shown = received.lower()
    found = [word for word in _INTERNAL if word.lower() in shown]
    assert not found, (found, received[:2000])


def check_serves(victim: Victim) -> None:
    """See that the next client is served."""
    request = b"GET /healthz HTTP/1.1\r\nHost: here\r\n" + CLOSE
    assert only(send(victim, request)).body == b'{"status":"alive"}'


def _say_that_nothing_follows(connection: socket.socket) -> None:
    with suppress(OSError):  # it may have been reset by now
        connection.shutdown(socket.SHUT_WR)


def _parse(received: bytes) -> Iterator[Answer]:
    while received:
        head, end, rest = received.partition(_HEAD_END)
        assert end, received[:2000]
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1"
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        size = int(headers.get("content-length", "0"))
        assert len(rest) >= size, "an answer without its end"
        yield Answer(int(status), headers, rest[:size])
        received = rest[size:]
