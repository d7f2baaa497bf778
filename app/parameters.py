"""Descriptions of parameters: of queries, paths and headers."""

from typing import Any

from weightbank.dtypes import FLOATING_NAMES


def query_parameter(
    name: str, description: str, *, is_required: bool = False, example: object = None, **schema: Any
) -> dict[str, Any]:
    """Return the description of a parameter of a query.

    Args:
        name: Of the parameter.
        description: A sentence.
        is_required: Whether it has to be given.
        example: Of its value; none if not given.
        schema: Keywords of its JSON schema; a text if it has no type.

    Examples:
        >>> query_parameter("q", "Part of a name.", maxLength=9)["schema"]
        {'type': 'string', 'maxLength': 9}
    """
    described: dict[str, Any] = {
        "name": name,
        "in": "query",
        "required": is_required,
        "description": description,
        "schema": {"type": "string", **schema},
    }
    return described if example is None else {**described, "example": example}


PATH_ID: dict[str, Any] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "A spec's id, as `POST /v1/specs` answers with it.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
QUERY_SEED = query_parameter(
    "seed",
    "An integer in [0, 2**64).",
    is_required=True,
    example=42,
    type="integer",
    minimum=0,
    maximum=2**64 - 1,
)
QUERY_SPEC_SEED: dict[str, Any] = {
    **QUERY_SEED,
    "required": False,
    "description": "An integer in [0, 2**64). It wins over the spec's; one of the two is needed.",
}
QUERY_DTYPE = query_parameter(
    "dtype",
    "Of every floating tensor that does not fix its own; the spec's if not given. "
    "float16 and bfloat16 are the float32 values rounded to nearest even.",
    enum=list(FLOATING_NAMES),
)


def request_headers(*names: str) -> list[dict[str, Any]]:
    """Return the description of request headers, all optional."""
    texts = {
        "Range": ("`bytes=0-1023`, `bytes=-8`, or several.", "bytes=0-1023"),
        "If-Range": ("The ETag that the range is meant for.", None),
        "If-Match": ("Answer only if the ETag is one of these.", None),
        "If-None-Match": ("Answer 304 if the ETag is one of these.", None),
    }
    described = []
    for name in names:
        text, example = texts[name]
        header: dict[str, Any] = {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string"},
        }
        described.append({**header, "example": example} if example else header)
    return described
