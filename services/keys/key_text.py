"""The text of a key: ``wb_<id>_<secret>``, as its owner has it.

Theory of operation
===================
- The id is public: it is what logs, lists and names' histories show.
- The secret has 260 random bits. Nobody finds one by trying, however fast a trial is. So
  its plain SHA-256 is kept: slow hashes (bcrypt, argon2) are for passwords, which people
  choose from few; here one would cost a processor for each request, and gain nothing.
- The last seven characters are a CRC-32 of all before them. A typing error is refused
  without a question to the database. It is no protection: whoever likes can compute it.
- Letters and digits are Crockford's base 32 in lower case, without i, l, o and u, which
  are read as others. Nothing in a key needs quoting in a shell, a URL or YAML, and a
  double click selects all of it.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS = 5
_ID_CHARACTERS = 12
_SECRET_CHARACTERS = 52
_CHECK_CHARACTERS = 7
_PREFIX = "wb"

KEY_CHARACTERS = len(_PREFIX) + _ID_CHARACTERS + _SECRET_CHARACTERS + _CHECK_CHARACTERS + 2
"""Of a whole key."""

_KEY = re.compile(
    rf"{_PREFIX}_([{_ALPHABET}]{{{_ID_CHARACTERS}}})"
    rf"_([{_ALPHABET}]{{{_SECRET_CHARACTERS}}})([{_ALPHABET}]{{{_CHECK_CHARACTERS}}})"
)
_ID = re.compile(rf"[{_ALPHABET}]{{{_ID_CHARACTERS}}}")


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key in its parts. Neither ``str`` nor ``repr`` shows the secret.

    Attributes:
        id: The public part.
        secret: The rest, without the check.

    Examples:
        >>> KeyText("0123456789ab", "z" * 52)
        KeyText(id='0123456789ab')
    """

    id: str
    secret: str = field(repr=False)

    @property
    def secret_sha256(self) -> str:
        """What is kept of the secret, in lowercase hexadecimal."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def reveal(self) -> str:
        """Return the whole key, for its owner.

        Examples:
            >>> KeyText("0123456789ab", "z" * 52).reveal().startswith("wb_0123456789ab_zzz")
            True
        """
        checked = f"{_PREFIX}_{self.id}_{self.secret}"
        return checked + _check(checked)


def make_key() -> KeyText:
    """Return a key that nobody has seen.

    Examples:
        >>> made = make_key()
        >>> parse_key(made.reveal()) == made
        True
    """
    return KeyText(_random(_ID_CHARACTERS), _random(_SECRET_CHARACTERS))


def parse_key(text: str) -> KeyText | None:
    """Return the parts of a key; None for what is none, or has a typing error.

    Examples:
        >>> parse_key("wb_1_2") is None
        True
    """
    match = _KEY.fullmatch(text)
    if match is None or _check(text[:-_CHECK_CHARACTERS]) != match.group(3):
        return None
    return KeyText(match.group(1), match.group(2))


def is_key_id(text: str) -> bool:
    """Return whether a text can be the public part of a key.

    Examples:
        >>> is_key_id("0123456789ab"), is_key_id("0123456789ai")
        (True, False)
    """
    return _ID.fullmatch(text) is not None


def _random(characters: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(characters))


def _check(text: str) -> str:
    rest, characters = zlib.crc32(text.encode()), []
    for _ in range(_CHECK_CHARACTERS):
        rest, digit = divmod(rest, 2**_BITS)
        characters.append(_ALPHABET[digit])
    return "".join(characters)
