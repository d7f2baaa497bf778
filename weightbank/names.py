"""Names that a state dict and a safetensors header can hold."""

import unicodedata

from weightbank.errors import InvalidNameError

RESERVED = "__metadata__"
"""The key of a safetensors header that is no tensor."""


def check_name(name: str, *, argument: str, limit_bytes: int) -> str:
    """Return a tensor's name if it can be one.

    Raises:
        InvalidNameError: If it is empty, too long, reserved, or holds control
            characters or lone surrogates.

    Examples:
        >>> check_name("fc.weight", argument="layers[0].name", limit_bytes=512)
        'fc.weight'
    """
    accepted = f"1 to {limit_bytes} bytes of UTF-8 without control characters"
    if not name:
        raise InvalidNameError(argument, name, "is empty", accepted)
    if name == RESERVED:
        raise InvalidNameError(argument, name, "is reserved by the safetensors format", accepted)
    try:
        size_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise InvalidNameError(argument, name, "is not Unicode text", accepted) from None
    if size_bytes > limit_bytes:
        raise InvalidNameError(argument, name, f"has {size_bytes} bytes", accepted)
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise InvalidNameError(argument, name, "holds a control character", accepted)
    return name
