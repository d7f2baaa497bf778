"""The caller's own token of the Hub. It is never shown, and never logged."""

from starlette.requests import Request

from services.hub.caller import TOKEN
from services.hub.errors import InvalidHubTokenError
from weightbank.errors import NO_VALUE

HEADER = "X-HF-Token"


def read_hub_token(request: Request) -> str | None:
    """Return the token that a request brings, if it brings one.

    Raises:
        InvalidHubTokenError: If it cannot be one.
    """
    values = [value.strip() for value in request.headers.getlist(HEADER)]
    if not any(values):
        return None
    scheme, _, rest = values[0].partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else values[0]
    if len(values) > 1 or TOKEN.fullmatch(token) is None:
        accepted = "one token of the Hub, as in hf_..., without spaces"
        raise InvalidHubTokenError(HEADER, NO_VALUE, "is not a token", accepted)
    return token
