"""Names of teams, listed."""

from fastapi import Request
from starlette.responses import Response

from app.errors import STORE_CODES
from app.name_parameters import NAME_CODES, PATH_TEAM
from app.name_summaries import name_version
from app.openapi import curl, json_answer
from app.paging import next_page, page_parameters, read_limit
from app.parameters import query_parameter
from app.queries import InvalidQueryError, read_query
from app.routes.router import get_route, make_router
from app.weights_answer import whose
from app.wiring import wiring_of
from schemas.names import NamesOut
from services.names.syntax import Name, parse_name, parse_team

router = make_router("names")

_JSON = "application/json"
_MOST_ENTRIES = 1_000
_ENTRIES = 100
_SEARCH_CHARACTERS = 128
_LIST_PARAMETERS = page_parameters(
    after="`team/name`", example="vision/resnet50", most=_MOST_ENTRIES
)
_SEARCH = query_parameter(
    "q",
    "Only names that hold this, written as `team/name`.",
    example="resnet",
    maxLength=_SEARCH_CHARACTERS,
)
_QUERY_TEAM = {**PATH_TEAM, "in": "query", "required": False, "description": "Only its names."}


@get_route(
    router,
    "/v1/names",
    scope="read",
    summary="List names, each with its newest version",
    description="In the order of teams and names. Names whose versions are all retired are left "
    "out.",
    responses={200: json_answer(NamesOut, "A page of names.")},
    codes=(*NAME_CODES, *STORE_CODES),
    openapi_extra={
        "parameters": [_QUERY_TEAM, _SEARCH, *_LIST_PARAMETERS],
        "x-codeSamples": curl("curl 'http://127.0.0.1:8000/v1/names?q=resnet'"),
    },
)
async def list_names(request: Request) -> Response:
    """Answer with a page of names."""
    query = read_query(request, "team", "q", "limit", "after")
    team = parse_team(query["team"]) if "team" in query else None
    return _names(request, await _page(request, query, team=team))


@get_route(
    router,
    "/v1/names/{team}",
    scope="read",
    summary="List the names of a team",
    description="As `GET /v1/names?team=`, but a team that never had a name is unknown.",
    responses={200: json_answer(NamesOut, "A page of names.")},
    codes=(*NAME_CODES, "unknown_team", *STORE_CODES),
    openapi_extra={
        "parameters": [PATH_TEAM, _SEARCH, *_LIST_PARAMETERS],
        "x-codeSamples": curl("curl http://127.0.0.1:8000/v1/names/vision"),
    },
)
async def list_names_of_team(request: Request) -> Response:
    """Answer with a page of the names of a team."""
    query = read_query(request, "q", "limit", "after")
    team = parse_team(request.path_params["team"])
    page = await _page(request, query, team=team)
    if not page.names:
        await wiring_of(request).names.check_team(team)
    return _names(request, page)


async def _page(request: Request, query: dict[str, str], *, team: str | None) -> NamesOut:
    limit = read_limit(query.get("limit"), default=_ENTRIES, most=_MOST_ENTRIES)
    found = await wiring_of(request).names.newest(
        team=team,
        search=_read_search(query.get("q", "")),
        after=_read_after(query["after"]) if "after" in query else None,
        limit=limit + 1,
    )
    shown = found[:limit]
    return NamesOut(
        names=[name_version(version) for version in shown],
        next=next_page(request, after=str(shown[-1].name)) if found[limit:] else None,
    )


def _read_search(text: str) -> str:
    if len(text) > _SEARCH_CHARACTERS or "\0" in text:
        accepted = f"at most {_SEARCH_CHARACTERS} characters"
        raise InvalidQueryError("q", text, "is in no name", accepted)
    return text.lower()


def _read_after(text: str) -> Name:
    team, _, name = text.partition("/")
    return parse_name(team, name)


def _names(request: Request, page: NamesOut) -> Response:
    headers = {"Cache-Control": f"{whose(request)}, no-cache"}
    return Response(page.model_dump_json(), media_type=_JSON, headers=headers)
