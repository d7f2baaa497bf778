"""What a key opens."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Literal, get_args

Scope = Literal["read", "write", "checkpoints", "admin"]

SCOPES: tuple[Scope, ...] = get_args(Scope)

_INCLUDED: MappingProxyType[Scope, frozenset[Scope]] = MappingProxyType(
    {
        "read": frozenset({"read"}),
        "write": frozenset({"read", "write"}),
        "checkpoints": frozenset({"checkpoints"}),
        "admin": frozenset(SCOPES),
    }
)
"""Who stores specs may read them; who administers may do all."""


def opened_by(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return all that a set of scopes opens.

    Scopes of newer releases open nothing here: a server of an older one meets them after a
    rollback, beside those that it knows.

    Examples:
        >>> sorted(opened_by(["write"]))
        ['read', 'write']
        >>> opened_by(["admin"]) == frozenset(SCOPES)
        True
    """
    return frozenset().union(*(_INCLUDED.get(scope, frozenset()) for scope in scopes))
