"""``python -m app``: settings, a socket, and uvicorn."""

import os
import resource
import socket
import sys

import uvicorn

from app.application import create_app
from app.checkpoint_wiring import check_checkpoints
from app.connection import BoundedProtocol
from app.draining import DrainingServer
from app.engine_wiring import check_engine
from app.settings import Settings, load_settings
from app.wiring import open_store, wiring_in
from services.errors import StartupError

_CANNOT_START = 1
_WRONG_SETTINGS = 2
_INTERRUPTED = 130
_BACKLOG = 2048


def main() -> int:
    """Serve until a signal says to stop; return the exit status.

    A setting that cannot be used gives 2, a store, a device or a port that cannot
    be had gives 1, each with one line that says why; Ctrl-C gives 130.
    """
    try:
        settings = load_settings(os.environ)
    except StartupError as error:
        return _refuse(error, _WRONG_SETTINGS)
    raise_descriptor_limit()
    try:
        # To see that they can be had, before anything else speaks.
        open_store(settings).dispose()
        check_checkpoints(settings)
        check_engine(settings)
        listener = _listen(settings)
    except StartupError as error:
        return _refuse(error, _CANNOT_START)
    try:
        _serve(settings, listener)
    except KeyboardInterrupt:
        # uvicorn has shut down by now, and raises again what told it to.
        return _INTERRUPTED
    return 0


def raise_descriptor_limit() -> None:
    """Take as many descriptors as the system lets us have without asking.

    Connections and the files of a checkpoint in hundreds of shards are open at one time;
    the soft limit is mostly 1024, for programs of another age.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _serve(settings: Settings, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print(f"weightbank listens on {shown}", flush=True)  # noqa: T201 - for whoever started it
    print(f"documentation: {shown}/docs", flush=True)  # noqa: T201
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    server = DrainingServer(
        config,
        drain=lambda: wiring_in(app).drain(),  # made by the lifespan, after this
        timeout_seconds=settings.shutdown_timeout_seconds,
    )
    server.run(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    """Return a listening socket.

    Raises:
        StartupError: If the address cannot be had.
    """
    where = f"WEIGHTBANK_HOST {settings.host!r}, WEIGHTBANK_PORT {settings.port}"
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        cause = error.strerror or str(error)
        raise StartupError(f"{where}: cannot listen there: {cause}") from error
    return listener


def _refuse(error: StartupError, status: int) -> int:
    print(f"weightbank cannot start: {error}", file=sys.stderr)  # noqa: T201
    return status


if __name__ == "__main__":
    sys.exit(main())
