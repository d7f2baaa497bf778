"""The hosts that a request may go to, wherever the Hub's redirects point.

Only names that are listed are asked. A pattern with ``*`` is for names alone: no
address, and no ``localhost``, is reached unless an entry, or the Hub's own address,
says it literally.
"""

import ipaddress
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

import httpx2

from services.hub.errors import RedirectRefusedError
from weightbank.errors import NO_VALUE

DEFAULT_HOSTS = "huggingface.co,*.huggingface.co,hf.co,*.hf.co"
"""Where huggingface.co itself sends those who fetch files."""

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9*]([a-z0-9.*-]*[a-z0-9])?")
_ACCEPTED = (
    "accepted: names such as cdn.example.org or *.example.org (https only), exact origins such as "
    "http://10.0.0.7:8080, or HOST:PORT, with commas between them"
)


@dataclass(frozen=True, slots=True)
class WebOrigin:
    """Scheme, host and port: what a browser calls an origin."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: httpx2.URL) -> Self:
        """Return the origin of a URL; port 0 where its scheme has none of its own.

        Examples:
            >>> WebOrigin.of(httpx2.URL("https://huggingface.co/gpt2"))
            WebOrigin(scheme='https', host='huggingface.co', port=443)
        """
        host = url.raw_host.decode("ascii", "replace").lower()
        return cls(url.scheme, host, url.port or _PORTS.get(url.scheme, 0))


@dataclass(frozen=True, slots=True)
class Hosts:
    """The origins that may be asked.

    Attributes:
        endpoint: Of the Hub itself: the only one that is told tokens.
        patterns: Names for https on its usual port.
        origins: Others, exactly.
    """

    endpoint: WebOrigin
    patterns: tuple[str, ...]
    origins: frozenset[WebOrigin]

    @classmethod
    def parse(cls, text: str, *, endpoint: str) -> Self:
        """Return the hosts that a setting's text says, and the Hub's own.

        Args:
            text: Entries with commas between them: a name or a pattern, which means
                https and its usual port; ``SCHEME://HOST[:PORT]``, exactly that; or
                ``HOST:PORT``, by http or https.
            endpoint: Address of the Hub.

        Raises:
            ValueError: If an entry is none of these, or the address is none of a Hub.

        Examples:
            >>> hosts = Hosts.parse("*.hf.co", endpoint="https://huggingface.co")
            >>> hosts.check(httpx2.URL("https://cas-bridge.xethub.hf.co/file?signature=1"))
            >>> hosts.check(httpx2.URL("http://169.254.169.254/latest/meta-data"))
            Traceback (most recent call last):
            services.hub.errors.RedirectRefusedError: redirect to http://169.254.169.254:80 \
leads where this server must not ask; accepted: https://huggingface.co:443, *.hf.co
        """
        patterns: list[str] = []
        origins: set[WebOrigin] = set()
        for entry in filter(None, (part.strip() for part in text.lower().split(","))):
            if "://" in entry:
                origins.add(_exact(entry))
            elif re.search(r":\d+\Z", entry):
                origins.update(_exact(f"{scheme}://{entry}") for scheme in _PORTS)
            elif _is_literal(entry):
                origins.add(_exact(f"https://{entry}"))
            elif _NAME.fullmatch(entry) and entry.strip("*."):
                patterns.append(entry)
            else:
                raise ValueError(f"{entry!r} names no host; {_ACCEPTED}")
        return cls(parse_endpoint(endpoint), tuple(patterns), frozenset(origins))

    def check(self, url: httpx2.URL) -> None:
        """See that a URL leads where requests may go.

        Raises:
            RedirectRefusedError: If not; it names the origin, and not the rest, which
                may be a signature.
        """
        origin = WebOrigin.of(url)
        if url.userinfo or not self._allows(origin):
            shown = f"{origin.scheme or 'no scheme'}://{origin.host}:{origin.port}"
            raise RedirectRefusedError(
                f"redirect to {shown[:200]}",
                NO_VALUE,
                "leads where this server must not ask",
                ", ".join(
                    [_shown(self.endpoint), *self.patterns, *sorted(map(_shown, self.origins))]
                ),
            )

    def is_endpoint(self, url: httpx2.URL) -> bool:
        """Whether a URL is of the Hub itself, which may be told tokens."""
        return not url.userinfo and WebOrigin.of(url) == self.endpoint

    def _allows(self, origin: WebOrigin) -> bool:
        if origin == self.endpoint or origin in self.origins:
            return True
        return (
            (origin.scheme, origin.port) == ("https", _PORTS["https"])
            and not _is_literal(origin.host)
            and any(fnmatchcase(origin.host, pattern) for pattern in self.patterns)
        )


def parse_endpoint(text: str) -> WebOrigin:
    """Return the origin of a Hub's address, which may have a path but nothing more.

    Raises:
        ValueError: If it is not such an address.

    Examples:
        >>> parse_endpoint("http://127.0.0.1:8000/hub")
        WebOrigin(scheme='http', host='127.0.0.1', port=8000)
        >>> parse_endpoint("huggingface.co")
        Traceback (most recent call last):
        ValueError: 'huggingface.co' is not the address of a Hub; accepted: \
https://HOST[:PORT][/PATH], or http://, without user, query and fragment
    """
    url = _url(text)
    if url is None or url.query or url.fragment:
        # The address may hold a password, which is shown to nobody.
        shown = "it" if "@" in text else repr(text)
        raise ValueError(
            f"{shown} is not the address of a Hub; accepted: https://HOST[:PORT][/PATH], "
            "or http://, without user, query and fragment"
        )
    return WebOrigin.of(url)


def _exact(entry: str) -> WebOrigin:
    url = _url(entry)
    if url is None or url.raw_path != b"/" or "*" in entry:
        raise ValueError(f"{entry!r} names no origin; {_ACCEPTED}")
    return WebOrigin.of(url)


def _url(text: str) -> httpx2.URL | None:
    """Return an http or https URL with a host and without a user, or None."""
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        return None
    return url if url.scheme in _PORTS and url.host and not url.userinfo else None


def _is_literal(host: str) -> bool:
    """Whether a host is an address, however written, or this very machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        # Also 127.1 and 0x7f000001, which resolvers take for addresses.
        return re.fullmatch(r"(0x[0-9a-f]*|\d+)", host.rsplit(".", 1)[-1]) is not None
    return True


def _shown(origin: WebOrigin) -> str:
    return f"{origin.scheme}://{origin.host}:{origin.port}"
