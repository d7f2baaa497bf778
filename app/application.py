"""The app, wired once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from app.allowed_hosts import AllowedHosts
from app.gate import GateMiddleware
from app.handlers import install_handlers
from app.log_writer import LogWriter
from app.logs import make_logger
from app.metrics import Metrics
from app.middleware import RequestMiddleware
from app.openapi import DESCRIPTION, install_openapi
from app.origins import Origins
from app.routes import (
    catalogues,
    checkpoint_cache,
    checkpoints,
    differences,
    digests,
    name_lists,
    named_specs,
    names,
    operation,
    spec_catalogue,
    spec_exchange,
    specs,
    weights,
)
from app.server_wiring import wire
from app.settings import Settings
from app.tracing import open_tracing
from app.wiring import wiring_in

_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""The framework's own; what is followed here is in tracing.py and metrics.py."""

_ROUTERS = (
    specs.router,
    spec_catalogue.router,
    spec_exchange.router,
    weights.router,
    digests.router,
    differences.router,
    names.router,
    name_lists.router,
    named_specs.router,  # behind routes of ids, whose paths may read like a name alone
    checkpoint_cache.router,  # its paths end in words that the next one's take for names
    checkpoints.router,
    catalogues.router,
    operation.router,
)


def create_app(settings: Settings, *, logger: Any = None) -> FastAPI:
    """Return the app. Nothing is opened before its lifespan begins.

    Args:
        settings: Of the server.
        logger: Structured; one that writes to standard output if not given.

    Examples:
        >>> create_app(Settings()).title
        'Weightbank'
    """
    lines = None
    metrics = Metrics()
    if logger is None:
        lines = LogWriter(sys.stdout, on_drop=metrics.dropped_line)
        logger = make_logger(settings.log_level, stream=lines, line_format=settings.log_format)
    tracing = open_tracing(settings, metrics=metrics, logger=logger)
    origins = Origins.parse(settings.cors_origins)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with wire(settings, metrics=metrics, logger=logger) as wiring:
                app.state.wiring = wiring
                logger.info("started", version=app.version)
                yield
            logger.info("stopped")
        finally:
            await asyncio.to_thread(tracing.close)
            if lines is not None:
                lines.close()

    app = FastAPI(
        title="Weightbank",
        summary="The weights a training run starts from.",
        description=DESCRIPTION,
        version=version("weightbank"),
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        middleware=[
            Middleware(
                RequestMiddleware, metrics=metrics, logger=logger, tracing=tracing, origins=origins
            ),
            Middleware(
                GateMiddleware, hosts=AllowedHosts.parse(settings.allowed_hosts), origins=origins
            ),
        ],
    )
    app.state.metrics = metrics
    app.state.logger = logger
    for router in _ROUTERS:
        app.include_router(router)
    routes = [route for router in _ROUTERS for route in router.routes]
    install_handlers(app, [route for route in routes if isinstance(route, APIRoute)])
    install_openapi(app)
    return app


def drain(app: FastAPI) -> None:
    """Begin nothing new in an app whose lifespan has begun, and say so in the log."""
    app.state.logger.info("draining")
    wiring_in(app).drain()
