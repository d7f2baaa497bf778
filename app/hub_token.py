"""The caller's own token of the Hub. It is never shown, and never logged."""

import re

from starlette.requests import Request

from services.hub.errors import InvalidHubTokenError
from weightbank.errors import NO_VALUE

HEADER = "X-HF-Token"
_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")


def read_hub_token(request: Request) -> str | None:
    """Return the token that a request brings, if it brings one.

    Raises:
        InvalidHubTokenError: If it cannot be one.
    """
    values = request.headers.getlist(HEADER)
    if not values or values == [""]:
        return None
    token = values[0].strip().removeprefix("Bearer ").strip()
    if len(values) > 1 or _TOKEN.fullmatch(token) is None:
        accepted = "one token of the Hub, as in hf_..., without spaces"
        raise InvalidHubTokenError(HEADER, NO_VALUE, "is not a token", accepted)
    return token
