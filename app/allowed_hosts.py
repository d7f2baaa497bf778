"""Names that this server answers to, as a setting gives them.

Theory of operation: a page in a browser may ask its own server. Whoever owns its name can
have it mean another address the next time, 127.0.0.1 among them (DNS rebinding); then the
browser takes our answers for the page's own, and nothing about origins holds it back. What
gives it away is the name in ``Host``, which is still the page's. An address there cannot
have been rebound, and probes and scrapers have no name, so addresses always pass.
"""

import ipaddress
import re
from dataclasses import dataclass

_NAME = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/@\s]+)(?::[0-9]{1,5})?")
_ANY = "*"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Names of this server.

    Attributes:
        is_any: Whether every name will do.
        names: In lower case.
        suffixes: Of names that began with ``*``: ``.example``.
    """

    is_any: bool = True
    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "AllowedHosts":
        """Return the names of a setting.

        Raises:
            ValueError: If there are none, or one is no name.

        Examples:
            >>> AllowedHosts.parse("bank.example, *.bank.example").allow(b"eu.bank.example:8000")
            True
            >>> AllowedHosts.parse("http://bank.example")
            Traceback (most recent call last):
            ValueError: 'http://bank.example' is no name of a host; accepted: names as in \
bank.example, *.bank.example, or * for every name
        """
        names = [name for part in text.split(",") if (name := part.strip().lower())]
        if names == [_ANY]:
            return cls()
        for name in names or [text]:
            if _NAME.fullmatch(name) is None:
                raise ValueError(
                    f"{name!r} is no name of a host; accepted: names as in bank.example, "
                    "*.bank.example, or * for every name"
                )
        return cls(
            is_any=False,
            names=frozenset(name for name in names if not name.startswith(_ANY)),
            suffixes=tuple(name[1:] for name in names if name.startswith(_ANY)),
        )

    def allow(self, host: bytes | None) -> bool:
        """Return whether this server answers to what stands in ``Host``.

        Args:
            host: With or without a port; None if there is no such header.

        Examples:
            >>> AllowedHosts.parse("bank.example").allow(b"evil.example")
            False
            >>> AllowedHosts.parse("bank.example").allow(b"127.0.0.1:8000")
            True
        """
        if self.is_any:
            return True
        found = None if host is None else _AUTHORITY.fullmatch(host.decode("latin-1"))
        if found is None:
            return False
        name = found[1].lower().rstrip(".")
        return name in self.names or name.endswith(self.suffixes) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
