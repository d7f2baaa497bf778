"""A connection's socket, for bytes that do not pass through the server's messages.

Theory of operation: uvicorn cannot send files, but whoever writes to the socket of a
connection while its transport has nothing to write, and then tells the server how many
bytes of the body that were, leaves everything as if the server had sent them: the
length that was announced, the next request of the connection, and its end.

What is written to is a duplicate of the transport's descriptor. The transport may be
closed at any time, and the number of its descriptor given to the next connection; a
duplicate stays that of its own connection until whoever asked for it closes it.
"""

import os
import weakref
from typing import Any


class DirectSocket:
    """The socket of one request's connection."""

    def __init__(self, transport: Any, flow: Any, cycle: Any) -> None:
        """Do nothing yet.

        Args:
            transport: Of the connection.
            flow: uvicorn's flow control of it.
            cycle: uvicorn's state of the request and its answer.
        """
        self._transport = transport
        self._flow = flow
        # The cycle has the scope, and the scope has this.
        self._cycle = weakref.ref(cycle)

    def duplicate(self) -> int:
        """Return a descriptor of the socket, which does not block; the caller closes it.

        Raises:
            ConnectionError: If the connection has ended.
            OSError: If there are too many descriptors.
        """
        self._check()
        return os.dup(self._transport.get_extra_info("socket").fileno())

    async def flush(self) -> None:
        """Wait until the transport has written all it was given.

        Raises:
            ConnectionError: If the connection has ended.
        """
        self._check()
        low, high = self._transport.get_write_buffer_limits()
        # The transport calls back at its low limit: let that be nothing for once.
        self._transport.set_write_buffer_limits(high=0)
        try:
            await self._flow.drain()
        finally:
            if not self._transport.is_closing():
                self._transport.set_write_buffer_limits(high=high, low=low)
        self._check()
        assert self._transport.get_write_buffer_size() == 0

    def wrote(self, size_bytes: int) -> None:
        """Count bytes of the body that were written to the duplicate."""
        cycle = self._cycle()
        if cycle is not None:
            assert not cycle.chunked_encoding, "the length was not announced"
            assert size_bytes <= cycle.expected_content_length, "more than was announced"
            cycle.expected_content_length -= size_bytes

    def _check(self) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError
