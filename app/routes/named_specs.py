"""Specs and their weights by a version of a name: the same answers as by an id."""

from fastapi import Request
from starlette.responses import Response

from app.checkpoint_parameters import HUB_TOKEN
from app.errors import STORE_CODES
from app.name_parameters import NAMED, NAMED_PARAMETERS, REFERENCE_CODES, UNVERSIONED
from app.openapi import curl, octets_answer, ranges_answer
from app.parameters import QUERY_DTYPE, QUERY_SEED, request_headers
from app.queries import read_query
from app.routes.digests import DIGEST_ANSWERS, DIGEST_CODES, get_digests
from app.routes.router import get_route, make_router, route
from app.routes.specs import STORED_SPEC_ANSWERS, STORED_SPEC_CODES, WHO_MAY_READ, get_spec
from app.routes.weights import (
    FILE_CODES,
    FILE_HEADERS,
    MAKING_CODES,
    RANGE_CODES,
    get_weights,
)
from app.spec_paths import name_in_path
from app.wiring import wiring_of

router = make_router("names")

_WEIGHTS = f"/v1/weights{NAMED}"
_EXAMPLE = "http://127.0.0.1:8000/v1/weights/vision/resnet50@3"
_ALIKE = (
    "The same answer as by the id that the version stands for, with the same ETag; "
    "Content-Location names that path, and is what to share with whoever should get the same. "
)
_LATEST = "A numbered version may be cached for good, `latest` is asked for anew each time."


async def get_named_weights(request: Request) -> Response:
    """Answer with the file of a version of a name."""
    return await get_weights(request)


async def head_named_weights(request: Request) -> Response:
    """Answer with the headers of such a file; nothing is made."""
    return await get_weights(request)


route(
    router,
    "GET",
    _WEIGHTS,
    scope="read",
    summary="Fetch the weights of a version of a name",
    description=_ALIKE + _LATEST,
    responses={
        200: octets_answer("The whole file.", **FILE_HEADERS),
        206: ranges_answer(
            "The range that was asked for, or several as multipart/byteranges.", **FILE_HEADERS
        ),
        304: {"description": "Not modified."},
    },
    codes=(*REFERENCE_CODES, *FILE_CODES, *RANGE_CODES, *STORE_CODES, *MAKING_CODES),
    openapi_extra={
        "parameters": [
            *NAMED_PARAMETERS,
            QUERY_SEED,
            QUERY_DTYPE,
            HUB_TOKEN,
            *request_headers("Range", "If-Range", "If-Match", "If-None-Match"),
        ],
        "x-codeSamples": curl(f"curl '{_EXAMPLE}?seed=42' -o weights.safetensors"),
    },
)(get_named_weights)

route(
    router,
    "HEAD",
    _WEIGHTS,
    scope="read",
    summary="Size and tag of the weights of a version of a name",
    description="As GET, without the body. Range is ignored.",
    responses={
        200: {"description": "The headers of the whole file; Content-Length is its size."},
        304: {"description": "Not modified."},
    },
    codes=(*REFERENCE_CODES, *FILE_CODES, *STORE_CODES),
    openapi_extra={
        "parameters": [
            *NAMED_PARAMETERS,
            QUERY_SEED,
            QUERY_DTYPE,
            HUB_TOKEN,
            *request_headers("If-Match", "If-None-Match"),
        ],
        "x-codeSamples": curl(f"curl -I '{_EXAMPLE}?seed=42'"),
    },
)(head_named_weights)


@get_route(
    router,
    f"{_WEIGHTS}/digests",
    scope="read",
    summary="SHA-256 of a file of a version of a name",
    description=_ALIKE + _LATEST,
    responses=DIGEST_ANSWERS,
    codes=(*REFERENCE_CODES, *DIGEST_CODES),
    openapi_extra={
        "parameters": [*NAMED_PARAMETERS, QUERY_SEED, QUERY_DTYPE, HUB_TOKEN],
        "x-codeSamples": curl(f"curl '{_EXAMPLE}/digests?seed=42'"),
    },
)
async def get_named_digests(request: Request) -> Response:
    """Answer with the digests of such a file."""
    response: Response = await get_digests(request)
    return response


@get_route(
    router,
    f"/v1/specs{NAMED}",
    scope="read",
    summary="Fetch the resolved spec of a version of a name",
    description=_ALIKE + WHO_MAY_READ,
    responses=STORED_SPEC_ANSWERS,
    codes=(*REFERENCE_CODES, *STORED_SPEC_CODES),
    openapi_extra={
        "parameters": [
            *NAMED_PARAMETERS,
            HUB_TOKEN,
            *request_headers("If-Match", "If-None-Match"),
        ],
        "x-codeSamples": curl("curl http://127.0.0.1:8000/v1/specs/vision/resnet50@3"),
    },
)
async def get_named_spec(request: Request) -> Response:
    """Answer with the spec of a version of a name."""
    response: Response = await get_spec(request)
    return response


async def refuse_without_version(request: Request) -> Response:
    """Refuse a name alone, and say which version is the newest."""
    read_query(request, "seed", "dtype")
    await wiring_of(request).names.refuse_without_version(name_in_path(request))
    raise AssertionError(request.url.path)


for _path in (
    f"/v1/weights{UNVERSIONED}",
    f"/v1/weights{UNVERSIONED}/digests",
    f"/v1/specs{UNVERSIONED}",
    f"/v1/specs{UNVERSIONED}/diff/{{other:path}}",
):
    # Always refused, and so no part of the interface's description.
    get_route(router, _path, scope="read", codes=("missing_version",), include_in_schema=False)(
        refuse_without_version
    )
