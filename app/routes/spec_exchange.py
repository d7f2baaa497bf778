"""Specs and names in one file, out of this server's database and into it."""

import contextlib

from fastapi import Request
from starlette.responses import Response

from app.bodies import Body
from app.errors import STORE_CODES
from app.file_response import FileResponse
from app.openapi import curl, json_answer
from app.parameters import query_parameter
from app.queries import InvalidQueryError, read_query
from app.request_body import BODY_CODES
from app.routes.router import get_route, make_router, route
from app.spooled_file import SpooledFile
from app.spooling import LINES, spool_body
from app.wiring import wiring_of
from schemas.spec_catalogue import ImportedOut
from services.names.syntax import is_id, parse_team
from services.spec_exchange.exporting import Selection

router = make_router("specs")

_MOST_IDS = 100
_NEVER_STORED = {"Cache-Control": "no-store"}
_LINES = {LINES: {"schema": {"type": "string", "format": "binary"}}}


@get_route(
    router,
    "/v1/specs:export",
    scope="admin",
    summary="Export specs and names as one file",
    description="Lines of JSON, as they stand at one moment, with a hash at the end. Without "
    "parameters everything; specs that read private repositories are among it.",
    responses={200: {"description": "The file.", "content": _LINES}},
    codes=("invalid_team", "insufficient_storage", *STORE_CODES),
    openapi_extra={
        "parameters": [
            query_parameter("team", "Only the names of this team, and the specs they stand for."),
            query_parameter(
                "id",
                f"Only these specs, and no names: ids between commas, at most {_MOST_IDS}. Those "
                "that are not stored here are passed over.",
            ),
        ],
        "x-codeSamples": curl("curl -o specs.jsonl http://127.0.0.1:8000/v1/specs:export"),
    },
)
async def export_specs(request: Request) -> Response:
    """Answer with a file."""
    wiring = wiring_of(request)
    selection = _read_selection(read_query(request, "team", "id"))
    headers = {
        **_NEVER_STORED,
        "Content-Type": LINES,
        "Content-Disposition": 'attachment; filename="weightbank-specs.jsonl"',
    }
    if request.method == "HEAD":
        return Response(headers=headers)
    file = SpooledFile(await wiring.exchange.export(selection))
    size_bytes = file.available_bytes
    return FileResponse(
        file,
        Body(((0, size_bytes),), (b"",), b"", LINES),
        sender=wiring.file_sender,
        status=200,
        headers={**headers, "Content-Length": str(size_bytes)},
        stall_timeout_seconds=wiring.settings.stall_timeout_seconds,
    )


@route(
    router,
    "POST",
    "/v1/specs:import",
    scope="admin",
    summary="Import a file of specs and names",
    description="All of it, or nothing: ids are checked against the specs' hashes, and names that "
    "exist must agree. What is here already is counted as known.",
    responses={200: json_answer(ImportedOut, "What was new, and what was known.")},
    codes=(
        *BODY_CODES,
        "invalid_import",
        "import_conflict",
        "insufficient_storage",
        *STORE_CODES,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A file as `GET /v1/specs:export` writes it.",
            "content": _LINES,
        },
        "x-codeSamples": curl(
            f"curl -H 'Content-Type: {LINES}' --data-binary @specs.jsonl \\\n"
            "  http://127.0.0.1:8000/v1/specs:import"
        ),
    },
)
async def import_specs(request: Request) -> Response:
    """Import the file in a request's body."""
    wiring = wiring_of(request)
    read_query(request)
    exchange = wiring.exchange
    with exchange.place(), contextlib.closing(exchange.temporary_file()) as file:
        await spool_body(
            request,
            file,
            limit_bytes=wiring.settings.limit_import_bytes,
            timeout_seconds=wiring.settings.body_timeout_seconds,
        )
        counts = await exchange.import_file(file)
    imported = ImportedOut(**counts.document())
    return Response(
        imported.model_dump_json(), media_type="application/json", headers=_NEVER_STORED
    )


def _read_selection(query: dict[str, str]) -> Selection:
    if len(query) > 1:
        raise InvalidQueryError("id", query["id"], "is given with a team", "one of the two")
    if "team" in query:
        return Selection(team=parse_team(query["team"]))
    if "id" not in query:
        return Selection()
    ids = query["id"].split(",")
    if len(ids) > _MOST_IDS or not all(is_id(spec_id) for spec_id in ids):
        accepted = f"1 to {_MOST_IDS} ids between commas"
        raise InvalidQueryError("id", query["id"], "cannot be read", accepted)
    return Selection(ids=ids)
