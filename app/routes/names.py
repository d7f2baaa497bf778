"""Names of teams: put, looked up and retired."""

from fastapi import Request
from starlette.responses import Response

from app.admission import caller_of
from app.conditions import is_not_modified
from app.errors import STORE_CODES
from app.name_conditions import name_etag, newest_as_expected
from app.name_parameters import (
    CHANGE_CONDITIONS,
    NAME_CODES,
    NAMED_PARAMETERS,
    PATH_NAME,
    PATH_TEAM,
    REFERENCE_CODES,
)
from app.name_summaries import name_version
from app.openapi import curl, json_answer, json_body
from app.paging import next_page, page_parameters, read_limit, read_number
from app.parameters import request_headers
from app.queries import read_query
from app.record import record_of
from app.request_body import DOCUMENT_BODY_CODES, parse_body, read_body
from app.routes.router import get_route, make_router, route
from app.spec_paths import name_in_path, reference_in_path
from app.weights_answer import whose
from app.wiring import Wiring, wiring_of
from schemas.names import NameIn, NameVersionOut, NameVersionsOut, RetiredNameOut
from services.names.syntax import Reference, parse_note, parse_spec

router = make_router("names")

_JSON = "application/json"
_MOST_ENTRIES = 1_000
_ENTRIES = 100
_BODY_BYTES = {"json": 2**14, "yaml": 2**12}
"""A reference and a note; YAML takes a hundred times as long to read as JSON."""

_NAME_PATH = "/v1/names/{team}/{name:unversioned}"


@route(
    router,
    "PUT",
    _NAME_PATH,
    scope="write",
    summary="Let a name stand for a spec from now on",
    description="This makes the name's next version; versions never change, and no number is "
    "given twice. If the newest version stands for this spec already, and `note` is the same or "
    'not given, nothing is made. `If-Match: "3"` makes a version only if 3 is the newest, '
    "`If-None-Match: *` only if there is none.",
    responses={
        200: json_answer(NameVersionOut, "The newest version stands for it already."),
        201: json_answer(NameVersionOut, "A new version; Location names it."),
    },
    codes=(
        *REFERENCE_CODES,
        *DOCUMENT_BODY_CODES,
        "invalid_reference",
        "invalid_note",
        "unknown_spec",
        "limit_exceeded",
        "precondition_failed",
        "other_team",
        *STORE_CODES,
    ),
    openapi_extra={
        "requestBody": json_body(NameIn, "What it is to stand for."),
        "parameters": [PATH_TEAM, PATH_NAME, *CHANGE_CONDITIONS],
        "x-codeSamples": curl(
            "curl -X PUT http://127.0.0.1:8000/v1/names/vision/resnet50 \\\n"
            "  -H 'Content-Type: application/json' -d '{\"spec\": \"'$ID'\"}'"
        ),
    },
)
async def put_name(request: Request) -> Response:
    """Make the next version of a name."""
    wiring = wiring_of(request)
    read_query(request)
    name = name_in_path(request)
    caller = caller_of(request)
    caller.require_team(name.team)
    given = await _read_name(request, wiring)
    made, is_new = await wiring.names.put(
        name,
        spec=parse_spec(given.spec, argument="spec"),
        note=None if given.note is None else parse_note(given.note),
        created_by=caller.key_id,
        agree=newest_as_expected(request),
    )
    record_of(request.scope).spec_id = made.spec_id
    location = {"Location": f"/v1/names/{Reference(name, made.version)}"} if is_new else {}
    return Response(
        name_version(made).model_dump_json(),
        status_code=201 if is_new else 200,
        media_type=_JSON,
        headers={"Cache-Control": "no-store", "ETag": name_etag(made.version), **location},
    )


async def _read_name(request: Request, wiring: Wiring) -> NameIn:
    limit_bytes = wiring.settings.limit_body_bytes
    body, body_format = await read_body(
        request,
        limits_bytes={
            "json": min(_BODY_BYTES["json"], limit_bytes),
            "yaml": min(_BODY_BYTES["yaml"], limit_bytes),
        },
        timeout_seconds=wiring.settings.body_timeout_seconds,
    )
    return NameIn.from_document(parse_body(body, body_format))


