"""Headers that tell a browser what it must not do with an answer.

Theory of operation: the answers are for programs. But a server on loopback or in a
private network can be asked by any page that somebody there has open, and a page that
shows our text must not become a place where other people's scripts run. So nothing is
guessed (``nosniff``), framed, embedded by other sites or loaded by an answer, and no
address of ours travels on in ``Referer``. A page of our own brings a policy that names
what it consists of.

Not here: Strict-Transport-Security. This server speaks plain HTTP; whoever ends TLS in
front of it knows whether every name it covers has TLS, and says so there.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

_POLICY = "content-security-policy"
_CLOSED = ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""Of every answer, besides its policy."""

STRICTEST = (_POLICY.encode(), "; ".join(_CLOSED).encode())
"""The policy of an answer that brings none of its own: it loads nothing and runs nothing."""

RAW = b"".join(name + b": " + value + b"\r\n" for name, value in (*HEADERS, STRICTEST))
"""The same as lines of a head, for answers that no app gives."""


def secured(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that keep browsers in check.

    Args:
        headers: Of the answer, with names in lower case; a policy among them stays.

    Examples:
        >>> dict(secured([(b"etag", b'"x"')]))[b"x-content-type-options"]
        b'nosniff'
    """
    has_policy = any(name == STRICTEST[0] for name, _ in headers)
    return [*headers, *HEADERS] if has_policy else [*headers, *HEADERS, STRICTEST]


def page_policy(*, styles: Iterable[str] = (), scripts: Iterable[str] = ()) -> dict[str, str]:
    """Return the policy of a page of our own, as a header.

    Besides what stands in the page it may load styles, scripts and pictures of this
    server, and ask it.

    Args:
        styles: Texts of its ``<style>`` elements, exactly as they stand there.
        scripts: Texts of its ``<script>`` elements, exactly as they stand there.

    Examples:
        >>> policy = page_policy(styles=["b {}"])["Content-Security-Policy"]
        >>> "style-src 'self' 'sha256-" in policy, "unsafe" in policy
        (True, False)
    """
    sources = (
        f"style-src {_own(styles)}",
        f"script-src {_own(scripts)}",
        "img-src 'self' data:",
        "connect-src 'self'",
    )
    return {"Content-Security-Policy": "; ".join((*_CLOSED, *sources))}


def _own(texts: Iterable[str]) -> str:
    return " ".join(["'self'", *(_hash(text) for text in texts)])


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
