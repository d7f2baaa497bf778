"""What differs between two specs."""

from fastapi import Request
from starlette.responses import Response

from app.checkpoint_codes import DOCUMENT_CODES
from app.checkpoint_parameters import HUB_TOKEN
from app.errors import STORE_CODES
from app.name_parameters import (
    ID_PARAMETERS,
    NAMED,
    NAMED_PARAMETERS,
    PATH_OTHER,
    PATH_OTHER_OF_NAME,
    REFERENCE_CODES,
)
from app.name_summaries import spec_difference
from app.openapi import curl, json_answer
from app.paging import next_page, page_parameters, read_limit
from app.queries import read_query
from app.readable_spec import document_headers, readable_spec
from app.routes.router import get_route, make_router
from app.spec_paths import other_spec_in_path, spec_in_path
from app.wiring import wiring_of
from schemas.differences import SpecDifferenceOut
from services.spec_differences import ComparedSpecs

router = make_router("specs")

_ENTRIES = 100
_MOST_ENTRIES = 500
_CODES = (
    *REFERENCE_CODES,
    *DOCUMENT_CODES,
    "invalid_reference",
    "unknown_spec",
    "unknown_algorithm",
    *STORE_CODES,
)
_DESCRIPTION = (
    "Tensors are matched by name. Of each that is not the same in both: what differs in its "
    "entry, in the words of the canonical document and in one sentence, and whether its bytes are "
    "equal for the same seed. Counts are of all, the list comes in pages. Both specs have to be "
    "the caller's to read, as by `GET /v1/specs/{id}`. "
)
_PAGE = page_parameters(after="Name", example="layer3.0.conv1.weight", most=_MOST_ENTRIES)


@get_route(
    router,
    "/v1/specs/{id}/diff/{other:path}",
    scope="read",
    summary="Compare two specs",
    description=_DESCRIPTION + "Each is given by its id, or the second by a version of a name.",
    responses={200: json_answer(SpecDifferenceOut, "What differs.")},
    codes=_CODES,
    openapi_extra={
        "parameters": [*ID_PARAMETERS, PATH_OTHER, *_PAGE, HUB_TOKEN],
        "x-codeSamples": curl("curl http://127.0.0.1:8000/v1/specs/$ID/diff/$OTHER"),
    },
)
async def get_difference(request: Request) -> Response:
    """Answer with what differs between two specs."""
    wiring = wiring_of(request)
    query = read_query(request, "limit", "after")
    limit = read_limit(query.get("limit"), default=_ENTRIES, most=_MOST_ENTRIES)
    before = await readable_spec(request, wiring, (await spec_in_path(request, wiring)).id)
    after = await readable_spec(request, wiring, (await other_spec_in_path(request, wiring)).id)

    def show(compared: ComparedSpecs) -> bytes:
        last = compared.next_after
        next_path = None if last is None else next_page(request, after=last)
        return spec_difference(compared, next_path=next_path).model_dump_json().encode()

    content = await wiring.differences.page(
        before.known, after.known, start_after=query.get("after", ""), limit=limit, show=show
    )
    headers = document_headers(request, before, after)
    return Response(content, media_type="application/json", headers=headers)


@get_route(
    router,
    f"/v1/specs{NAMED}/diff/{{other:path}}",
    scope="read",
    summary="Compare a version of a name with another spec",
    description=_DESCRIPTION + "The second is given by its id, by a version of a name, or by "
    "`@version` of the same name.",
    responses={200: json_answer(SpecDifferenceOut, "What differs.")},
    codes=_CODES,
    openapi_extra={
        "parameters": [*NAMED_PARAMETERS, PATH_OTHER_OF_NAME, *_PAGE, HUB_TOKEN],
        "x-codeSamples": curl("curl http://127.0.0.1:8000/v1/specs/vision/resnet50@2/diff/@latest"),
    },
)
async def get_named_difference(request: Request) -> Response:
    """Answer with what differs between a version of a name and another spec."""
    response: Response = await get_difference(request)
    return response
