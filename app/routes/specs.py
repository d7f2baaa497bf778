"""Specs: validated, resolved, stored, fetched."""

import json

from fastapi import Request
from starlette.responses import Response

from app.checkpoint_codes import DOCUMENT_CODES
from app.checkpoint_parameters import HUB_TOKEN
from app.conditions import is_not_modified
from app.errors import STORE_CODES
from app.openapi import curl, curl_with_spec, json_answer, spec_body
from app.parameters import PATH_ID, query_parameter, request_headers
from app.queries import read_query, read_switch
from app.readable_spec import document_headers, readable_spec
from app.record import record_of
from app.routes.router import get_route, make_router, route
from app.spec_paths import spec_in_path
from app.spec_reading import SPEC_CODES, read_spec
from app.summaries import posted_spec, spec_summary
from app.wiring import wiring_of
from schemas.summaries import PostedSpec, StoredSpecOut

router = make_router("specs")

_JSON = "application/json"

WHO_MAY_READ = (
    "A spec that reads a repository which is not for everybody is for callers who may read that "
    "repository, and for keys with the scope admin."
)

STORED_SPEC_ANSWERS = {
    200: json_answer(StoredSpecOut, "The spec."),
    304: {"description": "Not modified."},
}
STORED_SPEC_CODES = (
    *DOCUMENT_CODES,
    "unknown_spec",
    "unknown_algorithm",
    "limit_exceeded",
    "precondition_failed",
    *STORE_CODES,
)


@route(
    router,
    "POST",
    "/v1/specs",
    scope="write",
    summary="Validate, resolve and store a spec",
    description="The answer has the spec's id, the size of its file, what is unwise about it, "
    "and for every tensor who decided how it starts, and why. Posting a spec again, in whatever "
    "way it is written, gives the same id. The seed is no part of it.",
    responses={
        200: json_answer(PostedSpec, "The spec was known already, or `dry_run` was asked for."),
        201: json_answer(PostedSpec, "The spec is new, and stored; Location names it."),
    },
    codes=(*SPEC_CODES, "store_unavailable"),
    openapi_extra={
        "requestBody": spec_body(),
        "parameters": [
            query_parameter("dry_run", "`true` stores nothing.", type="boolean", default=False),
            HUB_TOKEN,
        ],
        "x-codeSamples": curl_with_spec("curl http://127.0.0.1:8000/v1/specs"),
    },
)
async def post_spec(request: Request) -> Response:
    """Answer with what a spec means."""
    wiring = wiring_of(request)
    query = read_query(request, "dry_run")
    dry_run = "dry_run" in query and read_switch("dry_run", query["dry_run"])
    answer = await read_spec(request, wiring)
    record_of(request.scope).spec_id = answer.id
    is_new = not dry_run and await wiring.specs.add(answer)
    return Response(
        posted_spec(answer).model_dump_json(),
        status_code=201 if is_new else 200,
        media_type=_JSON,
        headers={
            "Cache-Control": "no-store",
            **({} if dry_run else {"Location": f"/v1/specs/{answer.id}"}),
        },
    )


@get_route(
    router,
    "/v1/specs/{id}",
    scope="read",
    summary="Fetch a resolved spec",
    description="`document` is all that the bytes depend on besides the seed and the dtype. "
    "The SHA-256 of its canonical JSON (RFC 8785) is the id. " + WHO_MAY_READ,
    responses=STORED_SPEC_ANSWERS,
    codes=STORED_SPEC_CODES,
    openapi_extra={
        "parameters": [PATH_ID, HUB_TOKEN, *request_headers("If-Match", "If-None-Match")],
        "x-codeSamples": curl("curl http://127.0.0.1:8000/v1/specs/$ID"),
    },
)
async def get_spec(request: Request) -> Response:
    """Answer with a stored spec."""
    wiring = wiring_of(request)
    read_query(request)
    spec = await readable_spec(request, wiring, (await spec_in_path(request, wiring)).id)
    known = spec.known
    # Weak: the document cannot change, but the suggestion can be filled in, and how
    # the rest is written is no promise.
    etag = f'W/"spec-{known.id}-{known.suggested_seed}"'
    headers = {
        "ETag": etag,
        **document_headers(request, spec),
        "Content-Location": f"/v1/specs/{known.id}",
    }
    if is_not_modified(request, etag):
        return Response(status_code=304, headers=headers)
    layout = await wiring.files.layout(known, known.default_dtype)
    summary = spec_summary(known, layout)
    document = await wiring.specs.document_json(known)
    # Canonical JSON is put in as it is, so that its bytes are what the id hashes.
    head = json.dumps(summary, separators=(",", ":"))[:-1].encode()
    content = head + b',"document":' + document + b"}"
    return Response(content, media_type=_JSON, headers=headers)
