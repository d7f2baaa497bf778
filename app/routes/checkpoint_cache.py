"""Checkpoints: described, fetched ahead, listed and removed."""

import asyncio
from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.admission import caller_of
from app.checkpoint_codes import ASKING_CODES, NAMING_CODES, SOURCE_CODES
from app.checkpoint_parameters import CANONICAL, HUB_TOKEN, NAMING_PARAMETERS, OWNED, PATHS
from app.checkpoint_queries import NAMING, checkpoint_name, repository_of
from app.checkpoint_summaries import described, kept_checkpoints, progress_out, removal_out
from app.hub_token import read_hub_token
from app.openapi import curl, json_answer
from app.parameters import query_parameter
from app.queries import read_query, read_switch
from app.routes.router import get_route, make_router, route
from app.wiring import wiring_of
from schemas.checkpoints import CheckpointOut, KeptCheckpointsOut, PrefetchOut, RemovalOut

router = make_router("checkpoints")

_JSON = "application/json"
_NEVER_STORED = {"Cache-Control": "no-store"}
_RETRY_SECONDS = 2
_WITHOUT_OWNER = ", of a repository without an owner"


@get_route(
    router,
    "/v1/checkpoints",
    scope="checkpoints",
    summary="List what is kept of checkpoints",
    description="What was used last comes first. Where a file is from is told of repositories "
    "that everybody may read.",
    responses={200: json_answer(KeptCheckpointsOut, "All that is kept.")},
    codes=("overloaded",),
    openapi_extra={"x-codeSamples": curl("curl http://127.0.0.1:8000/v1/checkpoints")},
)
async def list_checkpoints(request: Request) -> Response:
    """Answer with what is kept."""
    read_query(request)
    inventory = wiring_of(request).checkpoints.inventory
    kept = kept_checkpoints(await inventory.files(), quota_bytes=inventory.quota_bytes)
    return Response(kept.model_dump_json(), media_type=_JSON, headers=_NEVER_STORED)


async def describe_checkpoint(request: Request) -> Response:
    """Answer with what there is to say about a checkpoint."""
    name = checkpoint_name(request, read_query(request, *NAMING))
    found = await wiring_of(request).checkpoints.descriptions.describe(
        name, token=read_hub_token(request)
    )
    # Of a hundred thousand tensors that takes a second, in which others are answered.
    text = await asyncio.to_thread(lambda: described(found).model_dump_json())
    return Response(text, media_type=_JSON, headers=_NEVER_STORED)


async def describe_canonical_checkpoint(request: Request) -> Response:
    """Answer as for a checkpoint with an owner."""
    return await describe_checkpoint(request)


async def prefetch_checkpoint(request: Request) -> Response:
    """Begin to fetch a checkpoint, and answer with how far it is."""
    query = read_query(request, *NAMING, "pin")
    pinned = read_switch("pin", query["pin"]) if "pin" in query else None
    if pinned is not None:
        caller_of(request).require("admin")
    progress = await wiring_of(request).checkpoints.prefetching.begin(
        checkpoint_name(request, query), token=read_hub_token(request), pinned=pinned
    )
    retry = {} if progress.is_complete else {"Retry-After": str(_RETRY_SECONDS)}
    return Response(
        progress_out(progress).model_dump_json(),
        status_code=200 if progress.is_complete else 202,
        media_type=_JSON,
        headers={**_NEVER_STORED, **retry},
    )


async def prefetch_canonical_checkpoint(request: Request) -> Response:
    """Answer as for a checkpoint with an owner."""
    return await prefetch_checkpoint(request)


async def remove_checkpoint(request: Request) -> Response:
    """Remove what is kept of a repository."""
    query = read_query(request, "revision")
    removal = await wiring_of(request).checkpoints.inventory.remove(
        repository_of(request), query.get("revision", ""), token=read_hub_token(request)
    )
    return Response(removal_out(removal).model_dump_json(), media_type=_JSON, headers=_NEVER_STORED)


async def remove_canonical_checkpoint(request: Request) -> Response:
    """Answer as for a checkpoint with an owner."""
    return await remove_checkpoint(request)


_PIN = query_parameter(
    "pin",
    "`true` keeps its files whatever else needs their place; `false` ends that. "
    "Needs the scope `admin`.",
    type="boolean",
)
_DESCRIBE = {
    "summary": "Describe a checkpoint",
    "description": "Commit, licence, files with hashes and sizes, and every tensor with dtype and "
    "shape: from headers alone, without the tensors' data; a pickle is fetched and converted for "
    "it. No repository's name has a colon.",
    "responses": {200: json_answer(CheckpointOut, "The description.")},
    "codes": (*SOURCE_CODES, "limit_exceeded", "overloaded"),
}
_PREFETCH = {
    "summary": "Fetch a checkpoint ahead",
    "description": "Begins to fetch what is not here yet, and says how far it is; ask again for "
    "progress.",
    "responses": {
        200: json_answer(PrefetchOut, "All of it is here."),
        202: json_answer(PrefetchOut, "It is on its way; see Retry-After."),
    },
    "codes": (*SOURCE_CODES, "overloaded"),
}
_REMOVE = {
    "summary": "Remove what is kept of a repository",
    "description": "Its files are fetched anew when they are asked for. Files that are being "
    "read, or pinned, are left. What is private is removed by who may read it.",
    "responses": {200: json_answer(RemovalOut, "What was removed, and what was left.")},
    "codes": (*NAMING_CODES, *ASKING_CODES, "not_cached", "overloaded"),
}


def _with_owner(
    details: dict[str, Any], path: str, parameters: list[dict[str, Any]], command: str
) -> dict[str, Any]:
    """Return a route's description for repositories with an owner, or without one."""
    is_owned = path == OWNED
    repository = "timm/resnet50.a1_in1k" if is_owned else "gpt2"
    return {
        **details,
        "summary": details["summary"] + ("" if is_owned else _WITHOUT_OWNER),
        "openapi_extra": {
            "parameters": [*PATHS[path], *parameters],
            "x-codeSamples": curl(command.format(repository)),
        },
    }


_HOST = "http://127.0.0.1:8000/v1/checkpoints"
_NAMED = [*NAMING_PARAMETERS, HUB_TOKEN]
for _path, _describe, _prefetch, _remove in (
    (OWNED, describe_checkpoint, prefetch_checkpoint, remove_checkpoint),
    (
        CANONICAL,
        describe_canonical_checkpoint,
        prefetch_canonical_checkpoint,
        remove_canonical_checkpoint,
    ),
):
    get_route(
        router,
        f"{_path}:describe",
        scope="checkpoints",
        **_with_owner(_DESCRIBE, _path, _NAMED, f"curl {_HOST}/{{}}:describe"),
    )(_describe)
    route(
        router,
        "POST",
        f"{_path}:prefetch",
        scope="checkpoints",
        **_with_owner(_PREFETCH, _path, [*_NAMED, _PIN], f"curl -X POST {_HOST}/{{}}:prefetch"),
    )(_prefetch)
    route(
        router,
        "DELETE",
        _path,
        scope="admin",
        **_with_owner(
            _REMOVE, _path, [NAMING_PARAMETERS[0], HUB_TOKEN], f"curl -X DELETE {_HOST}/{{}}"
        ),
    )(_remove)