@get_route(
    router,
    "/v1/names/{team}/{name:unversioned}@{version}",
    scope="read",
    summary="Say what a version of a name stands for",
    description="A number stands for the same spec for good; `latest` for that of the newest "
    "version.",
    responses={
        200: json_answer(NameVersionOut, "The version."),
        304: {"description": "Not modified."},
    },
    codes=(*REFERENCE_CODES, "precondition_failed", *STORE_CODES),
    openapi_extra={
        "parameters": [*NAMED_PARAMETERS, *request_headers("If-Match", "If-None-Match")],
        "x-codeSamples": curl("curl http://127.0.0.1:8000/v1/names/vision/resnet50@latest"),
    },
)
async def get_name_version(request: Request) -> Response:
    """Answer with one version of a name."""
    wiring = wiring_of(request)
    read_query(request)
    found = await wiring.names.resolve(reference_in_path(request))
    record_of(request.scope).spec_id = found.spec_id
    headers = _headers(request, found.version)
    if is_not_modified(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    content = name_version(found).model_dump_json()
    return Response(content, media_type=_JSON, headers=headers)


@get_route(
    router,
    _NAME_PATH,
    scope="read",
    summary="List the versions of a name",
    description="The newest first. The ETag is the number of the newest version, as `If-Match` "
    "of a PUT takes it.",
    responses={
        200: json_answer(NameVersionsOut, "A page of versions."),
        304: {"description": "Not modified."},
    },
    codes=(*NAME_CODES, "unknown_name", "retired_name", "precondition_failed", *STORE_CODES),
    openapi_extra={
        "parameters": [
            PATH_TEAM,
            PATH_NAME,
            *page_parameters(after="Number", example="3", most=_MOST_ENTRIES),
            *request_headers("If-Match", "If-None-Match"),
        ],
        "x-codeSamples": curl("curl http://127.0.0.1:8000/v1/names/vision/resnet50"),
    },
)
async def get_name(request: Request) -> Response:
    """Answer with a page of versions of a name."""
    wiring = wiring_of(request)
    query = read_query(request, "limit", "after")
    name = name_in_path(request)
    limit = read_limit(query.get("limit"), default=_ENTRIES, most=_MOST_ENTRIES)
    before = read_number("after", query["after"]) if "after" in query else None
    newest, found = await wiring.names.versions(name, before=before, limit=limit + 1)
    headers = _headers(request, newest)
    if is_not_modified(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    shown = found[:limit]
    page = NameVersionsOut(
        team=name.team,
        name=name.name,
        newest_version=newest,
        versions=[name_version(version) for version in shown],
        next=next_page(request, after=str(shown[-1].version)) if found[limit:] else None,
    )
    return Response(page.model_dump_json(), media_type=_JSON, headers=headers)


@route(
    router,
    "DELETE",
    _NAME_PATH,
    scope="admin",
    summary="Retire all versions of a name",
    description="They are answered with `retired_name` (410) from then on, and no longer keep "
    "their specs from being deleted. Numbers are not given again: a new version has the next one.",
    responses={200: json_answer(RetiredNameOut, "What was retired.")},
    codes=(
        *NAME_CODES,
        "unknown_name",
        "retired_name",
        "precondition_failed",
        "other_team",
        *STORE_CODES,
    ),
    openapi_extra={
        "parameters": [PATH_TEAM, PATH_NAME, *CHANGE_CONDITIONS],
        "x-codeSamples": curl("curl -X DELETE http://127.0.0.1:8000/v1/names/vision/resnet50"),
    },
)
async def retire_name(request: Request) -> Response:
    """Retire a name."""
    wiring = wiring_of(request)
    read_query(request)
    name = name_in_path(request)
    caller_of(request).require_team(name.team)
    state = await wiring.names.retire(name, agree=newest_as_expected(request))
    retired = RetiredNameOut(
        team=name.team,
        name=name.name,
        retired_versions=state.newest_version - state.retired_version,
        newest_version=state.newest_version,
    )
    headers = {"Cache-Control": "no-store"}
    return Response(retired.model_dump_json(), media_type=_JSON, headers=headers)


def _headers(request: Request, version: int) -> dict[str, str]:
    return {"Cache-Control": f"{whose(request)}, no-cache", "ETag": name_etag(version)}
