"""Names that are put, and small specs for them, for tests."""

from typing import Any

import httpx

from tests.specs import parameter


def stored(api: Any, std: float = 0.02, **options: Any) -> str:
    """Id of a small spec that is stored; another one for each std."""
    layer = parameter([3, 2], {"type": "normal", "std": std}, "w")
    spec_id: str = api.post("/v1/specs", json={"layers": [layer]}, **options).json()["id"]
    return spec_id


def put(api: Any, path: str, spec: str, **options: Any) -> httpx.Response:
    """The answer to a PUT of a name."""
    note = options.pop("note", None)
    body = {"spec": spec} if note is None else {"spec": spec, "note": note}
    response: httpx.Response = api.request("PUT", f"/v1/names/{path}", json=body, **options)
    return response
