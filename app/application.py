"""The app, wired once."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

from app.handlers import install_handlers
from app.log_writer import LogWriter
from app.logs import make_logger
from app.metrics import Metrics
from app.middleware import RequestMiddleware
from app.openapi import DESCRIPTION, install_openapi
from app.routes import catalogues, checkpoint_cache, checkpoints, digests, operation, specs, weights
from app.settings import Settings
from app.wiring import wire

_ROUTERS = (
    specs.router,
    weights.router,
    digests.router,
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
    if logger is None:
        lines = LogWriter(sys.stdout)
        logger = make_logger(settings.log_level, stream=lines)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with wire(settings, metrics=metrics, logger=logger) as wiring:
                app.state.wiring = wiring
                yield
        finally:
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
        middleware=[Middleware(RequestMiddleware, metrics=metrics, logger=logger)],
    )
    for router in _ROUTERS:
        app.include_router(router)
    routes = [route for router in _ROUTERS for route in router.routes]
    install_handlers(app, [route for route in routes if isinstance(route, APIRoute)])
    install_openapi(app)
    return app
