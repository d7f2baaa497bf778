"""For those who run the service: health, readiness, metrics, documentation."""

import json
from collections.abc import Callable

from fastapi import FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import RedirectResponse, Response

from app.documentation import POLICY, render_documentation
from app.openapi import curl, json_answer
from app.problems import headers_of, make_problem, problem_response
from app.queries import read_query
from app.record import record_of
from app.routes.router import OPEN, get_route, make_router
from app.wiring import Wiring, wiring_of
from schemas.operation import CheckOut, Health, Readiness
from services.bounded_check import CheckResult
from services.errors import RetryError
from services.readiness import reasons_in

router = make_router("operation")

_JSON = "application/json"
_NEVER_STORED = {"Cache-Control": "no-store"}


async def look(wiring: Wiring) -> list[CheckResult]:
    """Return whether this server is ready, and let the metrics say so."""
    results = await wiring.readiness.results()
    wiring.metrics.looked(results)
    return results


@get_route(
    router,
    "/healthz",
    scope=OPEN,
    summary="Is the process alive?",
    description="Answers as long as the event loop turns, whatever else is wrong.",
    responses={200: json_answer(Health, "It is.")},
    openapi_extra={"x-codeSamples": curl("curl http://127.0.0.1:8000/healthz")},
)
async def get_health(request: Request) -> Response:
    """Answer."""
    read_query(request)
    return Response(
        Health(status="alive").model_dump_json(), media_type=_JSON, headers=_NEVER_STORED
    )


@get_route(
    router,
    "/readyz",
    scope=OPEN,
    summary="Should requests come here?",
    description="Not without a device that makes chunks (kernels are loaded first), not without "
    "the store or a disk that can be written and has room, and not while the server shuts down; "
    "`reasons` says which, and `results` what was seen of each. A look takes two seconds at most.",
    responses={200: json_answer(Readiness, "They should.")},
    codes=("not_ready",),
    openapi_extra={"x-codeSamples": curl("curl http://127.0.0.1:8000/readyz")},
)
async def get_readiness(request: Request) -> Response:
    """Answer with what is missing, if anything is."""
    read_query(request)
    found = await look(wiring_of(request))
    results = [CheckOut(name=one.name, ok=one.is_ok, reason=one.reason) for one in found]
    reasons = reasons_in(found)
    if not reasons:
        names = [one.name for one in found]
        ready = Readiness(status="ready", checks=names, results=results)
        return Response(ready.model_dump_json(), media_type=_JSON, headers=_NEVER_STORED)
    problem = make_problem(
        "not_ready",
        detail="; ".join(reasons),
        instance=request.scope["path"],
        reasons=reasons,
        results=results,
    )
    record_of(request.scope).code = problem.code
    retry = RetryError("server", "is not ready", retry_after_seconds=1)
    return problem_response(problem, headers=headers_of(retry))


@get_route(
    router,
    "/metrics",
    scope="read",
    open_if=lambda settings: settings.metrics_without_key,
    summary="What Prometheus scrapes",
    description="Requests, streams, bytes, times and refusals, in Prometheus' text format.",
    responses={
        200: {
            "description": "The metrics.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
    openapi_extra={"x-codeSamples": curl("curl http://127.0.0.1:8000/metrics")},
)
async def get_metrics(request: Request) -> Response:
    """Answer with all metrics."""
    read_query(request)
    wiring = wiring_of(request)
    await look(wiring)
    text = wiring.metrics.text()
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST, **_NEVER_STORED})


@get_route(router, "/openapi.json", scope=OPEN, include_in_schema=False)
async def get_openapi(request: Request) -> Response:
    """Answer with the interface's description."""
    read_query(request)
    app = request.app
    content = _once(app, "description", lambda: json.dumps(app.openapi(), ensure_ascii=False))
    return Response(content, media_type=_JSON)


@get_route(router, "/docs", scope=OPEN, include_in_schema=False)
async def get_documentation(request: Request) -> Response:
    """Answer with the interface's description for people."""
    read_query(request)
    app = request.app
    page = _once(app, "documentation", lambda: render_documentation(app.openapi()))
    return Response(page, media_type="text/html", headers=POLICY)


@get_route(router, "/", scope=OPEN, include_in_schema=False)
async def get_root(request: Request) -> Response:
    """Lead a browser to the documentation."""
    read_query(request)
    return RedirectResponse("/docs")


def _once(app: FastAPI, name: str, make: Callable[[], str]) -> bytes:
    """Return a text that is made for the first who asks: it takes long, and anybody may ask."""
    made: bytes | None = getattr(app.state, name, None)
    if made is None:
        made = make().encode()
        setattr(app.state, name, made)
    return made
