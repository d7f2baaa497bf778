"""Takes secrets out of text that came from outside, before anybody can read it.

Theory of operation: a key or a token stands where its owner did not mean it to: in a query,
in a path, in an error that quotes a header. What has the look of one is replaced wherever
it stands, and so is the value of a parameter whose name says that it is secret. Text with
percent signs is looked at as it reads once they are gone; if a secret comes to light, all
of it is shown that way.

Too much is taken rather than too little: what is lost is a word in a log.

This runs on the event loop, with what anybody sends. So a text is read as far as a few
kilobytes, by patterns whose time is linear.
"""

from typing import Any
from urllib.parse import unquote

import re2

MOST_CHARACTERS = 2048
"""Of one text in a log line; what is longer is cut."""

_HIDDEN = "[redacted]"
_MOST_DECODINGS = 3
_MOST_READ_CHARACTERS = 4096
_MOST_SECRETS = 16

_LONG = r"token|secret|passw(?:or)?d|signature|api[_-]?key|authorization|credential|cookie"
_SHORT = r"auth|key|pwd|sig"
_NAME = rf"(?i)((?:(?:^|[^\w-])(?:{_SHORT})|{_LONG})[\w-]{{0,20}}"
"""Of a parameter whose value is nobody's business, or the end of such a name."""

_SECRETS: tuple[tuple[Any, str], ...] = (
    # As queries and forms have it, and as documents do.
    (re2.compile(_NAME + r"=)(?:(?:bearer|basic)\s+)?[^\s&;,'\"<>]+"), rf"\1{_HIDDEN}"),
    (re2.compile(_NAME + r"['\"]\s*:\s*b?['\"])[^'\"]+"), rf"\1{_HIDDEN}"),
    # A key of ours keeps its public part.
    (re2.compile(r"(?i)wb_([0-9a-z]{1,32})_[0-9a-z]{4,}"), rf"wb_\1_{_HIDDEN}"),
    (re2.compile(r"(?i)(hf_|api_org_)[0-9a-z]{6,}"), rf"\1{_HIDDEN}"),
    (re2.compile(r"(?i)\b(bearer)\s+[\w~+/=-][\w.~+/=-]{7,}"), rf"\1 {_HIDDEN}"),
    (re2.compile(r"\b([Bb]asic)\s+[a-z]*[0-9A-Z=][\w+/=-]{3,}"), rf"\1 {_HIDDEN}"),
    (re2.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?"), _HIDDEN),  # a JSON web token
    (re2.compile(r"(://)[^\s/@]{1,512}@"), rf"\1{_HIDDEN}@"),  # USER:PASSWORD of an address
)


def redact(text: str) -> str:
    """Return a text without what looks like a secret.

    Examples:
        >>> redact("seed=1&token=abcdef")
        'seed=1&token=[redacted]'
        >>> redact("/v1/hf_abcdefgh")
        '/v1/hf_[redacted]'
        >>> redact("seed=hf%5Fabcdefgh")
        'seed=hf_[redacted]'
        >>> redact("seed=42&dtype=bfloat16")
        'seed=42&dtype=bfloat16'
    """
    text = cut(text, most_characters=_MOST_READ_CHARACTERS)
    if not text.isascii():
        text = text.encode(errors="replace").decode()  # half a pair of UTF-16 is no text
    plain = _redact(text)
    decoded = text
    for _ in range(_MOST_DECODINGS):
        if "%" not in decoded:
            break
        decoded = unquote(decoded)
        hidden = _redact(decoded)
        if hidden != decoded:
            return hidden
    return plain


def cut(text: str, *, most_characters: int = MOST_CHARACTERS) -> str:
    """Return the beginning of a long text, and how long it was.

    Examples:
        >>> cut("a" * 10, most_characters=3)
        'aaa… (10 characters)'
    """
    if len(text) <= most_characters:
        return text
    return f"{text[:most_characters]}… ({len(text)} characters)"


def _redact(text: str) -> str:
    for pattern, replacement in _SECRETS:
        if pattern.search(text) is not None:
            text, count = pattern.subn(replacement, text, _MOST_SECRETS)
            if count == _MOST_SECRETS:
                return _HIDDEN  # nobody has that many: it is meant to take long
    return text
