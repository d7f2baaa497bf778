"""From ``Authorization: Bearer wb_...`` to the parts of a key. Nothing of it is ever shown."""

from collections.abc import Sequence

from services.keys.errors import InvalidKeyError, MissingKeyError
from services.keys.key_text import KeyText, parse_key

_SPACES = " \t"


def read_authorization(values: Sequence[str]) -> KeyText:
    """Return the key in the Authorization headers of a request.

    Args:
        values: Of each header of this name.

    Raises:
        MissingKeyError: If there is none.
        InvalidKeyError: If it is no key.

    Examples:
        >>> from services.keys.key_text import make_key
        >>> key = make_key()
        >>> read_authorization([f"bearer  {key.reveal()} "]) == key
        True
        >>> read_authorization(["Basic dXNlcjpwYXNz"])
        Traceback (most recent call last):
            ...
        services.keys.errors.InvalidKeyError: Authorization has another scheme than Bearer; \
accepted: Authorization: Bearer wb_...
    """
    stripped = [value.strip(_SPACES) for value in values]
    if not any(stripped):
        raise MissingKeyError
    if len(stripped) > 1:
        raise InvalidKeyError("was sent more than once")
    scheme, _, rest = stripped[0].partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidKeyError("has another scheme than Bearer")
    text = parse_key(rest.strip(_SPACES))
    if text is None:
        raise InvalidKeyError("is not a key, or one with a typing error")
    return text
