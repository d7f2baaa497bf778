"""Who asks: a token of the Hub, or nobody."""

import re
from dataclasses import dataclass, field

from services.hub.errors import InvalidHubTokenError
from weightbank.errors import NO_VALUE

TOKEN = re.compile(r"[\x21-\x7e]{1,512}")
"""What a token of the Hub looks like: nothing else may become part of a request."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with rights, or without.

    Attributes:
        token: That is sent to the Hub for them; it is never shown.
        digest: What stands for the token wherever something is remembered.
    """

    token: str | None = field(repr=False)
    digest: str


def parse_token(text: str | None) -> str | None:
    """Return a token if it can be one, and None for none.

    Raises:
        InvalidHubTokenError: If it would break a request.

    Examples:
        >>> parse_token("") is None
        True
        >>> parse_token("hf_two words")
        Traceback (most recent call last):
        services.hub.errors.InvalidHubTokenError: token of the Hub cannot be one; \
accepted: 1 to 512 characters without spaces, such as hf_...
    """
    if not text:
        return None
    if TOKEN.fullmatch(text) is None:
        raise InvalidHubTokenError(
            "token of the Hub",
            NO_VALUE,
            "cannot be one",
            "1 to 512 characters without spaces, such as hf_...",
        )
    return text
