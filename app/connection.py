"""The one thing ASGI cannot say: end this connection now.

A client that stopped reading cannot be told so. uvicorn's ``close`` waits until
all is written, which is never; only ``abort`` frees what is still queued. So the
protocol puts it where a response finds it.
"""

import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_KEY = "weightbank.abort"
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


class AbortableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, whose scopes know how to end their connection."""

    def on_message_begin(self) -> None:
        """Begin a request as uvicorn does, and add our extension."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {_KEY: self._abort}

    def _abort(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            # The kernel forgets what it still holds, and the client sees a reset: it
            # must not take what it has for the whole.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        self.transport.abort()


def abort_connection(scope: Any) -> bool:
    """End the connection of a request at once; return whether this server can.

    Examples:
        >>> abort_connection({"type": "http"})
        False
    """
    abort = (scope.get("extensions") or {}).get(_KEY)
    if abort is None:
        return False
    abort()
    return True
