"""Takes secrets out of text that came from outside, before anybody can read it.

Theory of operation: a key or a token stands where its owner did not mean it to: in a query,
in a path, in an error that quotes a header. What has the look of one is replaced wherever
it stands, and so is the value of a parameter whose name says that it is secret. Text with
percent signs is looked at as it reads once they are gone; if a secret comes to light, all
of it is shown that way.

Too much is taken rather than too little: what is lost is a word in a log.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

MOST_CHARACTERS = 2048
"""Of one text in a log line; what is longer is cut."""

_HIDDEN = "[redacted]"
_MOST_DECODINGS = 3

_Replace = str | Callable[[re.Match[str]], str]
_SECRETS: tuple[tuple[re.Pattern[str], _Replace], ...] = (
    # A key of ours keeps its public part.
    (re.compile(r"wb_([0-9a-z]{1,32})_[0-9a-z]{4,}", re.IGNORECASE), rf"wb_\1_{_HIDDEN}"),
    (re.compile(r"(hf_|api_org_)[0-9A-Za-z]{6,}", re.IGNORECASE), rf"\1{_HIDDEN}"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {_HIDDEN}"),
    (re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?"), _HIDDEN),  # a JSON web token
    (re.compile(r"(?<=://)[^\s/@]{1,512}(?=@)"), _HIDDEN),  # USER:PASSWORD of an address
    (
        re.compile(
            r"((?<![\w-])(?:auth|key|pwd|sig)"
            r"|[\w-]{0,40}(?:token|secret|passw(?:or)?d|signature|api[_-]?key|authorization"
            r"|credential|cookie)[\w-]{0,20})"
            r"(['\"]?\s*[=:]\s*['\"]?)(?!\[redacted\]|[\w-]+ \[redacted\])[^\s&;,'\"<>]+",
            re.IGNORECASE,
        ),
        rf"\1\2{_HIDDEN}",
    ),
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
        text = pattern.sub(replacement, text)
    return text
