"""Specs as a whole: listed, searched, and removed."""

import re
from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.admission import caller_of
from app.errors import STORE_CODES
from app.openapi import curl, json_answer
from app.paging import next_page, page_parameters, read_limit
from app.parameters import PATH_ID, query_parameter
from app.queries import InvalidQueryError, read_dtype, read_query
from app.routes.router import get_route, make_router, route
from app.wiring import wiring_of
from schemas.spec_catalogue import ListedSpecOut, ListedSpecsOut
from services.names.syntax import parse_team
from services.spec_catalogue.filter import SpecFilter
from services.spec_catalogue.listing import ListedSpec, MayKnow
from services.spec_catalogue.position import Position
from weightbank.dtypes import FLOATING_NAMES
from weightbank.forms.document import FORMS
from weightbank.suggestions import accepted_names

router = make_router("specs")

_JSON = "application/json"
_ENTRIES = 50
_MOST_ENTRIES = 200
_TEXT_CHARACTERS = 128
_MOST_TENSORS = 10**9
_NUMBER = re.compile("[0-9]{1,9}")
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": _MOST_TENSORS - 1}
_TEXT: dict[str, Any] = {"maxLength": _TEXT_CHARACTERS}
_PARAMETERS = [
    query_parameter("q", "Beginning of an id, or part of `team/name` or of a note.", **_TEXT),
    query_parameter("team", "Only specs that a name of this team stands for."),
    query_parameter(
        "initializer", "Only specs with this type of exact initializer.", enum=sorted(FORMS)
    ),
    query_parameter("dtype", "Only specs in this dtype.", enum=list(FLOATING_NAMES)),
    query_parameter("checkpoint", "Only specs that read this repository.", **_TEXT),
    query_parameter("tensors_from", "Only specs of at least as many tensors.", **_COUNT),
    query_parameter("tensors_to", "Only specs of at most as many tensors.", **_COUNT),
    *page_parameters(after="Place", most=_MOST_ENTRIES, default=_ENTRIES),
]


@get_route(
    router,
    "/v1/specs",
    scope="read",
    summary="List and search specs",
    description="Newest first. All conditions have to hold. Specs that read a repository which is "
    "not known to be public are listed for keys with the scope admin alone.",
    responses={
        200: {
            **json_answer(ListedSpecsOut, "A page of specs."),
            "headers": {
                "Link": {
                    "description": "The next page, `rel=next`, if there is one.",
                    "schema": {"type": "string"},
                }
            },
        }
    },
    codes=("invalid_team", "invalid_dtype", *STORE_CODES),
    openapi_extra={
        "parameters": _PARAMETERS,
        "x-codeSamples": curl("curl 'http://127.0.0.1:8000/v1/specs?q=resnet&dtype=bfloat16'"),
    },
)
async def list_specs(request: Request) -> Response:
    """Answer with a page of specs."""
    query = read_query(request, *(parameter["name"] for parameter in _PARAMETERS))
    page = await wiring_of(request).catalogue.page(
        _read_filter(query),
        limit=read_limit(query.get("limit"), default=_ENTRIES, most=_MOST_ENTRIES),
        after=_read_place(query["after"]) if "after" in query else None,
        may_know=_may_know(request),
    )
    path = None if page.next is None else next_page(request, after=page.next.token())
    answer = ListedSpecsOut(specs=[_listed(spec) for spec in page.specs], next=path)
    link = {} if path is None else {"Link": f'<{path}>; rel="next"'}
    headers = {"Cache-Control": "no-store", **link}
    return Response(answer.model_dump_json(), media_type=_JSON, headers=headers)


@route(
    router,
    "DELETE",
    "/v1/specs/{id}",
    scope="admin",
    status_code=204,
    summary="Remove a spec that no name needs",
    description="Its digests go with it. Other replicas may go on serving it from memory until "
    "they are restarted. Who posts it again gets the same id, and the same bytes.",
    responses={204: {"description": "Removed."}},
    codes=("unknown_spec", "spec_in_use", *STORE_CODES),
    openapi_extra={
        "parameters": [PATH_ID],
        "x-codeSamples": curl("curl -X DELETE http://127.0.0.1:8000/v1/specs/$ID"),
    },
)
async def remove_spec(request: Request) -> Response:
    """Remove a spec."""
    read_query(request)
    await wiring_of(request).catalogue.remove(request.path_params["id"])
    return Response(status_code=204)


def _may_know(request: Request) -> MayKnow:
    """Return of which repositories a caller may know."""
    if caller_of(request).is_administrator:
        return lambda _repository: True
    return wiring_of(request).checkpoints.inventory.is_public


def _read_filter(query: dict[str, str]) -> SpecFilter:
    return SpecFilter(
        text=_read_text(query, "q"),
        team=parse_team(query["team"]) if "team" in query else None,
        initializer=_read_initializer(query),
        dtype=read_dtype(query["dtype"]) if "dtype" in query else None,
        checkpoint=_read_text(query, "checkpoint"),
        least_tensors=_read_count(query, "tensors_from"),
        most_tensors=_read_count(query, "tensors_to"),
    )


def _read_initializer(query: dict[str, str]) -> str | None:
    name = query.get("initializer")
    if name is not None and name not in FORMS:
        raise InvalidQueryError(
            "initializer",
            name,
            "is not what a resolved spec says",
            accepted_names(name, sorted(FORMS)),
        )
    return name


def _read_text(query: dict[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is not None and (not text or len(text) > _TEXT_CHARACTERS or "\0" in text):
        accepted = f"1 to {_TEXT_CHARACTERS} characters"
        raise InvalidQueryError(name, text, "cannot be searched for", accepted)
    return text


def _read_count(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        accepted = f"an integer below {_MOST_TENSORS:,}"
        raise InvalidQueryError(name, text, "is no number of tensors", accepted)
    return int(text)


def _read_place(text: str) -> Position:
    place = Position.parse(text)
    if place is None:
        raise InvalidQueryError("after", text, "is no place in a list", "what `next` says")
    return place


def _listed(spec: ListedSpec) -> ListedSpecOut:
    facts = spec.facts
    return ListedSpecOut(
        id=spec.id,
        created_at=spec.created_at,
        tensors=facts.tensors,
        elements=facts.elements,
        bytes=facts.file_bytes,
        dtype=facts.dtype,
        seed=spec.suggested_seed,
        initializers=list(facts.initializers),
        checkpoints=list(facts.repositories),
        names=list(spec.names),
    )
