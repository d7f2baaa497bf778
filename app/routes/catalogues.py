"""What a spec can say: initializers, presets, nonlinearities, layers."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from app.conditions import is_not_modified
from app.openapi import curl, json_answer
from app.parameters import request_headers
from app.queries import read_query
from app.routes.router import Endpoint, get_route, make_router
from schemas.catalogues import Initializers, Layers, Nonlinearities, Presets
from weightbank import initializers, layers, nonlinearities, presets

router = make_router("catalogue")

Catalogue = Callable[[], list[dict[str, Any]]]


def _serve(
    name: str, catalogue: Catalogue, model: type[BaseModel], *, summary: str, description: str
) -> Endpoint:
    """Register the route of one catalogue."""

    @cache
    def content() -> tuple[bytes, str]:
        text = json.dumps({name: catalogue()}, ensure_ascii=False, allow_nan=False).encode()
        return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'

    async def endpoint(request: Request) -> Response:
        read_query(request)
        text, etag = content()
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if is_not_modified(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(text, media_type="application/json", headers=headers)

    return get_route(
        router,
        f"/v1/{name}",
        scope="read",
        name=f"get_{name}",
        summary=summary,
        description=description,
        responses={200: json_answer(model, summary), 304: {"description": "Not modified."}},
        codes=("precondition_failed",),
        openapi_extra={
            "parameters": request_headers("If-Match", "If-None-Match"),
            "x-codeSamples": curl(f"curl http://127.0.0.1:8000/v1/{name}"),
        },
    )(endpoint)


_serve(
    "initializers",
    initializers.catalogue,
    Initializers,
    summary="All initializers",
    description="What can stand as a rule's second half or as a layer's `init`: torch.nn.init's "
    "names and arguments, with formulas and sources.",
)
_serve(
    "presets",
    presets.catalogue,
    Presets,
    summary="All presets",
    description="What a tensor gets that neither its layer nor a rule initializes. A released "
    "version never resolves differently.",
)
_serve(
    "nonlinearities",
    nonlinearities.catalogue,
    Nonlinearities,
    summary="All nonlinearities",
    description="What can stand as a layer's `nonlinearity`, with formulas and gains.",
)
_serve(
    "layers",
    layers.catalogue,
    Layers,
    summary="All types of layers",
    description="What can stand as a layer's `type`, with its arguments and its source.",
)
