"""The end of a connection during an answer: the client's, or ours."""

import asyncio
import contextlib

from starlette.types import Receive, Scope

from app.connection import abort_connection

_ABORT_SECONDS = 5


async def wait_disconnected(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def abort_and_wait(scope: Scope, leaving: "asyncio.Future[None]") -> None:
    """End the connection, and wait a little until the server has noticed.

    Args:
        scope: Of the request.
        leaving: A task of ``wait_disconnected``.
    """
    if abort_connection(scope):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(leaving), _ABORT_SECONDS)
