"""Digests of files, so that a client can check what it has."""

from dataclasses import asdict

from fastapi import Request
from starlette.responses import Response

from app.checkpoint_parameters import HUB_TOKEN
from app.errors import STORE_CODES
from app.named_file import NAMED_FILE_CODES, requested_file
from app.openapi import curl, json_answer
from app.parameters import PATH_ID, QUERY_DTYPE, QUERY_SEED
from app.routes.router import get_route, make_router
from app.weights_answer import caching_of
from app.wiring import wiring_of
from schemas.digests import DigestsOut, DigestsProgressOut
from services.digest_store import Digests, FileKey
from services.digests import DigestProgress

router = make_router("weights")

_JSON = "application/json"
_ARRIVING_RETRY_SECONDS = 2

DIGEST_ANSWERS = {
    200: json_answer(DigestsOut, "The digests."),
    202: json_answer(DigestsProgressOut, "They are being computed; see Retry-After."),
}
DIGEST_CODES = (*NAMED_FILE_CODES, *STORE_CODES)


@get_route(
    router,
    "/v1/weights/{id}/digests",
    scope="read",
    summary="SHA-256 of a file, of its header and of each 64 MiB block",
    description="The first to ask gets 202, and the file is hashed in the background; ask again "
    "after Retry-After. Digests are kept.",
    responses=DIGEST_ANSWERS,
    codes=DIGEST_CODES,
    openapi_extra={
        "parameters": [PATH_ID, QUERY_SEED, QUERY_DTYPE, HUB_TOKEN],
        "x-codeSamples": curl("curl 'http://127.0.0.1:8000/v1/weights/'$ID'/digests?seed=42'"),
    },
)
async def get_digests(request: Request) -> Response:
    """Answer with digests, or how far they are."""
    wiring = wiring_of(request)
    named = await requested_file(request, wiring)
    key = FileKey(named.spec_id, named.seed, named.dtype)
    if named.reader is not None and not named.reader.is_verified:
        # What is hashed is kept for good: not before all that it is made from was checked.
        found: Digests | DigestProgress = DigestProgress(
            0, named.file.size_bytes, retry_after_seconds=_ARRIVING_RETRY_SECONDS
        )
    else:
        found = await wiring.digests.find(key, named.file)
    if isinstance(found, DigestProgress):
        progress = DigestsProgressOut(
            status="computing", bytes_done=found.bytes_done, bytes_total=found.bytes_total
        )
        return Response(
            progress.model_dump_json(),
            status_code=202,
            media_type=_JSON,
            headers={
                "Retry-After": str(found.retry_after_seconds),
                "Cache-Control": "no-store",
            },
        )
    digests = DigestsOut(**{**asdict(found), "blocks": list(found.blocks)})
    caching = {"Cache-Control": caching_of(request, named)}
    return Response(digests.model_dump_json(), media_type=_JSON, headers=caching)
