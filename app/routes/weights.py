"""Weights: the files, and any part of them."""

from fastapi import Request
from starlette.responses import Response

from app.checkpoint_parameters import HUB_TOKEN
from app.errors import STORE_CODES
from app.named_file import NAMED_FILE_CODES, open_named, requested_file
from app.openapi import curl, curl_with_spec, octets_answer, ranges_answer, spec_body
from app.parameters import PATH_ID, QUERY_DTYPE, QUERY_SEED, QUERY_SPEC_SEED, request_headers
from app.queries import SEED_ACCEPTED, read_dtype, read_query, read_seed
from app.routes.router import make_router, route
from app.spec_reading import SPEC_CODES, read_spec
from app.weights_answer import answer_bytes, answer_get
from app.wiring import wiring_of
from services.errors import MissingSeedError

router = make_router("weights")

_POSTED = "no-store, no-transform"
"""The answer to a POST is not for caches; what Content-Location names is."""

RANGE_CODES = (
    "malformed_range",
    "too_many_ranges",
    "overlapping_ranges",
    "range_not_satisfiable",
)
MAKING_CODES = ("no_device", "generation_failed")
FILE_CODES = (*NAMED_FILE_CODES, "precondition_failed")
FILE_HEADERS = {
    "ETag": "Strong: names the algorithm, the spec, the seed and the dtype.",
    "Content_Location": "Path of this very file, with seed and dtype.",
    "Weightbank_Algorithm": "Version of the algorithm.",
}


@route(
    router,
    "POST",
    "/v1/weights",
    scope="write",
    summary="Make the weights of a spec",
    description="The answer is a safetensors file, made while it is sent. The spec is stored, and "
    "Content-Location names the path at which anybody gets the same bytes. A Range is answered "
    "as by that path.",
    responses={
        200: octets_answer("The whole file.", **FILE_HEADERS),
        206: ranges_answer("The ranges that were asked for.", **FILE_HEADERS),
    },
    codes=("missing_seed", *SPEC_CODES, *RANGE_CODES, "store_unavailable", *MAKING_CODES),
    openapi_extra={
        "requestBody": spec_body(),
        "parameters": [
            QUERY_SPEC_SEED,
            QUERY_DTYPE,
            HUB_TOKEN,
            *request_headers("Range", "If-Range"),
        ],
        "x-codeSamples": curl_with_spec(
            "curl 'http://127.0.0.1:8000/v1/weights?seed=42' -o weights.safetensors"
        ),
    },
)
async def post_weights(request: Request) -> Response:
    """Answer with the file of a spec that comes with the request."""
    wiring = wiring_of(request)
    query = read_query(request, "seed", "dtype")
    seed = read_seed(query["seed"]) if "seed" in query else None
    dtype = read_dtype(query["dtype"]) if "dtype" in query else None
    answer = await read_spec(request, wiring)
    seed = answer.seed if seed is None else seed
    if seed is None:
        accepted = f"{SEED_ACCEPTED}, or seed: 42 in the spec"
        raise MissingSeedError(suggested_seed=None, accepted=accepted)
    await wiring.specs.add(answer)
    named = await open_named(request, wiring, answer.known, seed=seed, asked_dtype=dtype)
    return await answer_bytes(request, named, wiring, headers=named.headers(cache_control=_POSTED))


async def get_weights(request: Request) -> Response:
    """Answer with the file of a stored spec, or part of it."""
    wiring = wiring_of(request)
    named = await requested_file(request, wiring)
    return await answer_get(request, named, wiring)


_GET_PATH = "/v1/weights/{id}"
_GET_DESCRIPTION = (
    "The bytes are a function of the algorithm's version, the spec, the seed and the dtype, and "
    "never change. Any partition into ranges concatenates to the whole. Ranges are taken strictly: "
    "what is malformed, beyond the end or too much is refused, and never answered with the whole "
    "file."
)

route(
    router,
    "GET",
    _GET_PATH,
    scope="read",
    summary="Fetch weights, or ranges of them",
    description=_GET_DESCRIPTION,
    responses={
        200: octets_answer("The whole file.", **FILE_HEADERS),
        206: ranges_answer(
            "The range that was asked for, or several as multipart/byteranges.", **FILE_HEADERS
        ),
        304: {"description": "Not modified."},
    },
    codes=(
        *FILE_CODES,
        *RANGE_CODES,
        *STORE_CODES,
        *MAKING_CODES,
    ),
    openapi_extra={
        "parameters": [
            PATH_ID,
            QUERY_SEED,
            QUERY_DTYPE,
            HUB_TOKEN,
            *request_headers("Range", "If-Range", "If-Match", "If-None-Match"),
        ],
        "x-codeSamples": curl(
            "curl 'http://127.0.0.1:8000/v1/weights/'$ID'?seed=42' -o weights.safetensors"
        ),
    },
)(get_weights)


async def head_weights(request: Request) -> Response:
    """Answer with the headers of a file; nothing is made."""
    return await get_weights(request)


route(
    router,
    "HEAD",
    _GET_PATH,
    scope="read",
    summary="Size and tag of weights, without making them",
    description="As GET, without the body. Range is ignored.",
    responses={
        200: {"description": "The headers of the whole file; Content-Length is its size."},
        304: {"description": "Not modified."},
    },
    codes=(*FILE_CODES, *STORE_CODES),
    openapi_extra={
        "parameters": [
            PATH_ID,
            QUERY_SEED,
            QUERY_DTYPE,
            HUB_TOKEN,
            *request_headers("If-Match", "If-None-Match"),
        ],
        "x-codeSamples": curl("curl -I 'http://127.0.0.1:8000/v1/weights/'$ID'?seed=42'"),
    },
)(head_weights)
