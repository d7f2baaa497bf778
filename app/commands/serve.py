"""``python -m app serve``: a socket, and uvicorn."""

import argparse
import resource
import socket

import uvicorn

from app.access_wiring import check_access
from app.application import create_app, drain
from app.checkpoint_wiring import check_checkpoints
from app.commands.commands import Commands
from app.connection import bounded_protocol
from app.draining import DrainingServer
from app.engine_wiring import check_engine
from app.http_settings import proxies_of
from app.listening_address import resolve
from app.settings import Settings
from app.store_wiring import open_store
from app.tracing import check_tracing
from services.errors import StartupError

_INTERRUPTED = 130
_BACKLOG = 2048
_ACCEPTED_AT_ONCE = 16


def add(commands: Commands) -> None:
    """Add the command."""
    commands.add("serve", run, help="serve until a signal says to stop (without a command, too)")


def run(settings: Settings, _given: argparse.Namespace) -> int:
    """Serve until a signal says to stop; return the exit status.

    Raises:
        StartupError: If a store, a device or a port cannot be had.
    """
    raise_descriptor_limit()
    # To see that they can be had, before anything else speaks.
    open_store(settings).dispose()
    check_checkpoints(settings)
    check_engine(settings)
    check_tracing(settings)
    with _listen(settings) as listener:
        # As it was resolved: a name could lead elsewhere the next time it is asked for.
        settings = settings.model_copy(update={"host": listener.getsockname()[0]})
        store = open_store(settings)
        try:
            check_access(settings, store)
        finally:
            store.dispose()
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
        http=bounded_protocol(settings, app.state.metrics),
        ws="none",
        lifespan="on",
        log_level="error",  # a client's mistakes are counted, and fill no log
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_timeout_seconds,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=proxies_of(settings.trusted_proxies),
    )
    server = DrainingServer(
        config,
        drain=lambda: drain(app),
        timeout_seconds=settings.shutdown_timeout_seconds,
    )
    # libuv takes one connection of a socket in a turn of the loop, and with many clients a
    # turn is long: those who come anew would wait for seconds behind those who are there.
    others = [listener.dup() for _ in range(_ACCEPTED_AT_ONCE - 1)]
    server.run(sockets=[listener, *others])


def _listen(settings: Settings) -> socket.socket:
    """Return a listening socket.

    Raises:
        StartupError: If the address cannot be had.
    """
    where = f"WEIGHTBANK_HOST {settings.host!r}, WEIGHTBANK_PORT {settings.port}"
    try:
        family, kind, protocol, _, address = resolve(settings)
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        cause = error.strerror or str(error)
        raise StartupError(f"{where}: cannot listen there: {cause}") from error
    return listener
