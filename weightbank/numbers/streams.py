"""Streams: which random words belong to a tensor.

Theory of operation: a tensor's stream is named by (seed, tensor name, tag) alone,
so adding, removing or reordering tensors moves no other tensor's values. The
SHA-256 of that triple gives Philox's key and the upper half of its counter; the
lower half counts the tensor's elements, so any element can be made alone.
"""

import hashlib
from dataclasses import dataclass

from weightbank.errors import InvalidSeedError

SEED_STOP = 2**64
"""Seeds are integers in [0, SEED_STOP)."""

WEIGHT_TAG = "w"
"""The tag of draws that are one word an element; other uses have their own."""

_DOMAIN = b"weightbank-1\0"


@dataclass(frozen=True, slots=True)
class Stream:
    """Philox's key, and the two words of its counter that do not count.

    Attributes:
        key0: First key word, u32.
        key1: Second key word, u32.
        counter2: Third counter word, u32.
        counter3: Fourth counter word, u32.
    """

    key0: int
    key1: int
    counter2: int
    counter3: int


def check_seed(seed: object, *, argument: str = "seed") -> int:
    """Return ``seed`` if it is one.

    Raises:
        InvalidSeedError: If it is not an integer in [0, 2**64).

    Examples:
        >>> check_seed(42)
        42
        >>> check_seed(2**64)
        Traceback (most recent call last):
        weightbank.errors.InvalidSeedError: seed 18446744073709551616 is out of range; accepted: \
an integer in [0, 2**64)
    """
    accepted = "an integer in [0, 2**64)"
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise InvalidSeedError(argument, seed, "is not an integer", accepted)
    if not 0 <= seed < SEED_STOP:
        raise InvalidSeedError(argument, seed, "is out of range", accepted)
    return seed


def derive_stream(seed: int, name: str, tag: str = WEIGHT_TAG) -> Stream:
    """Return the stream of one tensor.

    Args:
        seed: The caller's, in [0, 2**64).
        name: The tensor's name in the state dict; its UTF-8 is taken as it is,
            not normalised.
        tag: ASCII; ``w`` unless an initializer says otherwise.

    Raises:
        InvalidSeedError: If the seed is out of range.

    Examples:
        >>> derive_stream(42, "fc.weight") == Stream(
        ...     key0=0x73545BAB, key1=0xDB95CC34, counter2=0x3ED8B9EE, counter3=0xC6C8A545)
        True

    References:
        docs/numbers.md, "Streams".
    """
    seed_bytes = check_seed(seed).to_bytes(8, "little")
    name_bytes, tag_bytes = name.encode("utf-8"), tag.encode("ascii")
    message = b"".join(
        (
            _DOMAIN,
            seed_bytes,
            len(name_bytes).to_bytes(4, "little"),
            name_bytes,
            len(tag_bytes).to_bytes(4, "little"),
            tag_bytes,
        )
    )
    digest = hashlib.sha256(message).digest()
    return Stream(*(int.from_bytes(digest[at : at + 4], "little") for at in (0, 4, 8, 12)))
