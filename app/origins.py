"""Pages of other origins that may ask this server (CORS), as a setting names them."""

import re
from dataclasses import dataclass

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}

_METHODS = b"GET, HEAD, POST, PUT, DELETE"
_SENT = (
    b"Authorization, Content-Type, If-Match, If-None-Match, If-Range, Range, X-HF-Token, "
    b"X-Request-ID, traceparent"
)
_SEEN = (
    b"Content-Disposition, Content-Location, Content-Range, ETag, Link, Location, Retry-After, "
    b"Weightbank-Algorithm, X-Repo-Commit, X-Request-ID"
)
_MOST_AGE_SECONDS = b"600"
_VARY = (b"vary", b"Origin")

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Origins:
    """Whose pages may ask, and read the answers.

    They may send a key in ``Authorization`` if they have one. Cookies are not asked for,
    and would mean nothing here.

    Attributes:
        allowed: As browsers write them: ``https://console.example``.
    """

    allowed: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "Origins":
        """Return the origins of a setting.

        Raises:
            ValueError: If one is none, or is not written as browsers write it.

        Examples:
            >>> Origins.parse("https://a.example, http://localhost:3000").allows(b"https://a.example")
            True
            >>> Origins.parse("https://a.example/")
            Traceback (most recent call last):
            ValueError: 'https://a.example/' is no origin; accepted: SCHEME://HOST or \
SCHEME://HOST:PORT in lower case, as in https://console.example
        """
        return cls(frozenset(_checked(name) for part in text.split(",") if (name := part.strip())))

    def allows(self, origin: bytes | None) -> bool:
        """Return whether pages of an origin may ask."""
        return origin is not None and origin.decode("latin-1") in self.allowed

    def headers(self, origin: bytes | None) -> Headers:
        """Return what an answer says to a page of an origin.

        ``Vary`` is there for everybody: a cache must not give one origin's answer to
        another.

        Examples:
            >>> Origins().headers(b"https://a.example")
            []
        """
        if not self.allowed:
            return []
        if origin is None or not self.allows(origin):
            return [_VARY]
        return [
            _VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _SEEN),
        ]


PREFLIGHT: Headers = [
    (b"access-control-allow-methods", _METHODS),
    (b"access-control-allow-headers", _SENT),
    (b"access-control-max-age", _MOST_AGE_SECONDS),
]
"""What a browser is told that asks before a page of an allowed origin may."""


def _checked(name: str) -> str:
    if name == "*":
        raise ValueError(
            "'*' would let every page of the web ask with whatever a browser can reach; "
            "accepted: the origins of pages that are known"
        )
    scheme, _, rest = name.partition("://")
    port = rest.rpartition(":")[2] if re.search(r":[0-9]+$", rest) else None
    if _ORIGIN.fullmatch(name) is None or (port is not None and not 0 < int(port) <= 65535):  # noqa: PLR2004 - the last port
        raise ValueError(
            f"{name!r} is no origin; accepted: SCHEME://HOST or SCHEME://HOST:PORT in lower case, "
            "as in https://console.example"
        )
    if port is not None and port == _DEFAULT_PORTS[scheme]:
        raise ValueError(
            f"{name!r} never comes from a browser, which leaves a scheme's own port out; "
            f"accepted: {name.removesuffix(f':{port}')}"
        )
    return name
