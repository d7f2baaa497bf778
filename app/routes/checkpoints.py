"""Checkpoints: their bytes, as they are or fitted to a model."""

from fastapi import Request
from starlette.responses import Response

from app.checkpoint_answer import CheckpointAnswer
from app.checkpoint_codes import SOURCE_CODES
from app.checkpoint_parameters import (
    CANONICAL,
    FITTING_PARAMETERS,
    HUB_TOKEN,
    NAMING_PARAMETERS,
    OWNED,
    PATHS,
)
from app.checkpoint_queries import read_checkpoint_query
from app.hub_token import read_hub_token
from app.openapi import curl, octets_answer, ranges_answer
from app.parameters import QUERY_SEED, request_headers
from app.routes.router import make_router, route
from app.wiring import wiring_of

router = make_router("checkpoints")

_CODES = (
    *SOURCE_CODES,
    "missing_seed",
    "invalid_seed",
    "invalid_dtype",
    "invalid_argument",
    "invalid_name",
    "invalid_shape",
    "invalid_pattern",
    "duplicate_name",
    "unknown_tensor",
    "missing_tensor",
    "unrepresentable",
    "limit_exceeded",
    "precondition_failed",
    "overloaded",
)
_RANGE_CODES = (
    "malformed_range",
    "too_many_ranges",
    "overlapping_ranges",
    "range_not_satisfiable",
    "no_device",
    "generation_failed",
)
_HEADERS = {
    "ETag": "Strong: the hash of the file, or of all that a fitted one depends on.",
    "X_Repo_Commit": "What the revision resolved to.",
    "Content_Location": "Path of this very file, with its commit.",
}
_SEED = {
    **QUERY_SEED,
    "required": False,
    "description": "An integer in [0, 2**64): how a new head starts; needed where there is one.",
}
_DESCRIPTION = (
    "Without parameters that fit it, the file is answered with as it is, while it arrives from "
    "the Hub the first time, and from the disk from then on; a sharded checkpoint is put together "
    "to one file. No answer ends before the hash of what it is made from was found right. With "
    "parameters, what is computed is float64 arithmetic in a fixed order: the same bytes for "
    "everybody. `seed` and the preset `advised@1` decide how a new head starts."
)


async def get_checkpoint(request: Request) -> Response:
    """Answer with a checkpoint, or part of it."""
    wiring = wiring_of(request)
    asked = read_checkpoint_query(request)
    token = read_hub_token(request)
    chosen = await wiring.checkpoints.catalogue.choose(asked.name, token=token)
    return await CheckpointAnswer(request, wiring, asked, chosen, token).respond()


async def head_checkpoint(request: Request) -> Response:
    """Answer with the headers of a checkpoint; of files no more than theirs is fetched."""
    return await get_checkpoint(request)


async def get_canonical_checkpoint(request: Request) -> Response:
    """Answer as for a checkpoint with an owner."""
    return await get_checkpoint(request)


async def head_canonical_checkpoint(request: Request) -> Response:
    """Answer as for a checkpoint with an owner."""
    return await head_checkpoint(request)


for _path, _get, _head in (
    (OWNED, get_checkpoint, head_checkpoint),
    (CANONICAL, get_canonical_checkpoint, head_canonical_checkpoint),
):
    _parameters = [*PATHS[_path], *NAMING_PARAMETERS, *FITTING_PARAMETERS, _SEED, HUB_TOKEN]
    _model = "timm/resnet50.a1_in1k" if _path == OWNED else "gpt2"
    _query = "?num_classes=10&in_channels=1&seed=42" if _path == OWNED else "?dtype=bfloat16"
    route(
        router,
        "GET",
        _path,
        scope="checkpoints",
        summary="Fetch a pretrained checkpoint"
        + ("" if _path == OWNED else ", of a repository without an owner"),
        description=_DESCRIPTION,
        responses={
            200: octets_answer("The whole file.", **_HEADERS),
            206: ranges_answer("The ranges that were asked for.", **_HEADERS),
            304: {"description": "Not modified."},
        },
        codes=(*_CODES, *_RANGE_CODES),
        openapi_extra={
            "parameters": [
                *_parameters,
                *request_headers("Range", "If-Range", "If-Match", "If-None-Match"),
            ],
            "x-codeSamples": curl(
                f"curl 'http://127.0.0.1:8000/v1/checkpoints/{_model}{_query}' -o model.safetensors"
            ),
        },
    )(_get)
    route(
        router,
        "HEAD",
        _path,
        scope="checkpoints",
        summary="Size, tag and commit of a checkpoint"
        + ("" if _path == OWNED else ", of a repository without an owner"),
        description="As GET, without the body. Nothing is fetched but headers of files; a pickle "
        "is fetched and converted.",
        responses={
            200: {"description": "The headers of the whole file; Content-Length is its size."},
            304: {"description": "Not modified."},
        },
        codes=_CODES,
        openapi_extra={
            "parameters": [*_parameters, *request_headers("If-Match", "If-None-Match")],
            "x-codeSamples": curl(f"curl -I 'http://127.0.0.1:8000/v1/checkpoints/{_model}'"),
        },
    )(_head)
